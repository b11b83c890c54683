"""Whether this process lives, and whether it can do its work. Without a key, for probes."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.single_flight import SingleFlight
from api.storing.writer import Writer
from common.database.clock import CLOCK
from common.database.schema import find_schema_problem
from common.settings import Settings
from common.telemetry.freshness import find_freshness, find_lateness

router = APIRouter(tags=["health"])

CHECK_SECONDS = 2.0

# Looks at the database, one for all who ask at the same time: anyone may ask, and as often as they like.
Probes = SingleFlight[dict[str, str]]


class Liveness(BaseModel):
    """The process answers."""

    status: str = Field(description="ok, always: a process that is not well does not answer.")


class Readiness(BaseModel):
    """Whether requests can be served, and each thing that this hangs on."""

    status: str = Field(
        description="ready; degraded: served, but the worker is late, so patterns are old, or this machine's clock is off; "
        "not_ready: answered 503."
    )
    checks: dict[str, str] = Field(
        description="process, postgres, schema, writer (of errors), usage_writer, worker and clock: ok, or what is wrong."
    )


@router.get("/livez", summary="Is the process alive?")
async def get_liveness() -> Liveness:
    return Liveness(status="ok")


@router.get("/readyz", summary="Can requests be served?", responses={503: {"model": Readiness}})
async def get_readiness(request: Request, response: Response) -> Readiness:
    """503 while Postgres, its schema or a writer is not well, or the process is stopping. A lost cache is no reason.

    A late worker is told as degraded: a balancer that took every process out for it would lose errors. With
    MAYDAY_READY_NEEDS_WORKER it is a reason too. So is a clock that is off by more than a minute, whose process goes by
    that of Postgres.
    """
    settings = cast("Settings", request.state.settings)
    engine, probes = cast("AsyncEngine", request.state.engine), cast("Probes", request.state.probes)
    is_stopping = cast("asyncio.Event", request.state.stopping).is_set()
    checks = {
        "process": describe_process(is_stopping=is_stopping),
        **await asyncio.shield(probes.join("database", partial(check_database, engine, settings))),
        "writer": describe_writer(request.state.writer),
        "usage_writer": describe_writer(request.state.usage_writer),
        "clock": CLOCK.explain() or "ok",
    }
    status = judge(checks, needs_worker=settings.ready_needs_worker)
    if status == "not_ready":
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    return Readiness(status=status, checks=checks)


def describe_writer(writer: Writer[Any]) -> str:
    return "the last flush failed: the log says why" if writer.is_failing else "ok"


def judge(checks: Mapping[str, str], *, needs_worker: bool) -> str:
    """ready, degraded or not_ready."""
    wrong = {name for name, state in checks.items() if state != "ok"}
    if not wrong:
        return "ready"
    return "not_ready" if wrong - ({"clock"} if needs_worker else {"clock", "worker"}) else "degraded"


def describe_process(*, is_stopping: bool) -> str:
    """ok; stopping; or starting, while nobody can tell which times of errors are right."""
    if is_stopping:
        return "stopping"
    return "ok" if CLOCK.is_known else "starting: the time by the database's clock is not known yet"


async def check_database(engine: AsyncEngine, settings: Settings) -> dict[str, str]:
    """How Postgres, its schema and what the worker does with it are, in a word or a sentence each."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            if problem := await find_schema_problem(engine):
                return {"postgres": "ok", "schema": problem, "worker": "unknown"}
            lateness = find_lateness(await find_freshness(engine), settings)
    except (SQLAlchemyError, OSError):
        return {"postgres": "does not answer", "schema": "unknown", "worker": "unknown"}
    return {"postgres": "ok", "schema": "ok", "worker": lateness or "ok"}
