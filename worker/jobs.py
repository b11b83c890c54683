"""What a job is, and the guard that it runs under: one run at a time over all workers, none right after another, none for
ever.

A job is made of steps. One is either whole, or it works on each project, and then the runner makes the round
(`worker/rounds.py`): a job cannot leave fairness out. The only writer of `job_runs`. A job that fails is logged and
recorded; it never ends the worker.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import structlog
import uuid_utils
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.cache import Cache
from common.settings import Settings
from common.telemetry import metrics, traces
from worker.alerts.sending import Sender
from worker.rounds import Bounds, Progress, Rotation, is_outage, make_round

log = structlog.get_logger()

RunOutcome = Literal["done", "failed", "busy", "recent"]

RECENT_SHARE = 0.8  # of the period: ticks come a little early or late, two workers' ticks together
FROZEN_SECONDS = 5  # a worker that was frozen loses the guard this long after the job's own time limit
DETAIL_CHARS = 2_000

# Takes the job's guard, or says that another run has it. It ends with the transaction, and so with the connection.
TAKE_GUARD = text("SELECT pg_try_advisory_xact_lock(hashtextextended('mayday:job:' || :job, 0))")

# Lets the guard's connection be idle as long as the job may run.
LET_IDLE = text("SELECT set_config('idle_in_transaction_session_timeout', :milliseconds, true)")

# Whether the job ran to its end a moment ago. A run in the future was one of a clock that has been set back.
RAN_RECENTLY = text("""
    SELECT EXISTS (SELECT FROM job_runs WHERE job = :job AND outcome = 'done'
                   AND started_at > clock_timestamp() - make_interval(secs => :seconds)
                   AND started_at <= clock_timestamp())
""")

# Seconds since the run began that ended well last.
RAN_SECONDS_AGO = text("""
    SELECT extract(epoch FROM clock_timestamp() - started_at)::float FROM job_runs WHERE job = :job AND outcome = 'done'
""")

# Records that a run began.
RECORD_START = text("""
    INSERT INTO job_runs (job, started_at, finished_at, outcome, detail)
    VALUES (:job, clock_timestamp(), NULL, 'running', '')
    ON CONFLICT (job) DO UPDATE
    SET started_at = EXCLUDED.started_at, finished_at = NULL, outcome = EXCLUDED.outcome, detail = EXCLUDED.detail
""")

# Records how it ended.
RECORD_END = text("""
    UPDATE job_runs SET finished_at = clock_timestamp(), outcome = :outcome, detail = :detail,
           succeeded_at = CASE WHEN :is_success THEN clock_timestamp() ELSE succeeded_at END
    WHERE job = :job
