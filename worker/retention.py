"""Makes the daily partitions of `errors` ahead of time, and drops those past the retention.

The only place of that DDL beside the first migration. A drop never waits long for its lock, since every insert would
wait behind it.
"""

from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.jobs import Tools

log = structlog.get_logger()

LOCK_TIMEOUT_MS = 500
DEFAULT = "errors_default"

# The partitions of errors, by name.
FIND_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'errors'::regclass")
# Days of which rows went into the default partition, since they had no partition of their own.
FIND_STRAY_DAYS = text("SELECT DISTINCT day FROM errors_default")
# Take the rows of a day out of the default partition: they would forbid a partition of that day.
TAKE_STRAYS = text("CREATE TEMP TABLE strays ON COMMIT DROP AS SELECT * FROM errors_default WHERE day = :day")
DELETE_STRAYS = text("DELETE FROM errors_default WHERE day = :day")
RETURN_STRAYS = text("INSERT INTO errors SELECT * FROM strays ON CONFLICT DO NOTHING")


async def keep_partitions(tools: Tools) -> str:
    """Make the days that are missing, from the retention's first to those ahead, and drop the older ones."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=tools.settings.retention_days)
    last = today + timedelta(days=tools.settings.partitions_ahead_days)
    async with tools.engine.connect() as connection:
        found = set(await connection.scalars(FIND_PARTITIONS))
        stray_days = set(await connection.scalars(FIND_STRAY_DAYS))
    wanted = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    made = [day for day in wanted if name_partition(day) not in found and await make_day(tools, day, stray_days)]
    # the day before the first one stays: an error at the edge of the retention may still come in
    old = sorted(name for name in found if name != DEFAULT and name < name_partition(first - timedelta(days=1)))
    dropped = [name for name in old if await drop_partition(tools, name)]
    return f"made {len(made)}, dropped {len(dropped)} of {len(old)} old"


def name_partition(day: date) -> str:
    return f"errors_{day:%Y%m%d}"


async def make_day(tools: Tools, day: date, stray_days: set[date]) -> bool:
    """Make the partition of a day, with the rows of that day that had to go elsewhere; False when locks were held."""
    try:
        async with tools.engine.begin() as connection:
            await limit_waiting(connection)
            if day in stray_days:
                await connection.execute(text("LOCK TABLE errors IN SHARE ROW EXCLUSIVE MODE"))
                await connection.execute(TAKE_STRAYS, {"day": day})
                moved = (await connection.execute(DELETE_STRAYS, {"day": day})).rowcount
            await connection.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {name_partition(day)} PARTITION OF errors "
                    f"FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')"
                )
            )
            if day in stray_days:
                await connection.execute(RETURN_STRAYS)
                log.warning("errors_moved_from_default_partition", day=str(day), errors=moved)
    except DBAPIError as error:
        log.warning("partition_not_made", day=str(day), error=str(error.orig))
        return False
    return True


async def drop_partition(tools: Tools, name: str) -> bool:
    """Drop a day's partition; False when a reader holds it: the next run tries again."""
    try:
        async with tools.engine.begin() as connection:
            await limit_waiting(connection)
            await connection.execute(text(f"DROP TABLE {name}"))
    except DBAPIError as error:
        log.info("partition_not_dropped", partition=name, error=str(error.orig))
        return False
    return True


async def limit_waiting(connection: AsyncConnection) -> None:
    await connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
