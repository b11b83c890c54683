"""`mayday migrate`: bring the schema of the database up to this release."""

from alembic import command
from alembic.config import Config

from common.settings import ROOT, Settings


def upgrade(database_url: str) -> None:
    """Run the migrations that the database lacks; one runner at a time, a second one waits and finds nothing.

    Must be called outside an event loop: alembic's environment runs one of its own.
    """
    command.upgrade(alembic_config(Settings.load(database_url=database_url)), "head")


def alembic_config(settings: Settings) -> Config:
    """Alembic's configuration for these settings; `command.check` and others take it too."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["settings"] = settings
    return config
