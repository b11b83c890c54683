"""Migrations of a database that holds data and is in use: what was stored is there in the new form, nobody waits long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from cli import migrate
from cli.migrate import alembic_config, migration_url, run_due
from common.settings import Settings, SettingsInvalid
from tests.conftest import execute
from tests.later_release import with_migrations

ROLLUPS = """
    INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, environment, count)
    SELECT gen_random_uuid(), bucket, fingerprint, 'shop', 3, '', fingerprint
    FROM generate_series(timestamptz '2026-11-01 00:00Z', '2026-11-01 05:55Z', '5 minutes') bucket,
         generate_series(1, 3) fingerprint
"""
SUMS = """
    SELECT project_id, date_trunc('hour', bucket, 'UTC'), fingerprint, service, severity, environment, sum(count)
    FROM rollups GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3
"""
HOURLY = """
    SELECT project_id, hour, fingerprint, service, severity, environment, count::numeric
    FROM hourly_rollups ORDER BY 1, 2, 3
"""
# A row of each table that an index is made on, and where a writer of it that does not end stands.
ROWS = {
    "facets": "INSERT INTO {} SELECT gen_random_uuid(), 'service', 'shop', now()",
    "errors": "INSERT INTO {} (project_id, day, event_id, occurred_at, received_at, fingerprint, severity, adjustments,"
    " redactions, service, message) SELECT gen_random_uuid(), '1970-01-01', gen_random_uuid(), now(), now(), 1, 3, 0, 0,"
    " 'shop', 'it failed'",
}
WRITTEN = {"facets": "facets", "errors": "errors_default"}
MAKE = "create_index('{0}_later_idx', '{0}', ['project_id'])"
MAKE_ALONE = "op.create_index('{0}_later_idx', '{0}', ['project_id'])"
# Whether an index and its parts may be used.
STATES = "SELECT indisvalid FROM pg_index WHERE indexrelid::regclass::text ~ '^({}).*_later_idx$'"
# The migration, while it waits for a lock; and while it is connected at all.
MIGRATING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%migrate%'"
CANCEL = f"SELECT pg_cancel_backend(pid) FROM ({MIGRATING}) migrating"  # noqa: S608 - made of the constant above
WAITING = f"{MIGRATING} AND wait_event_type = 'Lock'"


def test_rollups_of_before_are_counted_once_by_the_hour(empty_database_url: str) -> None:
    config = alembic_config(Settings.load(database_url=empty_database_url))
    command.upgrade(config, "0004")
    asyncio.run(execute(empty_database_url, ROLLUPS))
    command.upgrade(config, "0005_hourly_rollups")
    hourly = asyncio.run(fetch(empty_database_url, HOURLY))
    assert hourly == asyncio.run(fetch(empty_database_url, SUMS)) != []
    command.downgrade(config, "0004")
    command.upgrade(config, "0005_hourly_rollups")
    assert asyncio.run(fetch(empty_database_url, HOURLY)) == hourly


def test_a_migration_that_fails_leaves_those_before_it_done(database_url: str, tmp_path: Path) -> None:
    config = plant(tmp_path, database_url, "op.execute('CREATE TABLE before ()')", "op.execute('SELECT 1 / 0')")
    with pytest.raises(DBAPIError, match="division by zero"):
        run_due(config)
    assert asyncio.run(fetch(database_url, "SELECT to_regclass('before') IS NOT NULL")) == [(True,)]
    assert asyncio.run(fetch(database_url, "SELECT version_num FROM alembic_version")) == [("planted_0",)]


def test_a_migration_may_take_longer_than_any_other_statement(database_url: str, tmp_path: Path) -> None:
    config = plant(tmp_path, database_url, "op.execute('SELECT pg_sleep(0.3)')")
    config.attributes["settings"] = Settings.load(database_url=database_url, database_statement_seconds=0.1)
    command.upgrade(config, "head")


@pytest.mark.parametrize("table", ROWS)
async def test_writers_go_on_while_an_index_is_made(database_url: str, tmp_path: Path, table: str) -> None:
    config = plant(tmp_path, database_url, MAKE.format(table))
    async with open_writer(database_url, table):
        making = start(config)
        await one(database_url, WAITING)
        await write(database_url, table)
        assert not making.done()
    await making
    assert set(await fetch(database_url, STATES.format(table))) == {(True,)}


@pytest.mark.parametrize("table", ROWS)
async def test_control_writers_wait_while_an_index_is_made_the_plain_way(
    database_url: str, tmp_path: Path, table: str
) -> None:
    config = plant(tmp_path, database_url, MAKE_ALONE.format(table))
    async with open_writer(database_url, table):
        making = start(config)
        await one(database_url, WAITING)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await write(database_url, table)
    await making


@pytest.mark.parametrize("table", ROWS)
async def test_an_index_that_was_left_invalid_is_made_again(database_url: str, tmp_path: Path, table: str) -> None:
    config = plant(tmp_path, database_url, MAKE.format(table))
    async with open_writer(database_url, table):
        making = start(config)
        await one(database_url, WAITING)
        while not making.done():  # again, since between two statements there is nothing to cancel
            await execute(database_url, CANCEL)
            await asyncio.wait([making], timeout=0.2)
        with pytest.raises(DBAPIError, match="canceling statement"):
            await making
    assert await fetch(database_url, STATES.format(WRITTEN[table])) == [(False,)]
    await asyncio.to_thread(command.upgrade, config, "head")
    assert set(await fetch(database_url, STATES.format(table))) == {(True,)}


async def test_a_migration_that_a_deadlock_ended_is_tried_again(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "PAUSES_SECONDS", (0.1,))
    config = plant(tmp_path, database_url, "op.execute('LOCK TABLE pins')\n    op.execute('LOCK TABLE budgets')")
    async with session(database_url) as reader:
        await reader.execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE budgets IN ACCESS SHARE MODE")
        running = asyncio.create_task(asyncio.to_thread(run_due, config))
        await one(database_url, WAITING)
        await reader.execute("LOCK TABLE pins IN ACCESS SHARE MODE; COMMIT")  # it waits for us: one of the two must go
    await running
    assert await fetch(database_url, "SELECT version_num FROM alembic_version") == [("planted_0",)]


async def test_a_second_runner_waits_for_the_first_and_does_not_hold_up_its_index(
    database_url: str, tmp_path: Path
) -> None:
    config = plant(tmp_path, database_url, "op.execute('CREATE TABLE second ()')")
    async with session(database_url) as first:
        await first.execute(f"SELECT pg_advisory_lock({0x6D617964})")
        second = start(config)
        await one(database_url, MIGRATING)
        await first.execute("CREATE INDEX CONCURRENTLY facets_later_idx ON facets (project_id)", timeout=5)
        assert not second.done()
    await second
    assert await fetch(database_url, "SELECT to_regclass('second') IS NOT NULL") == [(True,)]


def test_migrations_refuse_a_pooler_that_would_lose_their_lock() -> None:
    pooled = {"database_url": "postgresql://pooler/mayday", "database_pooler": "transaction"}
    with pytest.raises(SettingsInvalid, match="MAYDAY_MIGRATE_DATABASE_URL"):
        migration_url(Settings.load(**pooled))
    direct = Settings.load(**pooled, migrate_database_url="postgresql://postgres/mayday")
    assert migration_url(direct) == "postgresql://postgres/mayday"


def plant(folder: Path, url: str, *steps: str) -> Config:
    """Migrations behind our newest, `planted_0` and so on, each of which does one of these steps."""
    bodies = {f"planted_{i}": (f"\n    {step}\n", "\n    pass\n") for i, step in enumerate(steps)}
    return with_migrations(folder, url, bodies)


def start(config: Config) -> asyncio.Task[None]:
    return asyncio.create_task(asyncio.to_thread(command.upgrade, config, "head"))


@asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def open_writer(url: str, table: str) -> AsyncIterator[None]:
    """A transaction that has written a row and has not ended."""
    async with session(url) as connection, connection.transaction():
        await connection.execute(ROWS[table].format(WRITTEN[table]))
        yield


async def write(url: str, table: str) -> None:
    """Store a row; raises LockNotAvailableError when that has to wait."""
    await execute(url, f"SET lock_timeout = '500ms'; {ROWS[table].format(table)}")


async def one(url: str, query: str) -> Any:
    """The value that it gives, once it gives one."""
    async with session(url) as connection, asyncio.timeout(10):
        while not (value := await connection.fetchval(query)):
            await asyncio.sleep(0.02)
        return value


async def fetch(url: str, query: str) -> list[Any]:
    async with session(url) as connection:
        return [tuple(row) for row in await connection.fetch(query)]
