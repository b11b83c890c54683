"""Runs the migrations over an async engine: one runner at a time, and no waiting behind long readers."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection

from common.database import make_engine
from common.settings import Settings
from common.tables import metadata

MIGRATION_LOCK = 0x6D617964  # 'mayd'
LOCK_TIMEOUT_MS = 4_000


def is_ours(item: Any, _name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:
    """Leave out the daily partitions, which the worker makes and drops at run time."""
    return not (kind == "table" and item.info.get("partition")) and not is_partition_name(kind, item.name)


def is_partition_name(kind: str, name: str | None) -> bool:
    return kind == "table" and name is not None and name.startswith("errors_")


def run_with(connection: Connection) -> None:
    """Take the lock of all migrations, then run what is due in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=is_ours,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        context.run_migrations()


async def run() -> None:
    settings = context.config.attributes.get("settings") or Settings.load().require("database_url")
    engine = make_engine(settings, "migrate", pool_size=1)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run_with)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(run())
