"""`mayday project` and `mayday key`: who may do what."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.client import find_public_url
from cli.examples import examples
from cli.lengths import parse_length
from cli.migrate import failing_in_a_sentence
from cli.output import Column, Json, Rows, print_json, print_rows, show_age
from cli.state import find_database
from common.database import make_engine
from common.keys import Scope
from common.projects import create_key, ensure_project, find_dsn, find_project, list_keys, revoke_key
from common.settings import Settings
from common.tables import projects

T = TypeVar("T")
key_app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke keys.",
    epilog=examples("key create --scope ingest --expires 90d", "key list"),
)
project_app = typer.Typer(
    no_args_is_help=True,
    help="Make, list, rename and delete projects.",
    epilog=examples("project create shop", "project list"),
)

KEYS = (
    Column("id"),
    Column("project"),
    Column("scope"),
    Column("state"),
    Column("created", show_age),
    Column("last_used", show_age),
    Column("expires", lambda moment: "never" if moment is None else show_age(moment)),
    Column("name"),
)


def with_database(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do the work in one transaction on MAYDAY_DATABASE_URL, or on what `mayday up` runs with this MAYDAY_HOME."""
    with failing_in_a_sentence():
        return asyncio.run(in_transaction(find_database(), work))


async def in_transaction(settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    engine = make_engine(settings, "cli", pool_size=1)
    try:
        async with engine.begin() as connection:
            return await work(connection)
    finally:
        await engine.dispose()


@project_app.command("create", epilog=examples("project create shop"))
def create_project_command(name: str) -> None:
    """Make a project; one of that name is left as it is. Prints its id."""
    typer.echo(with_database(lambda connection: ensure_project(connection, name)))


@project_app.command("list", epilog=examples("project list"))
def list_projects_command() -> None:
    """Every project: id and name."""

    async def find(connection: AsyncConnection) -> list[str]:
        rows = await connection.execute(select(projects).order_by(projects.c.created_at))
        return [f"{row.project_id}  {row.name}" for row in rows]

    typer.echo(os.linesep.join(with_database(find)))


@key_app.command(
    "create",
    epilog=examples("key create --scope ingest", "key create --scope read --project shop --name laptop --expires 90d"),
)
def create_key_command(
    scope: Annotated[Scope, typer.Option(help="What the key may do.")],
    project: Annotated[str, typer.Option(help="Name of the project.")] = "default",
    name: Annotated[str, typer.Option(help="What it is for, as a reminder.")] = "",
    expires: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_length, metavar="LENGTH", help="Ends by itself after so long, as 12h or 90d; else never."
        ),
    ] = None,
) -> None:
    """Make a key and print it: this is the only time that it is seen. The DSN of an ingest key goes to standard error."""
    base_url = find_public_url()

    async def create(connection: AsyncConnection) -> tuple[str, str | None] | None:
        project_id = await find_project(connection, project)
        if project_id is None:
            return None
        key = await create_key(connection, project_id, scope, name, expires)
        return key, await find_dsn(connection, key, base_url)

    made = with_database(create)
    if made is None:
        typer.echo(f"there is no project named {project}: make it with `./mayday project create {project}`", err=True)
        raise typer.Exit(1)
    key, dsn = made
    typer.echo(key)
    if dsn is not None:
        typer.echo(f"DSN for Sentry's SDKs: {dsn}", err=True)


@key_app.command(
    "list", epilog=examples("key list", "key list --json | jq -r '.keys[] | select(.last_used == null) | .id'")
)
def list_keys_command(as_json: Json = False) -> None:
    """Every key: project, scope, state, when it was used last (to within six minutes) and when it ends; never the secret."""
    rows = [
        [
            row.key_id,
            row.project,
            row.scope,
            row.state,
            *map(as_text, (row.created_at, row.used_at, row.expires_at)),
            row.name,
        ]
        for row in with_database(list_keys)
    ]
    if as_json:
        print_json({"keys": [dict(zip([column.name for column in KEYS], row, strict=True)) for row in rows]})
    else:
        print_rows(Rows(KEYS, rows, empty="there is no key: make one with `mayday key create`"))


def as_text(moment: datetime | None) -> str | None:
    """As the API tells times, to the second."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@key_app.command("revoke", epilog=examples("key revoke 4fXq0JvA9sTb"))
def revoke_key_command(key_id: str) -> None:
    """End a key, by the id that `key list` shows. Processes that know it may trust it for 30 s more."""
    if not with_database(lambda connection: revoke_key(connection, key_id)):
        typer.echo(f"there is no valid key with the id {key_id}: see `./mayday key list`", err=True)
        raise typer.Exit(1)
    typer.echo("revoked; it may work for up to 30 s more")
