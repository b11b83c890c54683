"""`mayday migrate`: bring the schema of the database up to this release."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import structlog
import typer
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cli.state import find_database
from common.database.failures import find_cure
from common.settings import ROOT, Settings, SettingsInvalid

log = structlog.get_logger()

# Between the tries of a migration that lost a lock to others; long beside the four seconds that a try may wait and have
# everybody wait behind it.
PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
DEADLOCK, LOCK_TIMEOUT = "40P01", "55P03"


def migrate(
    check: Annotated[
        bool, typer.Option(help="Only say whether the schema is that of this release; exit 1 if not.")
    ] = False,
) -> None:
    """Bring the schema up to this release. One runner at a time; a second one waits and finds nothing to do."""
    with failing_in_a_sentence():
        settings = find_database()
        database_url = migration_url(settings)
        if check:
            command.check(alembic_config(settings.model_copy(update={"database_url": database_url})))
        else:
            upgrade(database_url)
            typer.echo("the schema is that of this release")


def migration_url(settings: Settings) -> str:
    """The URL that migrations take.

    Raises SettingsInvalid where it leads through a pooler in transaction mode: that gives the session, and with it the
    lock which keeps a second runner away, to whoever comes next.
    """
    if settings.database_pooler == "transaction" and not settings.migrate_database_url:
        raise SettingsInvalid(
            "MAYDAY_MIGRATE_DATABASE_URL is not set: migrations need a session of their own, which a pooler in "
            "transaction mode does not give; say the URL of Postgres itself"
        )
    return settings.migrate_database_url or settings.database_url


def upgrade(database_url: str) -> None:
    """Run the migrations that the database lacks. Must be called outside an event loop: alembic runs one of its own."""
    run_due(alembic_config(Settings.load(database_url=database_url)))


def run_due(config: Config) -> None:
    """Run what is due; what lost its lock to a deadlock or waited too long for it is tried again, after the others."""
    for pause in PAUSES_SECONDS:
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            if not has_lost_a_lock(error):
                raise
            log.warning("migration_tried_again", reason=str(error.orig), in_seconds=pause)
            time.sleep(pause)
        else:
            return
    command.upgrade(config, "head")


def has_lost_a_lock(error: Exception) -> bool:
    """Whether the migration might go through when it is run again."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in {DEADLOCK, LOCK_TIMEOUT}


def alembic_config(settings: Settings) -> Config:
    """Alembic's configuration for these settings; `command.check` and others take it too."""
    config = Config(ROOT / "alembic.ini", stdout=sys.stderr)
    config.attributes["settings"] = settings
    return config


@contextmanager
def failing_in_a_sentence() -> Iterator[None]:
    """Say what is wrong with settings or servers, and exit 2, where a traceback would only hide it."""
    try:
        yield
    except SettingsInvalid as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except CommandError as error:
        typer.echo(f"the schema is not that of this release ({error}): run `./mayday migrate`", err=True)
        raise typer.Exit(1) from error
    except (SQLAlchemyError, OSError) as error:
        if has_lost_a_lock(error):
            typer.echo(f"a migration did not get its lock ({error}): run it again when what holds it is done", err=True)
            raise typer.Exit(1) from error
        typer.echo(f"Postgres cannot be used ({getattr(error, 'orig', None) or error}): {find_cure(error)}", err=True)
        raise typer.Exit(2) from error
