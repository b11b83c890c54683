"""What a process of the API looks at all the time: the database's clock, how far the worker is, how Postgres fills up.

Told here and not by the worker, so that a worker which is stuck or gone is seen. Times are told as points in time:
when nobody can look any more, their distance grows all the same.
"""

import asyncio
import time

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.storing.other_days import EarlyDays
from common.database.clock import CLOCK
from common.settings import Settings
from common.telemetry import metrics
from common.telemetry.freshness import WATCHED_JOBS, Freshness, find_freshness, late_limits

log = structlog.get_logger()

STORAGE_SECONDS = 60.0
FIRST_LOOK_SECONDS = 1.0
WATCH_SECONDS = 5.0  # a third of the time between two scrapes: what they bring is never much older than they are
LOOK_TAKES_SECONDS = 2.0  # what a look may take on a busy Postgres

# The days ahead that have their partition, the rows that found none (as far as ten thousand), the bytes of it all.
STORAGE = text(r"""
    SELECT (SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'errors'::regclass AND c.relname ~ '^errors_\d{8}$'
              AND c.relname > 'errors_' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD')) AS days_ahead,
           (SELECT count(*) FROM (SELECT FROM errors_default LIMIT 10000) waiting) AS rows_without_day,
           pg_database_size(current_database()) AS size_bytes
""")


async def look_once(engine: AsyncEngine, early_days: EarlyDays) -> None:
    """What errors are judged by, known before the first one comes where Postgres answers at once."""
    try:
        async with asyncio.timeout(FIRST_LOOK_SECONDS):
            await CLOCK.measure(engine)
            await early_days.read(engine)
    except (SQLAlchemyError, OSError) as error:
        log.debug("nothing_to_watch", error=str(error))


async def watch(engine: AsyncEngine, settings: Settings, early_days: EarlyDays) -> None:
    """Keep the clock, the early days and the metrics at what Postgres says; while it does not answer they stay as they
    were."""
    started_at = CLOCK.seconds()
    storage_due_at = 0.0
    for job, limit_seconds in seen_limits(settings).items():
        metrics.JOB_LATE_AFTER.of(job).set(limit_seconds)
    while True:
        try:
            await CLOCK.measure(engine)
            await early_days.read(engine)
            tell_freshness(await find_freshness(engine), started_at)
            if time.monotonic() > storage_due_at:
                await tell_storage(engine)
                storage_due_at = time.monotonic() + STORAGE_SECONDS
        except (SQLAlchemyError, OSError) as error:
            log.debug("nothing_to_watch", error=str(error))
        await asyncio.sleep(WATCH_SECONDS)


def seen_limits(settings: Settings) -> dict[str, float]:
    """After how many seconds without success, as the metrics tell them, a job is late whenever they are asked: what is
    told may be as old as the last look."""
    unseen_seconds = WATCH_SECONDS + LOOK_TAKES_SECONDS
    return {job: limit_seconds + unseen_seconds for job, limit_seconds in late_limits(settings).items()}


def tell_freshness(freshness: Freshness, started_at: float) -> None:
    """A job that never ended well counts from our start, also where no worker has run yet."""
    now = CLOCK.seconds()
    metrics.FOLDED_UNTIL.of().set(now - freshness.oldest_delta_seconds)
    for job, age_seconds in {**dict.fromkeys(WATCHED_JOBS), **freshness.job_seconds}.items():
        metrics.JOB_LAST_SUCCESS.of(job).set(started_at if age_seconds is None else now - age_seconds)


async def tell_storage(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        found = (await connection.execute(STORAGE)).one()
    metrics.PARTITIONS_AHEAD.of().set(found.days_ahead)
    metrics.ROWS_WITHOUT_DAY.of().set(found.rows_without_day)
    metrics.DATABASE_BYTES.of().set(found.size_bytes)
