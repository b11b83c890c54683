"""The engine that every program talks to Postgres with: time limits on everything, the program's name on each
connection, and nothing that a pooler in transaction mode would lose."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from common.database.connections import connection_name
from common.database.hosts import Servers, find_servers
from common.settings import Settings
from common.settings.stores import DatabaseSettings
from common.settings.urls import split_hosts
from common.telemetry import metrics

CLOSE_SECONDS = 0.5
# For sessions whose statements are right by index whatever they are asked for. Left to itself, Postgres plans such a
# statement anew each time it is executed: 4 ms over the partitions of errors, several times what the rest takes.
ONE_PLAN = {"plan_cache_mode": "force_generic_plan"}
# Connections at the bottom of the pool rest for long: no router on the way may forget them meanwhile.
KEPT_ALIVE = {"tcp_keepalives_idle": "60"}


def sqlalchemy_url(database_url: str) -> URL:
    """The setting as SQLAlchemy wants it: the asyncpg driver, whatever way the scheme was written; of several hosts the
    first."""
    url, _ = split_hosts(database_url)
    return make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+asyncpg")


def make_engine(
    settings: Settings,
    program: str,
    *,
    pool_size: int | None = None,
    session: Mapping[str, str] | None = None,
    takes_writes: bool = True,
) -> AsyncEngine:
    """An engine whose connections carry the program's name and give up in time; opens nothing yet.

    A call waits at most `database_connect_seconds` for a connection and `database_statement_seconds` for an answer,
    also when the server hangs; the server itself stops a statement a second earlier. `session` is more that Postgres
    is to be set to, for speed alone: a pooler takes none of it. `takes_writes`: False where any of several hosts will do.
    """
    is_pooled = settings.database_pooler == "transaction"
    pool_size = pool_size or settings.database_pool_size
    servers = find_servers(settings.database_url, "read-write" if takes_writes else "any")
    server_settings = {"application_name": connection_name(program, pool_size), "timezone": "UTC"}
    engine = create_async_engine(
        sqlalchemy_url(settings.database_url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=settings.database_connect_seconds,
        pool_pre_ping=False,
        pool_use_lifo=True,  # the connection that was used last has its plans, and is warm
        connect_args={
            "timeout": settings.database_connect_seconds,
            "command_timeout": settings.database_statement_seconds,
            "server_settings": server_settings
            | ({} if is_pooled else {**time_limits(settings), **KEPT_ALIVE, **(session or {})}),
            **(UNNAMED_STATEMENTS if is_pooled else {}),
            **({"async_creator_fn": servers.connect} if servers else {}),
        },
    )
    leave_read_only(engine)
    if servers:
        leave_others(engine, servers)
    if is_pooled:
        limit_transactions(engine, settings)
    measure_pool(engine, program, pool_size)
    return engine


def without_transactions(engine: AsyncEngine, settings: DatabaseSettings) -> AsyncEngine:
    """The same pool for reads of which each statement stands for itself: no round trips for BEGIN and ROLLBACK.

    Behind a pooler it is the engine itself, since there the time limits are those of a transaction.
    """
    if settings.database_pooler == "transaction":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def close_engine(engine: AsyncEngine) -> None:
    """Close its connections in order; a server that hangs is not waited for, since the process ends anyway."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await engine.dispose()


# Behind a pooler the next transaction may run on another server, which knows no statement that was prepared before.
# Without a name one is replaced by the next; named ones would pile up there, since nobody closes them.
UNNAMED_STATEMENTS: dict[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": str,
}


def time_limits(settings: Settings) -> dict[str, str]:
    """What the server itself puts an end to, in milliseconds."""
    return {
        "statement_timeout": str(int(max(settings.database_statement_seconds - 1, 0.5) * 1000)),
        "lock_timeout": str(int(settings.database_lock_seconds * 1000)),
        "idle_in_transaction_session_timeout": str(int(settings.job_max_seconds * 1000)),
    }


def leave_read_only(engine: AsyncEngine) -> None:
    """Have the pool opened anew where a server takes no writes any more, as one that was a primary: it goes on to answer."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == asyncpg.ReadOnlySQLTransactionError.sqlstate:
            context.is_disconnect = True


def leave_others(engine: AsyncEngine, servers: Servers) -> None:
    """Have connections to a server that is not the one to ask any more, as any pool of the process found, replaced when they are
    taken from the pool: the old one may hang, and each of them would have to find that out."""

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, _record: ConnectionPoolEntry, _proxy: Any) -> None:
        if servers.is_left(connection.driver_connection):
            raise DisconnectionError("another server is asked now")


def limiting_statement(settings: Settings) -> str:
    """Sets the time limits for one transaction: a pooler refuses or forgets those of a session."""
    calls = (f"set_config('{name}', '{value}', true)" for name, value in time_limits(settings).items())
    return f"SELECT {', '.join(calls)}"


def limit_transactions(engine: AsyncEngine, settings: Settings) -> None:
    """Have every transaction of the engine begin with its time limits."""
    statement = limiting_statement(settings)

    @event.listens_for(engine.sync_engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def measure_pool(engine: AsyncEngine, program: str, size: int) -> None:
    """Let the metrics follow how many connections are in use.

    A connection that could not be opened is given back as well, without ever having been taken: it counts for nothing.
    """
    in_use = metrics.POOL_IN_USE.of(program)
    metrics.POOL_SIZE.of(program).set(size)
    taken: WeakSet[ConnectionPoolEntry] = WeakSet()

    def take(_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        taken.add(record)
        in_use.inc()

    def give_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        if record in taken:
            taken.remove(record)
            in_use.dec()

    event.listen(engine.sync_engine, "checkout", take)
    event.listen(engine.sync_engine, "checkin", give_back)


@asynccontextmanager
async def one_server(connection: asyncpg.Connection, settings: Settings) -> AsyncIterator[None]:
    """Around a statement that goes straight to asyncpg: a pooler keeps to one server for a transaction only.

    Without a pooler it does nothing, and the statement is a transaction of its own.
    """
    if settings.database_pooler == "none":
        yield
        return
    async with connection.transaction():
        await connection.execute(limiting_statement(settings))
        yield
