"""Whether this process lives, and whether it can do its work. Without a key, for probes."""

import asyncio
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.ingest.writer import Writer
from common.database.schema import find_schema_problem

router = APIRouter(tags=["health"])

CHECK_SECONDS = 2.0


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
    failure = cast("Writer[Any]", request.state.writer).last_failure
    checks = {"postgres": postgres, "schema": schema, "writer": failure or "ok"}
    is_ready = all(state == "ok" for state in checks.values())
    response.status_code = 200 if is_ready else 503
    response.headers["Cache-Control"] = "no-store"
    return Readiness(status="ready" if is_ready else "not_ready", checks=checks)


async def check_database(engine: AsyncEngine) -> tuple[str, str]:
    """How Postgres and its schema are, in a word or a sentence each."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return "ok", await find_schema_problem(engine) or "ok"
    except (SQLAlchemyError, OSError):
        return "does not answer", "unknown"
