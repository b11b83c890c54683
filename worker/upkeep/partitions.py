"""Keeps a partition of `errors` for every day from the retention to some days ahead, and drops the older ones.

Besides the migration the only place of that DDL. It waits for locks so shortly that inserts behind it hardly notice,
and tries again; what still finds no gap is left to the next run.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = structlog.get_logger()

LOCK_MILLISECONDS = 200
ATTEMPTS = 5
PAUSE_SECONDS = 1.0
LOCK_NOT_AVAILABLE = "55P03"
PARTITION = re.compile(r"errors_(\d{8})")

# The partitions of errors.
PARTITIONS = text("""
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'errors'::regclass ORDER BY c.relname
""")

# Today, by the database's clock.
TODAY = text("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date")

# Makes every lock of the transaction wait only a moment.
WAIT_SHORTLY = text("SELECT set_config('lock_timeout', :milliseconds, true)")

# Keeps new rows out of the default partition while a day's rows leave it.
CLOSE_DEFAULT = text("LOCK TABLE errors_default IN ACCESS EXCLUSIVE MODE")

# Deletes what came into the default partition for days that are kept no longer.
DELETE_OLD_DEFAULT = text("DELETE FROM errors_default WHERE day < :oldest")


@dataclass(slots=True)
class Kept:
    """What one run did; `missed` counts what was left to the next run."""

    made: int = 0
    dropped: int = 0
    moved: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The days to make a partition for and those to drop, and the oldest day that is kept."""

    oldest: date
    make: list[date] = field(default_factory=list)
    drop: list[date] = field(default_factory=list)


def plan_partitions(have: set[date], today: date, retention_days: int, ahead_days: int) -> Plan:
    """Days from `today - retention_days` to `today + ahead_days` are kept, today and the days ahead made first."""
    oldest = today - timedelta(days=retention_days)
    ahead = [today + timedelta(days=days) for days in range(ahead_days + 1)]
    back = [today - timedelta(days=days) for days in range(1, retention_days + 1)]
    missing = [day for day in ahead + back if day not in have]
    return Plan(oldest, missing, sorted(day for day in have if day < oldest))


async def keep_partitions(engine: AsyncEngine, retention_days: int, ahead_days: int) -> Kept:
    """Make the missing partitions and drop those past the retention. Days whose locks are not to be had are left to the next
    run, and counted as `missed`."""
    async with engine.connect() as connection:
        names = (await connection.scalars(PARTITIONS)).all()
        today: date = (await connection.execute(TODAY)).scalar_one()
    plan = plan_partitions({day for name in names if (day := day_of(name))}, today, retention_days, ahead_days)
    kept = Kept()
    for change, days in ((make_day, plan.make), (drop_day, plan.drop)):
        for day in days:
            if not await change(engine, day, kept):
                break  # the other days need the same lock
    async with engine.begin() as connection:
        await connection.execute(DELETE_OLD_DEFAULT, {"oldest": plan.oldest})
    return kept


def day_of(partition: str) -> date | None:
    """The day in a partition's name; None for the default one."""
    match = PARTITION.fullmatch(partition)
    return datetime.strptime(match[1], "%Y%m%d").date() if match else None  # noqa: DTZ007


async def make_day(engine: AsyncEngine, day: date, kept: Kept) -> bool:
    """Make a day's partition, with the rows that came before it and lie in the default one; False without a lock."""
    moved = 0

    async def make(connection: AsyncConnection) -> None:
        nonlocal moved
        name, until = f"errors_{day:%Y%m%d}", day + timedelta(days=1)
        await connection.execute(CLOSE_DEFAULT)
        create = f"CREATE TABLE {name} (LIKE errors INCLUDING DEFAULTS)"
        await connection.execute(text(create))
        # Takes the day's rows out of the default partition; ATTACH would refuse while they are there.
        result = await connection.execute(
            text(
                f"WITH moved AS (DELETE FROM errors_default WHERE day = :day RETURNING *)"  # noqa: S608 # rule-ok: made of a date
                f" INSERT INTO {name} SELECT * FROM moved"
            ),
            {"day": day},
        )
        moved = result.rowcount
        await connection.execute(
            text(
                f"ALTER TABLE errors ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{until}')"
            )  # rule-ok: made of a date
        )

    if not await in_a_gap(engine, make):
        kept.missed += 1
        log.warning("partition_not_made", day=str(day), reason="errors_default was in use; the next run tries again")
        return False
    kept.made += 1
    kept.moved += moved
    if moved:
        log.warning("errors_moved_from_default_partition", day=str(day), moved=moved)
    return True


async def drop_day(engine: AsyncEngine, day: date, kept: Kept) -> bool:
    """Drop a day with all its errors; False without a lock."""

    async def drop(connection: AsyncConnection) -> None:
        name = f"errors_{day:%Y%m%d}"
        await connection.execute(text(f"ALTER TABLE errors DETACH PARTITION {name}"))  # rule-ok: made of a date
        await connection.execute(text(f"DROP TABLE {name}"))  # rule-ok: made of a date

    if not await in_a_gap(engine, drop):
        kept.missed += 1
        log.warning("partition_not_dropped", day=str(day), reason="errors was in use; the next run tries again")
        return False
    kept.dropped += 1
    log.info("partition_dropped", day=str(day))
    return True


async def in_a_gap(
    engine: AsyncEngine,
    change: Callable[[AsyncConnection], Awaitable[None]],
    *,
    attempts: int = ATTEMPTS,
    pause_seconds: float = PAUSE_SECONDS,
) -> bool:
    """Run the change in a transaction that waits a moment for each lock; False when every attempt waited in vain."""
    for attempt in range(attempts):
        if attempt:
            await asyncio.sleep(pause_seconds)
        try:
            async with engine.begin() as connection:
                await connection.execute(WAIT_SHORTLY, {"milliseconds": str(LOCK_MILLISECONDS)})
                await change(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
        else:
            return True
    return False
