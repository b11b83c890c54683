"""`mayday migrate`: bring the schema of the database up to this release."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import SQLAlchemyError

from cli.state import find_database
from common.settings import ROOT, Settings, SettingsInvalid


def migrate(
    check: Annotated[
        bool, typer.Option(help="Only say whether the schema is that of this release; exit 1 if not.")
    ] = False,
) -> None:
    """Bring the schema up to this release. One runner at a time; a second one waits and finds nothing to do."""
    with failing_in_a_sentence():
        settings = find_database()
        database_url = settings.migrate_database_url or settings.database_url
        if check:
            command.check(alembic_config(settings.model_copy(update={"database_url": database_url})))
        else:
            upgrade(database_url)
            typer.echo("the schema is that of this release")


def upgrade(database_url: str) -> None:
    """Run the migrations that the database lacks. Must be called outside an event loop: alembic runs one of its own."""
    command.upgrade(alembic_config(Settings.load(database_url=database_url)), "head")


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
        typer.echo(f"Postgres cannot be used ({error}): check MAYDAY_DATABASE_URL", err=True)
        raise typer.Exit(2) from error
