"""Whether this release runs on the schema that it finds, and how a program waits until it does."""

import asyncio
import math
import time
from functools import cache

import structlog
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.database.failures import find_cure
from common.settings import ROOT

log = structlog.get_logger()

ASK_AGAIN_SECONDS = 1.0
SAY_AGAIN_SECONDS = 30.0
UNDEFINED_TABLE = "42P01"

# The revision that the schema stands at.
FIND_REVISION = text("SELECT version_num FROM alembic_version")


async def find_schema_problem(engine: AsyncEngine) -> str:
    """What is wrong with the schema, as a sentence with the cure; empty when this release runs on it.

    Raises SQLAlchemyError or OSError when Postgres does not answer.
    """
    try:
        async with engine.connect() as connection:
            found = await connection.scalar(FIND_REVISION)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != UNDEFINED_TABLE:
            raise
        found = None
    return explain_revision(found)


def explain_revision(found: str | None) -> str:
    """What is wrong with a schema at this revision; nothing when it is ours, or of a later release: those only add."""
    wanted, *older = known_revisions()
    if found is None:
        return "not made yet: run `./mayday migrate`"
    return f"at {found}, this release wants {wanted}: run `./mayday migrate`" if found in older else ""


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions of this release, newest first; the files are read once, not at every probe."""
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    return tuple(script.revision for script in scripts.walk_revisions())


async def wait_for_schema(engine: AsyncEngine) -> None:
    """Return when Postgres answers and this release runs on its schema; the log says what is missing until then."""
    said, said_at = "", -math.inf
    while problem := await find_problem(engine):
        if problem != said or time.monotonic() - said_at > SAY_AGAIN_SECONDS:
            log.warning("waiting_for_database", problem=problem)
            said, said_at = problem, time.monotonic()
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def find_problem(engine: AsyncEngine) -> str:
    """What is wrong with Postgres or its schema, as a sentence with the cure; empty when nothing is."""
    try:
        problem = await find_schema_problem(engine)
    except (SQLAlchemyError, OSError) as error:
        reason = getattr(error, "orig", None) or error  # the driver's own words, without SQLAlchemy's around them
        return f"Postgres cannot be used ({reason}): {find_cure(reason)}"
    return f"the schema is {problem}" if problem else ""
