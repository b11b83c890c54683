"""`mayday project rename` and `delete`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn

import typer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cli.examples import examples
from cli.keys import project_app, with_database
from cli.migrate import failing_in_a_sentence
from cli.state import find_stores
from common.database import make_engine
from common.projects import find_project, rename_project
from common.projects.deletion import DeletionHeldUp, count_rows, delete_project, describe_rows
from common.settings import Settings


@project_app.command("rename", epilog=examples("project rename shop store"))
def rename(name: str, to: Annotated[str, typer.Argument(help="The new name.")]) -> None:
    """Give a project another name. Its keys, errors and patterns stay as they are."""

    async def change(connection: AsyncConnection) -> str:
        project_id = await find_project(connection, name)
        return lacks_project(name) if project_id is None else await rename_project(connection, project_id, to)

    problem = with_database(change)
    if problem:
        refuse(problem)
    typer.echo(f"{name} is called {to} now")


@project_app.command("delete", epilog=examples("project delete shop"))
def delete(
    name: str, yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name again.")] = False
) -> None:
    """Delete a project for good: its errors, patterns, budgets, usage, keys, and what the cache holds of it.

    Says first what there is, and wants the name typed unless --yes is given. Its keys end at once. Ended by Ctrl-C or anything
    else it is run again with the same name, and goes on.
    """
    run_with_engine(lambda settings, engine: ask_and_delete(settings, engine, name, is_sure=yes))


async def ask_and_delete(settings: Settings, engine: AsyncEngine, name: str, *, is_sure: bool) -> None:
    async with engine.connect() as connection:
        project_id = await find_project(connection, name)
    if project_id is None:
        refuse(lacks_project(name))
    counts = await count_rows(engine, project_id)
    typer.echo(f"{name} ({project_id}) has:\n{describe_rows(counts) or '  nothing'}")
    if not is_sure and typer.prompt("type its name to delete all of it for good", default="") != name:
        refuse("not deleted")
    try:
        await delete_project(settings, engine, project_id, typer.echo, jobs=name_jobs(settings))
    except DeletionHeldUp as error:
        refuse(str(error))
    typer.echo(f"{name} is deleted")


def name_jobs(settings: Settings) -> list[str]:
    """The jobs of the worker, whose rooms are needed for nothing else here."""
    from worker.schedule import name_jobs as names_of

    return names_of(settings)


def lacks_project(name: str) -> str:
    return f"there is no project named {name}: see `./mayday project list`"


def refuse(reason: str) -> NoReturn:
    """Exit 1 with the reason."""
    typer.echo(reason, err=True)
    raise typer.Exit(1)


def run_with_engine(work: Callable[[Settings, AsyncEngine], Awaitable[None]]) -> None:
    """Do the work with an engine on MAYDAY_DATABASE_URL, or on what `mayday up` runs with this MAYDAY_HOME."""

    async def run(settings: Settings) -> None:
        engine = make_engine(settings, "cli", pool_size=1)
        try:
            await work(settings, engine)
        finally:
            await engine.dispose()

    with failing_in_a_sentence():
        asyncio.run(run(find_stores()))
