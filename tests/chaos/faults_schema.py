"""The schema moves under traffic: a migration and a dropped day with a long reader open, and days without partitions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
from alembic import command
from sqlalchemy.exc import DBAPIError

from tests.chaos.promises import Fault, FaultFailed
from tests.chaos.stack import Stack
from tests.later_release import LATER, with_later_migrations

KEPT_DAYS = 31  # a day older than the retention and its first day


async def migrate_under_traffic(stack: Stack) -> str:
    """Behind a long reader the migration gives up and nobody waits for long; with the reader gone it goes through."""
    config = with_later_migrations(stack.folder / "migration", stack.stores.direct_url(stack.database), ["errors"])
    async with long_reader(stack):
        try:
            await asyncio.to_thread(command.upgrade, config, LATER)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":
                raise
        else:
            raise FaultFailed("the migration did not meet the long reader")
    await asyncio.to_thread(command.upgrade, config, LATER)
    await asyncio.sleep(2)
    await asyncio.to_thread(command.downgrade, config, "-1")
    return ""


@asynccontextmanager
async def long_reader(stack: Stack) -> AsyncIterator[None]:
    """A transaction that has read all of `errors` and does not end."""
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    try:
        async with connection.transaction():
            await connection.fetchval("SELECT count(*) FROM errors")
            yield
    finally:
        await connection.close()


async def drop_day_under_traffic(stack: Stack) -> str:
    """A day that is over is dropped once the long reader is gone, and not before; nobody waits for it."""
    day = (datetime.now(UTC) - timedelta(days=KEPT_DAYS + 1)).date()
    name = f"errors_{day:%Y%m%d}"
    await stack.stores.sql(
        f"CREATE TABLE {name} PARTITION OF errors FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')",
        database=stack.database,
    )
    async with long_reader(stack):
        await run_upkeep(stack)
        if not await exists(stack, name):
            raise FaultFailed("the day was dropped under its reader")
    await run_upkeep(stack)
    if await exists(stack, name):
        raise FaultFailed("the day was not dropped after the reader had gone")
    return ""


async def exists(stack: Stack, table: str) -> bool:
    [[found]] = await stack.stores.sql("SELECT to_regclass($1) IS NOT NULL", table, database=stack.database)
    return bool(found)


async def run_upkeep(stack: Stack) -> None:
    """Let a worker start, whose first doing is what is due, and wait until the hourly job has run."""
    await stack.stores.sql("DELETE FROM job_runs WHERE job = 'upkeep'", database=stack.database)
    worker = stack.workers[0]
    await worker.stop()
    if not worker.is_running:
        worker.start()
    ended = "SELECT outcome FROM job_runs WHERE job = 'upkeep' AND finished_at IS NOT NULL"
    for _ in range(300):
        if await stack.stores.sql(ended, database=stack.database):
            return
        await asyncio.sleep(0.1)
    raise FaultFailed("the upkeep did not run")


async def forget_partitions(stack: Stack) -> str:
    """As if no worker had run for days: neither today nor a day ahead has its partition, and rows arrive."""
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    today = datetime.now(UTC).date()
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE errors IN ACCESS EXCLUSIVE MODE")
            names = await connection.fetch(
                "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'errors'::regclass"
            )
            gone = [
                row["name"] for row in names if row["name"] >= f"errors_{today:%Y%m%d}" and "default" not in row["name"]
            ]
            for name in gone:
                await connection.execute(f"ALTER TABLE errors DETACH PARTITION {name}")
                await connection.execute(f"INSERT INTO errors SELECT * FROM {name}")  # noqa: S608
                await connection.execute(f"DROP TABLE {name}")
    finally:
        await connection.close()
    await asyncio.sleep(3)
    await run_upkeep(stack)
    count = "SELECT (SELECT count(*) FROM errors_default) AS waiting, to_regclass($1) IS NOT NULL AS is_made"
    [found] = await stack.stores.sql(count, f"errors_{today:%Y%m%d}", database=stack.database)
    if found["waiting"] or not found["is_made"]:
        raise FaultFailed(f"{found['waiting']} rows still wait in errors_default")
    return f"{len(gone)} partitions made again"


FAULTS = (
    Fault("a migration meets a long reader", migrate_under_traffic),
    Fault("a day is dropped while a long reader is open", drop_day_under_traffic),
    Fault("the partition job has not run for days", forget_partitions),
)