""")


@dataclass(frozen=True, slots=True)
class Tools:
    """What a job works with, and where the rounds of this process stand. `sender` is to be closed at the end."""

    engine: AsyncEngine
    cache: Cache
    settings: Settings
    rotation: Rotation = field(default_factory=Rotation)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sender", Sender(self.settings))  # which opens nothing before it sends


@dataclass(frozen=True, slots=True)
class Whole:
    """A step that is no project's: `run` does all that is due, and returns counts for the log."""

    run: Callable[[Tools], Awaitable[Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class EachProject:
    """A step that is done for one project at a time. `list_due` says for which; `run` does it for one.

    `guard` is a name that steps share of which only one may work on a project at a time: while another one does, this
    step leaves the project out.
    """

    name: str
    list_due: Callable[[AsyncEngine], Awaitable[Sequence[UUID]]]
    run: Callable[[Tools, UUID], Awaitable[Progress]]
    bounds: Bounds
    guard: str | None = None


Step = Whole | EachProject


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do every `every_seconds`, in steps; `then` is done each time after it, as a job of its own."""

    name: str
    every_seconds: int
    steps: tuple[Step, ...]
    then: "Job | None" = None


async def run_job(tools: Tools, job: Job) -> RunOutcome:
    """Run the job unless another run has the guard or one ended a moment ago. Raises nothing but cancellation."""
    with structlog.contextvars.bound_contextvars(job=job.name, job_id=uuid_utils.uuid7().hex):
        outcome = await run_guarded(tools, job)
    metrics.JOB_RUNS.of(job.name, outcome).inc()
    return outcome


async def run_guarded(tools: Tools, job: Job) -> RunOutcome:
    try:
        async with guarded(tools, job.name) as guard:
            if guard is None:
                return "busy"
            if await ran_recently(guard, job):
                return "recent"
            with traces.span(f"job {job.name}"):
                return await record_run(tools, job)
    except Exception:
        log.exception("job_not_run")
        return "failed"


@asynccontextmanager
async def guarded(tools: Tools, name: str) -> AsyncIterator[AsyncConnection | None]:
    """Keep other runs of what has this name away meanwhile; None when one is under way."""
    async with tools.engine.connect() as connection, connection.begin():
        yield connection if await take_guard(connection, name, tools.settings.job_max_seconds) else None


async def take_guard(guard: AsyncConnection, name: str, max_seconds: float) -> bool:
    """Keep other runs of what has this name away until the transaction ends; False when one is under way."""
    await guard.execute(LET_IDLE, {"milliseconds": str(int((max_seconds + FROZEN_SECONDS) * 1000))})
    return bool((await guard.execute(TAKE_GUARD, {"job": name})).scalar_one())


async def ran_recently(guard: AsyncConnection, job: Job) -> bool:
    asked = {"job": job.name, "seconds": job.every_seconds * RECENT_SHARE}
    return bool((await guard.execute(RAN_RECENTLY, asked)).scalar_one())


async def seconds_until_due(tools: Tools, job: Job) -> float:
    """How long it is until a period is over since the job's last run began; a period where nobody can tell."""
    try:
        async with tools.engine.connect() as connection:
            ago: float | None = await connection.scalar(RAN_SECONDS_AGO, {"job": job.name})
    except (SQLAlchemyError, OSError) as error:
        log.debug("due_not_known", job=job.name, error=str(error))
        return job.every_seconds
    return min(max(job.every_seconds - (ago or 0.0), 0.0), job.every_seconds)


async def record_run(tools: Tools, job: Job) -> RunOutcome:
    async with tools.engine.begin() as connection:
        await connection.execute(RECORD_START, {"job": job.name})
    outcome, detail = await run_in_time(tools, job)
    async with tools.engine.begin() as connection:
        ended = {"job": job.name, "outcome": outcome, "detail": detail, "is_success": outcome == "done"}
        await connection.execute(RECORD_END, ended)
    return outcome


async def run_in_time(tools: Tools, job: Job) -> tuple[RunOutcome, str]:
    """Run the job's steps; the outcome, and counts or the failure in words."""
    started = time.monotonic()
    try:
        with metrics.JOB_DURATION.of(job.name).time():
            async with asyncio.timeout(tools.settings.job_max_seconds):
                counts = await run_steps(tools, job.steps)
    except Exception as error:
        log.exception("job_failed", seconds=round(time.monotonic() - started, 3))
        return "failed", describe(error)[:DETAIL_CHARS]
    seconds = round(time.monotonic() - started, 3)
    write = log.info if any(counts.values()) else log.debug
    write("job_done", seconds=seconds, **counts)
    return "done", " ".join(f"{name}={count}" for name, count in counts.items())


async def run_steps(tools: Tools, steps: Sequence[Step]) -> Counter[str]:
    """Run the steps, one that fails keeping none of the others from its turn; the sums of their counts.

    Raises the failure of a step, or the failures of several as an ExceptionGroup, once all have run. An outage ends the
    run at once.
    """
    counts: Counter[str] = Counter()
    failures: list[Exception] = []
    for step in steps:
        try:
            await run_step(tools, step, counts)
        except Exception as error:
            if is_outage(error):
                raise
            failures.append(error)
    if len(failures) > 1:
        raise ExceptionGroup("several steps failed", failures)
    for failure in failures:
        raise failure
    return counts


async def run_step(tools: Tools, step: Step, counts: Counter[str]) -> None:
    """Run one step and add what it did to the counts. Raises ProjectsFailed after a round in which turns failed."""
    if isinstance(step, Whole):
        counts.update(await step.run(tools))
        return
    due = await step.list_due(tools.engine)
    tally = await make_round(step.name, due, lambda one: run_alone(tools, step, one), step.bounds, tools.rotation)
    counts.update(tally.counts)
    if tally.left:
        counts["left"] += tally.left
    tally.raise_failures()


async def run_alone(tools: Tools, step: EachProject, project_id: UUID) -> Progress:
    """Run the step for one project, unless another one that shares its guard works on it."""
    if step.guard is None:
        return await step.run(tools, project_id)
    async with guarded(tools, f"{step.guard}:{project_id}") as guard:
        return await step.run(tools, project_id) if guard is not None else Progress({"busy": 1})


def describe(error: Exception) -> str:
    """A failure in words, for the record of the run."""
    if isinstance(error, ExceptionGroup):
        return "; ".join(describe(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}".rstrip(": ")
