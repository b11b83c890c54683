"""The worker: a cron table that arq triggers. The only file that knows arq.

The truth is in Postgres and every job means "do all that is due". So when the queue's Redis is away, the worker
triggers its jobs by itself until it is back.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from arq import Worker
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from worker.jobs import Job, Tools, run_job
from worker.patterns import find_patterns
from worker.retention import keep_partitions
from worker.rollups import compact_rollups, fold_deltas

log = structlog.get_logger()

QUEUE = "mayday:queue"
HOUR_SECONDS = 3_600
POOL_SIZE = 4  # jobs at once: each holds one connection for its lock and one for its work
REDIS_SECONDS = 5.0
LOST_REDIS = (RedisError, OSError)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job and how often it is due."""

    name: str
    job: Job
    every_seconds: int


def schedule(settings: Settings) -> list[Scheduled]:
    """The cron table."""
    return [
        Scheduled("partitions", keep_partitions, HOUR_SECONDS),
        Scheduled("fold", fold_deltas, settings.fold_every_seconds),
        Scheduled("patterns", find_patterns, settings.patterns_every_seconds),
        Scheduled("compact", compact_rollups, HOUR_SECONDS),
    ]


def cron_jobs(settings: Settings, tools: Tools) -> list[CronJob]:
    """arq's view of the table: every job runs at start-up too, since ticks while no worker ran are lost."""
    return [
        cron(
            as_coroutine(entry, tools),
            name=entry.name,
            run_at_startup=True,
            max_tries=1,
            keep_result=0,
            timeout=settings.job_max_seconds,
            **ticks(entry.every_seconds),
        )
        for entry in schedule(settings)
    ]


def as_coroutine(entry: Scheduled, tools: Tools) -> Any:
    async def run(_context: Mapping[Any, Any]) -> str:
        return await run_job(entry.name, entry.job, tools, every_seconds=entry.every_seconds)

    run.__qualname__ = entry.name
    return run


def ticks(every_seconds: int) -> dict[str, Any]:
    """When arq triggers a job, as fields of cron; `run_job` skips ticks that come too early for its period."""
    if every_seconds >= HOUR_SECONDS:
        return {"minute": 0, "second": 0}
    if every_seconds >= 60:
        return {"minute": set(range(0, 60, every_seconds // 60)), "second": 0}
    return {"minute": None, "second": set(range(0, 60, every_seconds))}


def make_arq(settings: Settings, tools: Tools, *, burst: bool = False) -> Worker:
    """arq's worker over this cron table: JSON instead of pickle, UTC, a pool that outlives short outages."""
    pool = ConnectionPool.from_url(
        settings.effective_queue_url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 5),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
    )
    return Worker(
        cron_jobs=cron_jobs(settings, tools),
        queue_name=QUEUE,
        redis_pool=ArqRedis(pool, job_serializer=dump, job_deserializer=json.loads, default_queue_name=QUEUE),
        job_serializer=dump,
        job_deserializer=json.loads,
        burst=burst,
        poll_delay=0 if burst else 0.5,
        handle_signals=False,
        health_check_interval=HOUR_SECONDS,
        timezone=UTC,
        log_results=False,
    )


def dump(value: Any) -> bytes:
    """arq's job bodies as JSON. What is no JSON there (an exception as a result) is kept as its text."""
    return json.dumps(value, default=repr).encode()


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[Tools]:
    """The stores that jobs work with, closed at the end."""
    engine, cache = make_engine(settings, "worker", pool_size=2 * POOL_SIZE), Cache.connect(settings)
    try:
        yield Tools(engine, cache, settings)
    finally:
        await cache.close()
        await engine.dispose()


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """Run jobs until told to stop: through arq, or by ourselves while its Redis is away."""
    async with open_tools(settings) as tools:
        until_stopped = asyncio.create_task(stopping.wait())
        while not stopping.is_set():
            arq = asyncio.create_task(run_arq(settings, tools))
            await asyncio.wait([arq, until_stopped], return_when=asyncio.FIRST_COMPLETED)
            arq.cancel()
            with suppress(asyncio.CancelledError):
                await arq
            if not stopping.is_set():
                await run_due(settings, tools)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(until_stopped), settings.fold_every_seconds)


async def run_arq(settings: Settings, tools: Tools) -> None:
    """One life of arq's worker; it ends when Redis goes away."""
    worker = make_arq(settings, tools)
    try:
        await worker.async_run()
    except LOST_REDIS as error:
        log.warning("queue_lost", error=str(error), until="it is back, jobs are triggered here")
    finally:
        with suppress(*LOST_REDIS):
            await worker.close()


async def run_due(settings: Settings, tools: Tools) -> None:
    """Run every job that is due, one after the other."""
    for entry in schedule(settings):
        try:
            await run_job(entry.name, entry.job, tools, every_seconds=entry.every_seconds)
        except Exception:
            log.exception("job_not_run", job=entry.name)


def run_worker(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT, let the jobs under way end, and return the exit code."""

    async def main() -> None:
        stopping = asyncio.Event()
        for wish in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wish, stopping.set)
        await serve(settings, stopping)

    asyncio.run(main())
    return 0
