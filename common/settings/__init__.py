"""Every setting of Mayday: read from the environment (prefix MAYDAY_), checked, described.

The programs build one `Settings` at start and hand it down; nothing reads the environment elsewhere.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.settings.urls import POSTGRES, REDIS, find_weakness, refuse_unknown_scheme

ROOT = Path(__file__).resolve().parent.parent.parent


class SettingsInvalid(Exception):
    """A setting is missing or wrong. The text names the variable and the cure, one line a setting."""


class Settings(BaseSettings):
    """The settings of one process. Sizes are bytes, times are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="MAYDAY_", frozen=True, extra="ignore")

    mode: Literal["development", "production"] = Field(
        "development",
        description="production: the programs do not start with a weak, default or missing password to Postgres or "
        "Redis on a port.",
    )

    # where things are
    home: Path = Field(
        ROOT / ".mayday", description="State folder of the embedded Postgres and Valkey, and of keys.env."
    )
    host: str = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port that the API listens on.")
    database_url: str = Field(
        "",
        description="PostgreSQL to use, as postgresql://user:password@host:port/name. "
        "Empty: `mayday up` starts the embedded one.",
    )
    migrate_database_url: str = Field(
        "",
        description="The same database for `mayday migrate`: past a pooler in transaction mode, which it must be, or as "
        "the role that owns the tables. Empty: MAYDAY_DATABASE_URL.",
    )
    database_pooler: Literal["none", "transaction"] = Field(
        "none",
        description="transaction: between the programs and Postgres stands PgBouncer, or another pooler, in "
        "transaction mode.",
    )
    redis_url: str = Field(
        "",
        description="Redis or Valkey to use for cache and queue, as redis://host:port/0, rediss:// with TLS, or "
        "redis+sentinel://host:26379,host:26379/name/0. "
        "Empty: `mayday up` starts the embedded one.",
    )
    cache_url: str = Field("", description="Redis for the cache, which may evict. Empty: MAYDAY_REDIS_URL.")
    queue_url: str = Field(
        "", description="Redis for the worker's queue, which may not evict. Empty: MAYDAY_REDIS_URL."
    )

    # how the programs say what they do
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important log line that is written."
    )
    log_format: Literal["json", "console", "auto"] = Field(
        "auto", description="Form of the log lines; auto is console on a terminal and json elsewhere."
    )
    log_requests_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the requests that went well to write a line of, at level info; those answered 5xx always "
        "have one, and at level debug all.",
    )

    # who may ask for metrics: all that reach these ports
    metrics_host: str = Field("127.0.0.1", description="Address that metrics are answered on, at /metrics.")
    api_metrics_port: int = Field(
        9464, ge=0, le=65535, description="Port for the API's metrics, of all its processes; 0: none."
    )
    worker_metrics_port: int = Field(
        9465,
        ge=0,
        le=65535,
        description="Port for a worker's metrics; 0: none. Several workers on one host need one each.",
    )
    watch_every_seconds: PositiveFloat = Field(
        5.0, description="How often a process of the API looks how far the worker is, for its metrics."
    )

    # how the programs stop
    shutdown_delay_seconds: NonNegativeFloat = Field(
        0.0,
        description="How long a stopping API goes on serving with /readyz at 503, so that a load balancer turns away "
        "before the port closes.",
    )
    shutdown_seconds: PositiveInt = Field(
        15,
        description="Time within which what is under way when a program stops is ended: requests and the flushes "
        "after them each, or the worker's job.",
    )

    # Postgres
    database_pool_size: PositiveInt = Field(
        8,
        description="Connections a process of the API keeps to Postgres for reads, half of them at most for one "
        "project, beside six for all else and those of the writer.",
    )
    database_connect_seconds: PositiveFloat = Field(5.0, description="Time limit to open a connection.")
    database_statement_seconds: PositiveFloat = Field(10.0, description="Time limit of one statement.")
    database_lock_seconds: PositiveFloat = Field(3.0, description="Time limit of waiting for a lock.")

    # which web pages may send errors
    ingest_origins: str = Field(
        "",
        pattern=r"^(\*|https?://[\w.:\[\]-]+(, ?https?://[\w.:\[\]-]+)*)?$",
        description="Origins of web pages that may send errors from a browser, as https://shop.example, with commas "
        "between them, or * for all. Nothing else may be asked for from other origins.",
    )

    # what a connection may be
    connections_max: PositiveInt = Field(
        900,
        description="Connections of one API process; a new one beyond closes the one that waits longest for a request. "
        "Keep it under the limit of open files.",
    )
    header_seconds: PositiveFloat = Field(10.0, description="Time within which path and headers must have arrived.")
    header_max_bytes: PositiveInt = Field(32 * 2**10, description="Largest path and headers together.")
    keep_alive_seconds: PositiveInt = Field(
        75, description="How long a connection may wait for its next request; longer than a proxy in front keeps it."
    )

    # what a request may be
    body_max_bytes: PositiveInt = Field(5 * 2**20, description="Largest request body as sent.")
    body_max_decoded_bytes: PositiveInt = Field(20 * 2**20, description="Largest body after decompression.")
    bodies_max_bytes: PositiveInt = Field(
        128 * 2**20,
        description="Most bytes of bodies, unpacked, that one API process holds at once; what comes beyond is answered "
        "503, unless it is alone.",
    )
    body_seconds: PositiveFloat = Field(10.0, description="Time within which a body must have arrived.")
    request_seconds: PositiveFloat = Field(
        14.0, description="Time after which a request is answered 503, so that the client knows within 15 s."
    )
    batch_max_items: PositiveInt = Field(1_000, description="Most errors or records in one batch.")
    error_max_bytes: PositiveInt = Field(2**20, description="Largest single error, as JSON.")
    message_max_bytes: PositiveInt = Field(8 * 2**10, description="A longer message is cut here.")
    stack_trace_max_bytes: PositiveInt = Field(256 * 2**10, description="A longer stack trace is cut here.")
    json_max_depth: PositiveInt = Field(32, description="Deepest nesting in context that is kept.")
    json_max_keys: PositiveInt = Field(1_000, description="Most keys in context that are kept.")
    clock_ahead_max_seconds: PositiveInt = Field(
        600, description="An error timed further in the future gets the server's time."
    )

    # the writer
    writer_flushers: PositiveInt = Field(2, description="Connections of a process that write at once.")
    writer_flush_max_rows: PositiveInt = Field(4_000, description="Most errors in one transaction.")
    writer_buffer_max_bytes: PositiveInt = Field(64 * 2**20, description="Most bytes waiting to be written.")
    writer_buffer_max_errors: PositiveInt = Field(20_000, description="Most errors waiting to be written.")
    writer_wait_max_seconds: PositiveFloat = Field(
        1.0,
        description="Time that an error may have to wait for its commit, by the pace of the last flushes; what would "
        "wait longer is answered 503 at once.",
    )
    storm_errors_per_minute: NonNegativeInt = Field(
        0,
        description="Errors of one fingerprint that a process stores whole in a minute; those beyond are stored and "
        "counted without stack trace, context and tags (`sampled`). 0: all are stored whole.",
    )

    # keys
    key_cache_seconds: PositiveFloat = Field(
        30.0,
        le=30.0,
        description="How long a process trusts a key that it looked up; a revoked key works that long.",
    )
    key_lookups_per_second: PositiveInt = Field(
        200,
        description="Keys new to a process that it looks up in Postgres in a second; those beyond are answered 429. "
        "Keys that it has known once are always looked up.",
    )

    # how much may be used in a minute; 0: without limit
    limit_key_requests: NonNegativeInt = Field(600_000, description="Requests with one key in a minute; 0: any.")
    limit_project_requests: NonNegativeInt = Field(
        1_200_000, description="Requests with all keys of a project in a minute; 0: any."
    )
    limit_project_errors: NonNegativeInt = Field(
        6_000_000, description="Errors (and usage records) that a project may send in a minute; 0: any."
    )
    limit_project_bytes: NonNegativeInt = Field(
        6 * 2**30, description="Bytes of bodies, unpacked, that a project may send in a minute; 0: any."
    )

    # the cache
    cache_timeout_seconds: PositiveFloat = Field(0.2, description="Time limit of one call to the cache.")
    cache_retry_seconds: PositiveFloat = Field(2.0, description="How long the cache is left alone after it failed.")
    cache_ttl_seconds: PositiveInt = Field(
        300,
        description="Longest life of a cached answer, whatever the generation says; a tenth of jitter is added.",
    )
    recent_max_age_seconds: PositiveFloat = Field(
        1.0,
        description="How old GET /api/errors/recent may be: writes raise the generation at most this often.",
    )
    read_copies_max_bytes: PositiveInt = Field(
        64 * 2**20, description="Most bytes of answers that a process keeps copies of."
    )
    read_copies_max_entries: PositiveInt = Field(10_000, description="Most answers that a process keeps copies of.")

    # the worker
    fold_every_seconds: int = Field(5, ge=1, le=30, description="How often deltas become rollups.")
    patterns_every_seconds: int = Field(
        60, ge=10, le=3600, description="How often patterns are computed; at most an hour."
    )

    # budgets
    deliverable_ok_max_tokens: PositiveInt = Field(5_000, description="Most tokens per deliverable that are `ok`.")
    deliverable_watch_max_tokens: PositiveInt = Field(
        6_000, description="Most tokens per deliverable that are `watch`; more are `alert`."
    )
    budgets_every_seconds: int = Field(
        30, ge=5, le=3600, description="How often crossings of budgets are looked for; projections are made every hour."
    )

    # every job of the worker, and what it publishes
    job_max_seconds: PositiveInt = Field(120, description="A job that runs longer is stopped.")
    patterns_max_listed: PositiveInt = Field(
        200, description="Patterns listed in one answer; the rest is counted in `other`."
    )

    # health
    late_after_periods: float = Field(
        2.0,
        ge=1.5,
        description="A job of the worker whose last success is older than so many of its periods is late; never before "
        "ten seconds.",
    )
    ready_needs_worker: bool = Field(
        False,
        description="Whether /readyz answers 503 while the worker is late. Left off, it says `degraded` with 200, since "
        "errors are still taken and readers still answered.",
    )

    # what is told of the whole installation
    operator_project: str = Field(
        "",
        description="Name of the project whose admin keys see in /api/status what all projects together take. "
        "Empty: none; `mayday status` shows it to whoever may reach the database.",
    )
    disk_bytes: NonNegativeInt = Field(
        0, description="Size of the disk under Postgres, to tell the day on which it is full; 0: unknown."
    )

    # what a project may have counted apart
    fingerprints_max: PositiveInt = Field(
        20_000,
        description="Fingerprints that a project may have; errors of further ones count under one pattern, `overflow`.",
    )
    services_max: PositiveInt = Field(
        200,
        description="Services that a project may have counted apart; errors of further ones count under the service "
        "`(overflow)`, and keep the name that they were sent with. One not seen for eight days makes room.",
    )
    environments_max: PositiveInt = Field(50, description="The same for environments.")
    usage_names_max: PositiveInt = Field(
        500,
        description="Teams that a project may have in its sums of usage, and as many agents and models; records of "
        "further ones are summed up under `(overflow)`, and keep the name that they were sent with. One not seen for "
        "eight days makes room. What a budget is for is always summed up apart.",
    )

    # retention
    retention_days: PositiveInt = Field(30, description="Days that errors are kept.")
    partitions_ahead_days: PositiveInt = Field(7, description="Days that have their partition in advance.")
    rollup_fine_hours: PositiveInt = Field(
        48, description="Hours that rollups stay five minutes wide; older ones are an hour wide."
    )
    usage_retention_days: PositiveInt = Field(
        400,
        description="Days that usage records are kept, and so how old one may be when it is sent.",
    )
    usage_sums_retention_days: PositiveInt = Field(
        1_100,
        description="Days that the sums of usage are kept, and the rest of the month that the last of them is in; "
        "never less than their records.",
    )

    # what a first start makes
    default_project: str = Field("default", min_length=1, description="Name of the project that `mayday up` makes.")

    @field_validator("database_url", "migrate_database_url", "redis_url", "cache_url", "queue_url")
    @classmethod
    def has_known_scheme(cls, url: str, info: Any) -> str:
        """Refuse a URL of a kind that the programs cannot use, with the forms that they can."""
        return refuse_unknown_scheme(url, POSTGRES if info.field_name.endswith("database_url") else REDIS)

    @property
    def effective_cache_url(self) -> str:
        """URL of the Redis that holds the cache."""
        return self.cache_url or self.redis_url

    @property
    def effective_queue_url(self) -> str:
        """URL of the Redis that holds the worker's queue."""
        return self.queue_url or self.redis_url

    @property
    def usage_sums_days(self) -> int:
        """Days that the sums of usage are kept: while a record may come or be priced again, so is its sum."""
        return max(self.usage_sums_retention_days, self.usage_retention_days)

    @property
    def keys_file(self) -> Path:
        """File that the first `mayday up` writes its keys to."""
        return self.home / "keys.env"

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment.

        Raises SettingsInvalid, which names every wrong variable and what it must be.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            lines = [f"MAYDAY_{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
            raise SettingsInvalid("\n".join(lines)) from error

    def require(self, *names: str) -> Self:
        """Return self when each named URL is set, else raise SettingsInvalid saying which and how."""
        missing = [name for name in names if not getattr(self, f"effective_{name}", getattr(self, name, ""))]
        if missing:
            lines = [
                f"MAYDAY_{name.upper()} is not set: give a URL, or use `./mayday up`, which starts a server"
                for name in missing
            ]
            raise SettingsInvalid("\n".join(lines))
        return self.refuse_weak(names) if self.mode == "production" else self

    def refuse_weak(self, names: Iterable[str]) -> Self:
        """Return self when no named URL leads to a port without a good password, else raise SettingsInvalid."""
        lines = [
            f"MAYDAY_{name.upper()}: {weakness}"
            for name in names
            if (weakness := find_weakness(getattr(self, f"effective_{name}", getattr(self, name, ""))))
        ]
        if lines:
            raise SettingsInvalid("\n".join(lines))
        return self
