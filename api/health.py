"""Whether this process lives, and whether it can do its work. Without a key, for probes."""

import asyncio
from functools import cache
from typing import cast

from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.ingest.writer import Writer
from common.settings import ROOT

router = APIRouter(tags=["health"])

CHECK_SECONDS = 2.0
# The revision that the schema stands at.
FIND_REVISION = text("SELECT version_num FROM alembic_version")


class Liveness(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """Whether requests can be served, and each thing that this hangs on."""

    status: str = Field(description="ready or not_ready.")
    checks: dict[str, str] = Field(description="postgres, schema and writer: ok, or what is wrong.")


@router.get("/livez", summary="Is the process alive?")
async def get_liveness(response: Response) -> Liveness:
    response.headers["Cache-Control"] = "no-store"
    return Liveness(status="ok")


@router.get("/readyz", summary="Can requests be served?", responses={503: {"model": Readiness}})
async def get_readiness(request: Request, response: Response) -> Readiness:
    """503 while Postgres, its schema or the writer is not well. A lost cache costs speed only, and is no reason."""
    postgres, schema = await check_database(cast("AsyncEngine", request.state.engine))
    failure = cast("Writer", request.state.writer).last_failure
    checks = {"postgres": postgres, "schema": schema, "writer": failure or "ok"}
    is_ready = all(state == "ok" for state in checks.values())
    response.status_code = 200 if is_ready else 503
    response.headers["Cache-Control"] = "no-store"
    return Readiness(status="ready" if is_ready else "not_ready", checks=checks)


async def check_database(engine: AsyncEngine) -> tuple[str, str]:
    """How Postgres and its schema are, in a word or a sentence each."""
    try:
        async with asyncio.timeout(CHECK_SECONDS), engine.connect() as connection:
            found = await connection.scalar(FIND_REVISION)
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        missing = "UndefinedTable" in str(cause)
        return ("ok", "not made yet: run `./mayday migrate`") if missing else ("does not answer", "unknown")
    wanted = expected_revision()
    return "ok", "ok" if found == wanted else f"at {found}, this release wants {wanted}: run `./mayday migrate`"


@cache
def expected_revision() -> str | None:
    """The newest revision among the migrations of this release; the files are read once, not at every probe."""
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head()
