"""The release after this one, as far as a database can tell: a migration behind our newest, which only adds."""

from collections.abc import Iterable
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from cli.migrate import alembic_config
from common.settings import ROOT, Settings

LATER = "later"
MIGRATION = '''"""What a later release may add: a table, and to others a column that may be empty and one with a default."""

from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {head!r}, None, None
TABLES = {tables!r}


def upgrade() -> None:
    op.execute("CREATE TABLE later (project_id uuid PRIMARY KEY)")
    for table in TABLES:
        op.execute(f"ALTER TABLE {{table}} ADD COLUMN later text, ADD COLUMN later_count int NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("DROP TABLE later")
    for table in TABLES:
        op.execute(f"ALTER TABLE {{table}} DROP COLUMN later, DROP COLUMN later_count")
'''


def with_later_migration(folder: Path, database_url: str, tables: Iterable[str]) -> Config:
    """Alembic's configuration for the database, with the migration of these tables written to `folder` as its newest."""
    folder.mkdir(exist_ok=True)
    config = alembic_config(Settings.load(database_url=database_url))
    head = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()
    (folder / "later.py").write_text(MIGRATION.format(revision=LATER, head=head, tables=tuple(tables)))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", f"{ROOT / 'migrations/versions'}\n{folder}")
    return config
