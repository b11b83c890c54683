"""What every job runs under: one at a time over all workers, not again right away, and never to the worker's harm.

arq is only a trigger: it lets runs overlap and forgets runs that it missed. So a job's body means "do all that is
due". The only writer of `job_runs`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.cache import Cache
from common.settings import Settings

log = structlog.get_logger()

# Try to be the one that runs this job, until the transaction ends; needs no session, so it works through PgBouncer.
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)")
# Whether the job's last run began less than so many seconds ago, by the database's clock.
RAN_JUST_NOW = text(
    "SELECT started_at > now() - make_interval(secs => :seconds) FROM job_runs WHERE job = :job AND outcome = 'done'"
)
# Note how the run went.
RECORD_RUN = text(
    """
    INSERT INTO job_runs (job, started_at, finished_at, outcome, detail)
    VALUES (:job, clock_timestamp() - make_interval(secs => :seconds), clock_timestamp(), :outcome, :detail)
    ON CONFLICT (job) DO UPDATE SET
        started_at = EXCLUDED.started_at, finished_at = EXCLUDED.finished_at,
        outcome = EXCLUDED.outcome, detail = EXCLUDED.detail
    """
)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a job works with."""

    engine: AsyncEngine
    cache: Cache
    settings: Settings


Job = Callable[[Tools], Awaitable[str]]


class Run(StrEnum):
    """How a tick ended."""

    done = "done"
    failed = "failed"
    busy = "busy"  # another worker runs the job
    early = "early"  # it ran a moment ago


async def run_job(name: str, job: Job, tools: Tools, *, every_seconds: float) -> Run:
    """Run the job if it is due and nobody else runs it. Failures are logged and recorded, not raised.

    The lock is held by a transaction on a connection of its own; a frozen worker loses it by the server's
    idle_in_transaction_session_timeout, a killed one at once.
    """
    async with tools.engine.connect() as connection:
        if not await connection.scalar(TRY_LOCK, {"lock": lock_number(name)}):
            return Run.busy
        # a tenth of slack, so that a tick that comes a little early still counts as the next one
        if await connection.scalar(RAN_JUST_NOW, {"job": name, "seconds": every_seconds * 0.9}):
            return Run.early
        return await run_and_record(name, job, tools, connection)


async def run_and_record(name: str, job: Job, tools: Tools, connection: AsyncConnection) -> Run:
    started = asyncio.get_running_loop().time()
    with structlog.contextvars.bound_contextvars(job=name):
        try:
            async with asyncio.timeout(tools.settings.job_max_seconds):
                outcome, detail = Run.done, await job(tools)
        except Exception as error:
            outcome, detail = Run.failed, f"{type(error).__name__}: {error}"[:500]
            log.exception("job_failed")
        seconds = asyncio.get_running_loop().time() - started
        await connection.execute(
            RECORD_RUN, {"job": name, "seconds": seconds, "outcome": outcome.value, "detail": detail}
        )
        await connection.commit()
        log.debug("job_ran", outcome=outcome.value, detail=detail, seconds=round(seconds, 3))
    return outcome


def lock_number(name: str) -> int:
    """The advisory lock of a job: 64 bits of its name's hash."""
    return int.from_bytes(hashlib.blake2b(f"mayday job {name}".encode(), digest_size=8).digest(), "big", signed=True)
