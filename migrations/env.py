"""Runs the migrations over an async engine: one runner at a time, each migration a transaction of its own, and no
waiting behind long readers."""

import asyncio
from typing import Any

import structlog
from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from common.database import make_engine
from common.settings import Settings
from common.tables import metadata

log = structlog.get_logger()

MIGRATION_LOCK = 0x6D617964  # 'mayd'
ASK_AGAIN_SECONDS = 0.5
LONGEST_STATEMENT_SECONDS = 86_400.0  # to fill a table or to make an index; asyncpg would stop it after ten seconds
# Of the session, since what runs outside a transaction must keep to it as well. A migration that waits for a table has
# everybody wait behind it, so it gives up soon.
LIMITS = {"lock_timeout": "4s", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}

# Takes the lock of all migrations for this session; false where another one has it.
TRY_LOCK = text("SELECT pg_try_advisory_lock(:lock)")


def is_ours(item: Any, _name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Leave out the daily partitions, which the worker makes and drops at run time."""
    return not (kind == "table" and item.info.get("partition")) and not is_partition_name(kind, item.name)


def is_partition_name(kind: str, name: str | None) -> bool:
    return kind == "table" and name is not None and name.startswith("errors_")


def run_with(connection: Connection) -> None:
    """Run what is due: a migration that holds locks on one table never waits for that of another one."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def take_turn(connection: AsyncConnection) -> None:
    """Return when no other runner migrates; the lock is this session's until it ends.

    It asks again and again: a session that waits inside a statement keeps a snapshot, and CREATE INDEX CONCURRENTLY of
    the other runner would wait for that, each of the two for the other.
    """
    has_said = False
    while not await connection.scalar(TRY_LOCK, {"lock": MIGRATION_LOCK}):
        await connection.rollback()
        if not has_said:
            log.warning("waiting_for_another_migrate")
            has_said = True
        await asyncio.sleep(ASK_AGAIN_SECONDS)
    await connection.commit()


async def run() -> None:
    given = context.config.attributes.get("settings") or Settings.load().require("database_url")
    direct = {"database_pooler": "none", "database_statement_seconds": LONGEST_STATEMENT_SECONDS}
    engine = make_engine(given.model_copy(update=direct), "migrate", pool_size=1, session=LIMITS)
    try:
        async with engine.connect() as connection:
            await take_turn(connection)
            await connection.run_sync(run_with)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(run())
