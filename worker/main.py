"""The worker program: arq's cron table triggers the jobs, and a supervisor keeps both going.

The truth is in Postgres and Redis only triggers: while Redis is away, or arq is stuck, each job is triggered from
here. The only file that knows arq.
"""

import asyncio
import json
import math
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC
from typing import Any, get_args
from uuid import uuid4

import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from arq.worker import Worker
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.cache.checking import check_redis
from common.cache.connecting import make_pool
from common.database import make_engine
from common.database.clock import CLOCK
from common.database.connections import check_room
from common.database.durability import check_durability
from common.database.schema import wait_for_schema
from common.sealing import Sealer
from common.settings import Settings
from common.telemetry import metrics
from common.telemetry.exposition import serve_metrics
from common.telemetry.traces import tracing
from worker.alerts.delivery import DELIVERY_CONNECTIONS, Deliverer
from worker.jobs import Job, RunOutcome, Tools, run_job, seconds_until_due
from worker.schedule import count_jobs, job_at_start, schedule

log = structlog.get_logger()

Tasks = set[asyncio.Task[Any]]

QUEUE = "mayday:jobs"
REDIS_SECONDS = 2.0
RESTART_SECONDS = 5.0
STOP_SECONDS = 3.0
CANCEL_AGAIN_SECONDS = 1.0
CLOCK_SECONDS = 10.0
CONNECTIONS_PER_JOB = 3  # its guard, that of a project, its work or its record


class Triggers:
    """When arq last triggered each job, so that what it leaves out is noticed; and what runs, so that it may end."""

    def __init__(self, jobs: list[Job]) -> None:
        self._last = {job.name: time.monotonic() for job in jobs}
        self._due_at: dict[str, float] = {}  # of jobs whose last trigger came too early to run them
        self._running: set[asyncio.Task[RunOutcome]] = set()
        self._is_closing = False

    def note(self, job: Job) -> None:
        self._last[job.name] = time.monotonic()

    def is_overdue(self, job: Job) -> bool:
        """Whether the job was not triggered for one and a half of its periods, or was triggered when a run had ended a
        moment ago, and a period is over since that began: the next tick may be nearly another one away."""
        now = time.monotonic()
        is_left_out = now - self._last[job.name] > job.every_seconds * 1.5
        return is_left_out or now >= self._due_at.get(job.name, math.inf)

    async def run(self, tools: Tools, job: Job) -> RunOutcome | None:
        """Run the job, unless the worker is about to stop; what is to be done after it goes on by itself."""
        if self._is_closing:
            return None
        outcome = await self.begin(tools, job)
        await self.note_due(tools, job, outcome)
        if job.then is not None and not self._is_closing:
            self.begin(tools, job.then)
        return outcome

    def begin(self, tools: Tools, job: Job) -> asyncio.Task[RunOutcome]:
        run = asyncio.create_task(run_job(tools, job), name=job.name)
        self._running.add(run)
        run.add_done_callback(self._running.discard)
        return run

    async def note_due(self, tools: Tools, job: Job, outcome: RunOutcome) -> None:
        """Note when to try again what came too early, be it for a run of another worker's."""
        self._due_at.pop(job.name, None)
        if outcome == "recent":
            self.note(job)
            self._due_at[job.name] = time.monotonic() + await seconds_until_due(tools, job)

    async def let_end(self, seconds: float) -> None:
        """Start no more runs, and wait for those under way, at most so long."""
        self._is_closing = True
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[Tools]:
    """The stores that jobs work with, closed at the end. A statement of the worker may take as long as its job."""
    patient = settings.model_copy(update={"database_statement_seconds": float(settings.job_max_seconds)})
    connections = CONNECTIONS_PER_JOB * count_jobs(settings) + DELIVERY_CONNECTIONS
    engine = make_engine(patient, "worker", pool_size=connections)
    cache = Cache.connect(settings)
    tools = Tools(engine, cache, settings)
    try:
        yield tools
    finally:
        await tools.sender.close()
        await cache.close()
        await engine.dispose()


def cron_job(tools: Tools, job: Job, triggers: Triggers) -> CronJob:
    """The job's line in the cron table. One run a tick over all workers; the guard sorts out the rest."""

    async def trigger(ctx: dict[Any, Any]) -> str | None:  # noqa: ARG001
        triggers.note(job)
        return await triggers.run(tools, job)

    timeout = tools.settings.job_max_seconds + 10
    return cron(trigger, name=job.name, timeout=timeout, **cron_times(job.every_seconds))


