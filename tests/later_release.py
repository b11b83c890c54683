"""The release after this one, as far as a database can tell: migrations behind our newest, which only add."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from cli.migrate import alembic_config
from common.settings import ROOT, Settings

LATER = "later"
ADD_COLUMNS = """
    op.execute("CREATE TABLE IF NOT EXISTS later (project_id uuid PRIMARY KEY)")
    op.execute("ALTER TABLE {table} ADD COLUMN later text, ADD COLUMN later_count int NOT NULL DEFAULT 0")
"""
DROP_COLUMNS = """
    op.execute("DROP TABLE IF EXISTS later")
    op.execute("ALTER TABLE {table} DROP COLUMN later, DROP COLUMN later_count")
"""
MIGRATION = '''"""What a later release may do to the schema."""

from alembic import op
from migrations.indexes import create_index

revision, down_revision, branch_labels, depends_on = {revision!r}, {before!r}, None, None


def upgrade() -> None:{upgrade}

def downgrade() -> None:{downgrade}'''


def with_later_migrations(folder: Path, database_url: str, tables: Iterable[str]) -> Config:
    """Alembic's configuration for the database, with a migration for each of these tables written to `folder`; the
    newest is LATER. One table each: a transaction that takes two which one read asks for can meet it in a deadlock."""
    *others, last = tables
    revisions = {**{f"{LATER}_{table}": table for table in others}, LATER: last}
    bodies = {name: (ADD_COLUMNS.format(table=t), DROP_COLUMNS.format(table=t)) for name, t in revisions.items()}
    return with_migrations(folder, database_url, bodies)


def with_migrations(folder: Path, database_url: str, bodies: Mapping[str, tuple[str, str]]) -> Config:
    """Alembic's configuration for the database, with migrations behind our newest written to `folder`: by their
    revisions, the indented lines of `upgrade` and of `downgrade`."""
    folder.mkdir(exist_ok=True)
    config = alembic_config(Settings.load(database_url=database_url))
    before = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()
    for revision, (upgrade, downgrade) in bodies.items():
        text = MIGRATION.format(revision=revision, before=before, upgrade=upgrade, downgrade=downgrade)
        (folder / f"{revision}.py").write_text(text)
        before = revision
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{ROOT / 'migrations/versions'}\n{folder}")
    return config
