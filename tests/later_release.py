"""The release after this one, as far as a database can tell: migrations behind our newest, which only add."""

from collections.abc import Iterable
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from cli.migrate import alembic_config
from common.settings import ROOT, Settings

LATER = "later"
MIGRATION = '''"""What a later release may add to a table: a column that may be empty and one with a default."""

from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None


def upgrade() -> None:
    op.execute("CREATE TABLE IF NOT EXISTS later (project_id uuid PRIMARY KEY)")
    op.execute("ALTER TABLE {table} ADD COLUMN later text, ADD COLUMN later_count int NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS later")
    op.execute("ALTER TABLE {table} DROP COLUMN later, DROP COLUMN later_count")
'''


def with_later_migrations(folder: Path, database_url: str, tables: Iterable[str]) -> Config:
    """Alembic's configuration for the database, with a migration for each of these tables written to `folder`; the
    newest is LATER. One table each: a transaction that takes two which one read asks for can meet it in a deadlock."""
    folder.mkdir(exist_ok=True)
    config = alembic_config(Settings.load(database_url=database_url))
    before = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()
    *others, last = tables
    for table, revision in [*((table, f"{LATER}_{table}") for table in others), (last, LATER)]:
        (folder / f"{revision}.py").write_text(MIGRATION.format(revision=revision, before=before, table=table))
        before = revision
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{ROOT / 'migrations/versions'}\n{folder}")
    return config
