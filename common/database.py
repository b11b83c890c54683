"""The engine that every program talks to Postgres with: time limits on everything, the program's name on each
connection."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from common.settings import Settings


def sqlalchemy_url(database_url: str) -> URL:
    """The setting as SQLAlchemy wants it: the asyncpg driver, whatever way the scheme was written."""
    return make_url(database_url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+asyncpg")


def make_engine(settings: Settings, program: str, *, pool_size: int | None = None) -> AsyncEngine:
    """An engine whose connections are called `mayday-<program>` and give up in time; opens nothing yet.

    A call waits at most `database_connect_seconds` for a connection and `database_statement_seconds` for an answer,
    also when the server hangs; the server itself stops a statement a second earlier.
    """
    statement_seconds = settings.database_statement_seconds
    return create_async_engine(
        sqlalchemy_url(settings.database_url),
        pool_size=pool_size or settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_connect_seconds,
        pool_pre_ping=False,
        connect_args={
            "timeout": settings.database_connect_seconds,
            "command_timeout": statement_seconds,
            "server_settings": {
                "application_name": f"mayday-{program}",
                "statement_timeout": str(int(max(statement_seconds - 1, 0.5) * 1000)),
                "lock_timeout": str(int(settings.database_lock_seconds * 1000)),
                "idle_in_transaction_session_timeout": str(int(settings.job_max_seconds * 1000)),
                "timezone": "UTC",
            },
        },
    )
