"""Settings of the stores: where Postgres and Redis are, and how long the programs wait for them."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings


class DatabaseSettings(BaseSettings):
    """Postgres, and the limits of time on what is asked of it."""

    database_url: str = Field(
        "",
        description="PostgreSQL to use, as postgresql://user:password@host:port/name; of host:port,host:port the one that takes "
        "writes. "
        "Empty: `mayday up` starts the embedded one.",
    )
    database_password: str = Field(
        "",
        description="Password for the user of MAYDAY_DATABASE_URL, MAYDAY_READ_DATABASE_URL and MAYDAY_MIGRATE_DATABASE_URL "
        "where these have none; as "
        "it is, whatever characters are in it.",
    )
    migrate_database_url: str = Field(
        "",
        description="The same database for `mayday migrate`: past a pooler in transaction mode, which it must be, or as "
        "the role that owns the tables. Empty: MAYDAY_DATABASE_URL.",
    )
    read_database_url: str = Field(
        "",
        description="A standby of the same database for lists of errors, searches and sums, of several hosts any. Empty: none. "
        "What was written a moment before may not be in these answers.",
    )
    read_behind_max_seconds: PositiveFloat = Field(
        5.0,
        description="How far MAYDAY_READ_DATABASE_URL may be behind; beyond that it is not asked, until it has caught up.",
    )
    database_pooler: Literal["none", "transaction"] = Field(
        "none",
        description="transaction: between the programs and Postgres stands PgBouncer, or another pooler, in "
        "transaction mode.",
    )
    database_pool_size: PositiveInt = Field(
        8,
        description="Connections a process of the API keeps to Postgres for reads, half of them at most for one "
        "project, beside six for all else and those of the writer.",
    )
    database_connect_seconds: PositiveFloat = Field(5.0, description="Time limit to open a connection.")
    database_statement_seconds: PositiveFloat = Field(10.0, description="Time limit of one statement.")
    database_lock_seconds: PositiveFloat = Field(3.0, description="Time limit of waiting for a lock.")


class CacheSettings(BaseSettings):
    """Redis in its two roles: the cache, which may evict, and the worker's queue, which may not."""

    redis_url: str = Field(
        "",
        description="Redis or Valkey to use for cache and queue, as redis://host:port/0, rediss:// with TLS, or "
        "redis+sentinel://host:26379,host:26379/name/0. "
        "Empty: `mayday up` starts the embedded one.",
    )
    redis_password: str = Field(
        "", description="Password for the URLs of Redis that have none; as it is, whatever characters are in it."
    )
    cache_url: str = Field("", description="Redis for the cache, which may evict. Empty: MAYDAY_REDIS_URL.")
    queue_url: str = Field(
        "", description="Redis for the worker's queue, which may not evict. Empty: MAYDAY_REDIS_URL."
    )
    cache_timeout_seconds: PositiveFloat = Field(0.2, description="Time limit of one call to the cache.")

    @property
    def effective_cache_url(self) -> str:
        """URL of the Redis that holds the cache."""
        return self.cache_url or self.redis_url

    @property
    def effective_queue_url(self) -> str:
        """URL of the Redis that holds the worker's queue."""
        return self.queue_url or self.redis_url
