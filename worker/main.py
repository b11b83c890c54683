"""The worker program: arq's cron table triggers the jobs, and a supervisor keeps both going.

The truth is in Postgres and Redis only triggers: while Redis is away, or arq is stuck, each job is triggered from
here. The only file that knows arq.
"""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC
from typing import Any
from uuid import uuid4

import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from arq.worker import Worker
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from worker.jobs import Job, run_job
from worker.patterns import find_patterns
from worker.retention import keep_partitions
from worker.rollups import compact_rollups, delete_old_rollups, fold_deltas, list_projects

log = structlog.get_logger()

QUEUE = "mayday:jobs"
UPKEEP_SECONDS = 3_600
REDIS_SECONDS = 2.0
RESTART_SECONDS = 2.0
STOP_SECONDS = 3.0
CONNECTIONS_PER_JOB = 3  # its guard, its work, its record

# Whether the tables are there.
SCHEMA = text("SELECT to_regclass('job_runs') IS NOT NULL")


@dataclass(slots=True)
class Stores:
    """What the jobs work on, and when arq last triggered each (monotonic seconds)."""

    settings: Settings
    engine: AsyncEngine
    cache: Cache
    triggered: dict[str, float] = field(default_factory=dict)

    async def close(self) -> None:
        await self.cache.close()
        await self.engine.dispose()


def open_stores(settings: Settings) -> Stores:
    """Connects lazily. A statement of the worker may take as long as its job."""
    patient = settings.model_copy(update={"database_statement_seconds": float(settings.job_max_seconds)})
    engine = make_engine(patient, "worker", pool_size=CONNECTIONS_PER_JOB * 3)
    return Stores(settings, engine, Cache.connect(settings))


def make_jobs(stores: Stores) -> list[Job]:
    """What the worker does, and how often."""
    settings, engine = stores.settings, stores.engine

    async def fold() -> Mapping[str, int]:
        return {"deltas": await fold_deltas(engine, settings.rollup_fine_hours)}

    async def patterns() -> Mapping[str, int]:
        return asdict(await find_patterns(engine, stores.cache, settings.patterns_max_listed))

    async def upkeep() -> Mapping[str, int]:
        kept = await keep_partitions(engine, settings.retention_days, settings.partitions_ahead_days)
        projects = await list_projects(engine)
        deleted = await delete_old_rollups(engine, projects, settings.retention_days)
        compacted = await compact_rollups(engine, projects, settings.rollup_fine_hours)
        return {**asdict(kept), "deleted": deleted, "compacted": compacted}

    return [
        Job("fold", settings.fold_every_seconds, fold),
        Job("patterns", settings.patterns_every_seconds, patterns),
        Job("upkeep", UPKEEP_SECONDS, upkeep),
    ]


def cron_job(stores: Stores, job: Job) -> CronJob:
    """The job's line in the cron table. One run a tick over all workers; the guard sorts out the rest."""

    async def trigger(ctx: dict[Any, Any]) -> str:  # noqa: ARG001
        stores.triggered[job.name] = time.monotonic()
        return await run_job(stores.engine, job, stores.settings.job_max_seconds)

    timeout = stores.settings.job_max_seconds + 10
    return cron(trigger, name=job.name, timeout=timeout, **cron_times(job.period_seconds))


def cron_times(period_seconds: int) -> dict[str, Any]:
    """When a period ticks: by seconds under a minute, else by whole minutes, at most once an hour."""
    if period_seconds < 60:
        return {"second": set(range(0, 60, period_seconds))}
    return {"minute": set(range(0, 60, period_seconds // 60)), "second": {2}}


def queue_redis(settings: Settings) -> ArqRedis:
    """A pool that gives up in time and rides over a short outage; opens nothing yet."""
    pool = ConnectionPool.from_url(
        settings.effective_queue_url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 3),
        retry_on_error=[RedisError, OSError, TimeoutError],
    )
    return ArqRedis(pool, job_serializer=to_json, job_deserializer=json.loads, default_queue_name=QUEUE)


def to_json(job: dict[str, Any]) -> bytes:
    return json.dumps(job).encode()


def make_arq_worker(stores: Stores, jobs: list[Job], *, queue: str = QUEUE, **options: Any) -> Worker:
    """arq with the cron table; its health key is its own, since the first to leave deletes it."""
    return Worker(
        cron_jobs=[cron_job(stores, job) for job in jobs],
        redis_pool=queue_redis(stores.settings),
        queue_name=queue,
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


async def keep_arq(stores: Stores, jobs: list[Job]) -> None:
    """Run arq, and again when it ended because Redis went away."""
    while True:
        worker = make_arq_worker(stores, jobs)
        try:
            await worker.async_run()
        except (RedisError, OSError, RuntimeError) as error:
            log.warning("queue lost", reason=repr(error), retry_seconds=RESTART_SECONDS)
        finally:
            await close_arq(worker)
        await asyncio.sleep(RESTART_SECONDS)


async def close_arq(worker: Worker) -> None:
    """Give arq's connections back; it may find Redis away while it does."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await worker.close()
    except (RedisError, OSError, TimeoutError, asyncio.CancelledError) as error:
        log.debug("arq not closed in order", reason=repr(error))


async def keep_triggered(stores: Stores, job: Job) -> None:
    """Run the job at start, and then whenever arq has not for one and a half periods."""
    while True:
        if time.monotonic() - stores.triggered.get(job.name, 0.0) > job.period_seconds * 1.5:
            await run_job(stores.engine, job, stores.settings.job_max_seconds)
        await asyncio.sleep(job.period_seconds)


async def check_stores(stores: Stores) -> str:
    """What is wrong with Postgres, as a sentence with the cure; empty when nothing is."""
    try:
        async with stores.engine.connect() as connection:
            ready = (await connection.execute(SCHEMA)).scalar_one()
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return f"Postgres does not answer at MAYDAY_DATABASE_URL: {error}"
    return "" if ready else "The tables are missing: run `./mayday migrate`."


async def run_worker(settings: Settings, stop: asyncio.Event | None = None) -> int:
    """Run until `stop` is set, or SIGTERM or SIGINT comes; the exit status: 1 when Postgres is not ready at start."""
    settings.require("database_url", "queue_url", "cache_url")
    stop = stop or stop_on_signals()
    stores = open_stores(settings)
    try:
        if problem := await check_stores(stores):
            log.error("worker cannot start", problem=problem)
            return 1
        await run_until(stop, stores)
    finally:
        await stores.close()
    log.info("worker stopped")
    return 0


async def run_until(stop: asyncio.Event, stores: Stores) -> None:
    jobs = make_jobs(stores)
    log.info("worker started", **{f"{job.name}_every_seconds": job.period_seconds for job in jobs})
    loops: list[Awaitable[None]] = [keep_arq(stores, jobs), *(keep_triggered(stores, job) for job in jobs)]
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    stopped.cancel()
    for error in ended:
        if isinstance(error, Exception):
            raise error


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    return stop


def main(settings: Settings) -> int:
    """The program `worker`; its exit status. Raises SettingsInvalid."""
    return asyncio.run(run_worker(settings))