def cron_times(every_seconds: int) -> dict[str, Any]:
    """When a period ticks: by seconds under a minute, else by whole minutes, at most once an hour."""
    if every_seconds < 60:
        return {"second": set(range(0, 60, every_seconds))}
    return {"minute": set(range(0, 60, every_seconds // 60)), "second": {2}}


class QueueRedis(ArqRedis):
    """arq calls `close`, which redis-py deprecates in favour of `aclose`."""

    async def close(self, close_connection_pool: bool | None = None) -> None:
        await self.aclose(close_connection_pool)


def queue_redis(settings: Settings) -> ArqRedis:
    """A pool that gives up in time and rides over a short outage; opens nothing yet."""
    pool = make_pool(
        settings.effective_queue_url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        retry_on_error=[RedisError, OSError, TimeoutError],
    )
    return QueueRedis(pool, job_serializer=to_json, job_deserializer=json.loads, default_queue_name=QUEUE)


def to_json(job: dict[str, Any]) -> bytes:
    return json.dumps(job).encode()


def make_arq(tools: Tools, triggers: Triggers, **options: Any) -> Worker:
    """arq with the cron table; its health key is its own, since the first to leave deletes it."""
    return Worker(
        cron_jobs=[cron_job(tools, job, triggers) for job in schedule(tools.settings)],
        redis_pool=queue_redis(tools.settings),
        queue_name=QUEUE,
        health_check_key=f"mayday:worker:{uuid4()}",
        health_check_interval=60,
        job_serializer=to_json,
        job_deserializer=json.loads,
        timezone=UTC,
        handle_signals=False,
        keep_result=0,
        log_results=False,
        **options,
    )


async def keep_arq(tools: Tools, triggers: Triggers) -> None:
    """Run arq, and again when it ended because Redis went away."""
    while True:
        arq = make_arq(tools, triggers)
        try:
            await arq.async_run()
        except (RedisError, OSError) as error:
            metrics.QUEUE_LOSSES.of().inc()
            log.warning("queue_lost", error=str(error), until="it is back, jobs are triggered here")
        finally:
            await close_arq(arq)
        await asyncio.sleep(RESTART_SECONDS)


async def close_arq(arq: Worker) -> None:
    """Cancel arq's jobs and close its connections, within `STOP_SECONDS`, also when Redis is away. Raises CancelledError when
    this task itself is cancelled meanwhile."""
    connections = arq.pool.connection_pool
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await arq.close()
    except (RedisError, OSError) as error:
        log.debug("queue_not_closed", error=repr(error))
    except asyncio.CancelledError:
        # of its jobs; when it is ours, the worker is told to stop and must not start arq again
        if (task := asyncio.current_task()) and task.cancelling():
            raise
    finally:
        await connections.disconnect()


async def keep_triggered(tools: Tools, job: Job, triggers: Triggers) -> None:
    """Run the job whenever arq did not trigger it in time: at the latest 1.75 periods after its last trigger, and 1.25
    after the last run where arq did, only too early."""
    while True:
        is_late = triggers.is_overdue(job)
        outcome = await triggers.run(tools, job) if is_late else "recent"
        await asyncio.sleep(job.every_seconds / 4 if outcome == "recent" else job.every_seconds)


async def serve(settings: Settings, stopping: asyncio.Event) -> int:
    """Run jobs until told to stop, once Postgres has the schema for it; the exit status."""
    async with open_tools(settings) as tools:
        await run_until(stopping, tools)
    log.info("worker_stopped")
    return 0


async def run_until(stopping: asyncio.Event, tools: Tools) -> None:
    """Do what is due, then keep arq and overdue jobs going. What is under way when told to stop has a while to end."""
    triggers = Triggers(schedule(tools.settings))
    tasks: Tasks = set()
    working = asyncio.create_task(keep_working(tools, triggers, tasks))
    stopped = asyncio.create_task(stopping.wait())
    tasks |= {working, stopped}
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    if working.done():
        working.result()
    await triggers.let_end(tools.settings.shutdown_seconds)
    await end(tasks)


async def end(tasks: Tasks) -> None:
    """Cancel the tasks until they have ended. Once is not enough: `wait_for` of Python 3.11, by which redis-py sends, loses
    a cancellation that comes with its result, and the worker went on for ever."""
    until = time.monotonic() + 2 * STOP_SECONDS
    while left := [task for task in tasks if not task.done()]:
        if time.monotonic() > until:
            log.warning("worker_ends_late")
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)


async def keep_working(tools: Tools, triggers: Triggers, tasks: Tasks) -> None:
    """When the schema is there, run the repair and all jobs once in their order, so that a start catches up; then keep
    them going for ever, in tasks that are added to `tasks`."""
    jobs = schedule(tools.settings)
    await wait_for_schema(tools.engine)
    await check_room(tools.engine, tools.settings)
    await check_durability(tools.engine)
    await check_redis(tools.settings, "cache")
    await check_redis(tools.settings, "queue")
    count_from_nothing([job_at_start(tools.settings), *jobs])
    log.info("worker_started", **{f"{job.name}_every_seconds": job.every_seconds for job in jobs})
    deliverer = Deliverer(tools.engine, tools.sender, Sealer.of(tools.settings.secret_key), tools.settings)
    async with asyncio.TaskGroup() as group:
        tasks.add(group.create_task(deliverer.keep_delivering()))
        for job in [job_at_start(tools.settings), *jobs]:
            await triggers.run(tools, job)
        tasks.add(group.create_task(keep_arq(tools, triggers)))
        tasks.add(group.create_task(keep_clock(tools.engine)))
        tasks.update(group.create_task(keep_triggered(tools, job, triggers)) for job in jobs)


def count_from_nothing(jobs: Sequence[Job]) -> None:
    """Tell all outcomes of the jobs as 0: the first failure is then seen as a growth."""
    for job in jobs:
        for outcome in get_args(RunOutcome):
            metrics.JOB_RUNS.of(job.name, outcome)


async def keep_clock(engine: AsyncEngine) -> None:
    """Measure for ever how far this machine's clock is from the database's, for the metric and the log: what jobs do and
    drop goes by the database's alone."""
    while True:
        try:
            await CLOCK.measure(engine)
        except (SQLAlchemyError, OSError) as error:
            log.debug("clock_not_measured", error=str(error))
        await asyncio.sleep(CLOCK_SECONDS)


def run_worker(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""

    async def main() -> int:
        stopping = asyncio.Event()
        for wish in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wish, stopping.set)
        return await serve(settings, stopping)

    with tracing("worker"), serve_metrics("worker", settings.metrics_host, settings.worker_metrics_port):
        return asyncio.run(main())
