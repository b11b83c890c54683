"""Postgres crashes, restarts, hangs, is slow, full, locked, or answers a COMMIT that nobody hears."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg

from tests.chaos.promises import Fault, FaultFailed
from tests.chaos.stack import Stack
from tests.chaos.stores import thaw

ATTEMPT_SECONDS = 20.0


async def crash(stack: Stack) -> str:
    await stack.stores.postgres.crash()
    started = time.monotonic()
    await stack.stores.postgres.start()
    return f"recovered in {time.monotonic() - started:.1f} s"


async def kill_backend(stack: Stack) -> str:
    """SIGKILL to one session that writes: Postgres ends all sessions and recovers."""
    [*found] = await stack.stores.sql("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'mayday-writer%'")
    os.kill(random.choice(found)["pid"], signal.SIGKILL)
    await wait_for_postgres(stack)
    return ""


async def restart(stack: Stack) -> str:
    await stack.stores.postgres.restart()
    return ""


async def freeze(stack: Stack, seconds: float) -> str:
    frozen = stack.stores.postgres.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        thaw(frozen)
    return ""


async def hang_network(stack: Stack) -> str:
    """Nothing passes any more and nobody says so; at last the connections are reset."""
    stack.stores.database.hang()
    await asyncio.sleep(8)
    stack.stores.database.cut()
    stack.stores.database.resume()
    return ""


async def slow_network(stack: Stack) -> str:
    stack.stores.database.delay_seconds = 0.3
    await asyncio.sleep(6)
    stack.stores.database.delay_seconds = 0.0
    return ""


async def cut_network(stack: Stack) -> str:
    """Every connection reset, and new ones refused, for a while."""
    stack.stores.database.refuse()
    await asyncio.sleep(2)
    stack.stores.database.accept()
    return ""


async def cut_commit(stack: Stack, table: str = "errors") -> str:
    """One transaction that wrote to this table is committed and its answer never arrives."""
    proxy = stack.stores.database
    done, until = proxy.commits_cut + 1, time.monotonic() + ATTEMPT_SECONDS
    proxy.table_to_cut, proxy.commits_to_cut = table, 1
    while proxy.commits_cut < done:
        if time.monotonic() > until:
            raise FaultFailed("no commit came by that could have been cut")
        await asyncio.sleep(0.01)
    return ""


async def cut_commit_of_usage(stack: Stack) -> str:
    return await cut_commit(stack, "usage_records")


async def take_all_connections(stack: Stack) -> str:
    """Every session that the server allows is ours; theirs are ended, and they cannot have new ones."""
    async with AsyncExitStack() as held:
        first = await asyncpg.connect(stack.stores.direct_url(stack.database))
        held.push_async_callback(first.close)
        until = time.monotonic() + 6
        while time.monotonic() < until:
            await first.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'mayday-%'"
            )
            try:
                while True:
                    connection = await asyncpg.connect(stack.stores.direct_url(stack.database), timeout=5)
                    held.push_async_callback(connection.close)
            except asyncpg.TooManyConnectionsError:
                await asyncio.sleep(0.2)
    return ""


async def deadlock(stack: Stack) -> str:
    """Two transactions each wait for a row of the other's; the API's is the one that Postgres ends."""
    low, high = (f"{first}-0000-4000-8000-{uuid4().hex[:12]}" for first in ("00000000", "ffffffff"))
    count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    [[before]] = await stack.stores.sql(count, database=stack.database)
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    try:
        await connection.execute("SET deadlock_timeout = '1min'")  # so that the other side finds it, and is ended
        transaction = connection.transaction()
        await transaction.start()
        await hold_key(connection, stack, high)
        sent = asyncio.create_task(stack.send_once([low, high]))
        await wait_for_lock(stack)
        await hold_key(connection, stack, low)
        await transaction.rollback()
    finally:
        await connection.close()
    status = await sent
    await asyncio.sleep(0.5)
    [[after]] = await stack.stores.sql(count, database=stack.database)
    if status != 201 or after == before:
        raise FaultFailed(f"answered {status} after {after - before} deadlocks")
    return ""


async def hold_key(connection: asyncpg.Connection, stack: Stack, event_id: str) -> None:
    await connection.execute(
        "INSERT INTO errors (project_id, day, event_id, occurred_at, received_at, fingerprint, severity, service,"
        " message, adjustments, redactions) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, now(), now(), 1, 3,"
        " 'chaos', 'held', 0, 0)",
        stack.target.project_id,
        event_id,
    )


async def wait_for_lock(stack: Stack) -> None:
    """Until a session of a writer waits for a lock. Raises FaultFailed.

    Asked outside any transaction: within one, Postgres shows the sessions as they were at the first look.
    """
    until = time.monotonic() + ATTEMPT_SECONDS
    waiting = (
        "SELECT true FROM pg_stat_activity"
        " WHERE application_name LIKE 'mayday-writer%' AND wait_event_type = 'Lock' LIMIT 1"
    )
    while not await stack.stores.sql(waiting, database=stack.database):
        if time.monotonic() > until:
            raise FaultFailed("no writer waits for a lock")
        await asyncio.sleep(0.01)


async def lock_tables(stack: Stack) -> str:
    """Someone holds `errors` longer than the writer waits for a lock."""
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE errors IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(5)
    finally:
        await connection.close()
    return ""


async def time_out_statements(stack: Stack) -> str:
    """Each insert takes longer than a statement may."""
    async with slow_inserts(stack, "deltas", seconds=30):
        await asyncio.sleep(10)
    return ""


@asynccontextmanager
async def slow_inserts(stack: Stack, table: str, seconds: float) -> AsyncIterator[None]:
    """Every INSERT into the table first sleeps so long. On the way out what sleeps is ended."""
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    try:
        await connection.execute(
            "CREATE OR REPLACE FUNCTION chaos_sleep() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NULL; END$$;"
            f" CREATE TRIGGER chaos BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION chaos_sleep('{seconds}')"
        )
        yield
        dropped = asyncio.create_task(connection.execute(f"DROP TRIGGER chaos ON {table}"))
        while not dropped.done():
            await stack.stores.sql(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
                database=stack.database,
            )
            await asyncio.wait([dropped], timeout=0.1)
        await dropped
    finally:
        await connection.close()


async def wait_for_postgres(stack: Stack) -> None:
    """Until it takes sessions again."""
    until = time.monotonic() + ATTEMPT_SECONDS
    while time.monotonic() < until:
        try:
            await stack.stores.sql("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            return
    raise FaultFailed("Postgres does not come back")


FAULTS = (
    Fault("the answer to a COMMIT is cut", cut_commit, times=50),
    Fault("the answer to a COMMIT of usage is cut", cut_commit_of_usage, times=10),
    Fault("Postgres crashes", crash, times=20),
    Fault("a Postgres session is killed, all end", kill_backend, times=3),
    Fault("Postgres is restarted", restart, times=3),
    Fault("Postgres is frozen for 3 s", lambda stack: freeze(stack, 3), times=2),
    Fault("Postgres is frozen for 20 s", lambda stack: freeze(stack, 20)),
    Fault("the network to Postgres hangs, then breaks", hang_network),
    Fault("the network to Postgres is slow", slow_network),
    Fault("the network to Postgres is cut", cut_network),
    Fault("Postgres has no connections left", take_all_connections),
    Fault("deadlock", deadlock, times=2, refuses=False),
    Fault("lock timeout", lock_tables),
    Fault("statement timeout", time_out_statements),
)
