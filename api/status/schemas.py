"""What `GET /api/status` and `mayday status` say."""

from datetime import date

from pydantic import BaseModel, Field


class Retention(BaseModel):
    """How long things are kept, as set."""

    error_days: int = Field(description="Days that errors stay.")
    usage_days: int = Field(description="Days that usage records stay; their sums stay for good.")
    fine_rollup_hours: int = Field(description="Hours that counts stay five minutes wide.")


class ServiceStatus(BaseModel):
    """The programs and what they run on; nothing here hangs on what any project sends."""

    version: str = Field(description="Of Mayday.")
    postgres: str = Field(description="Version of Postgres.")
    schema_revision: str = Field(description="Of the database, as Alembic names it.")
    worker: str = Field(description="ok, or what is late: the same as in /readyz.")
    job_seconds: dict[str, float | None] = Field(
        description="Seconds since each job of the worker last ended well; null for never."
    )
    processes: dict[str, int] | None = Field(
        description="Processes that are connected to Postgres, by what they connect for; null behind a pooler."
    )
    retention: Retention


class SenderLoss(BaseModel):
    """What senders lost of one kind, and why."""

    reason: str = Field(
        description="In the words of Sentry's SDKs; refused: sent, and answered 429 or 503; more may come."
    )
    category: str = Field(description="error, transaction, session...; more may come.")
    count: int = Field(description="How many.")


class ProjectStatus(BaseModel):
    """The project of the key."""

    errors_last_minute: int = Field(description="Errors that happened in the last 60 seconds.")
    errors_last_hour: int = Field(
        description="Errors since the five-minute edge before this hour began, so of up to 65 minutes."
    )
    oldest_delta_seconds: float = Field(description="How long its oldest errors wait to be counted; 0: all are.")
    patterns_seconds: float | None = Field(description="Age of its patterns; null before the first.")
    sender_losses: list[SenderLoss] = Field(
        description="What its senders lost since yesterday began (UTC), by what their SDKs report and what they were refused;"
        " most first."
    )


class Partition(BaseModel):
    """One day of errors, or those without a day."""

    name: str = Field(description="Of the table in Postgres.")
    day: date | None = Field(description="UTC; null for the partition of errors without a day of their own.")
    size_bytes: int = Field(description="With indexes and long values.")


class TableSize(BaseModel):
    """One table with its indexes, its partitions and their long values."""

    name: str = Field(description="Of the table in Postgres.")
    size_bytes: int = Field(description="With indexes and long values.")
    partitions: list[Partition] = Field(description="By name; empty where it has none.")


class Installation(BaseModel):
    """The whole installation: what all projects together take."""

    projects: int = Field(description="How many there are.")
    oldest_delta_seconds: float = Field(description="How long the oldest errors of all wait to be counted; 0: all are.")
    tables: list[TableSize] = Field(description="Largest first.")
    database_bytes: int = Field(description="What Postgres says that the database takes.")
    disk_bytes: int | None = Field(description="MAYDAY_DISK_BYTES; null where it is not set.")
    growth_bytes_per_day: float | None = Field(
        description="Mean of the last seven whole days of errors; null before the first."
    )
    full_on: date | None = Field(
        description="Day on which the disk is full at this pace, retention counted in; null for never or unknown."
    )
    connections_may_open: int | None = Field(
        description="Connections to Postgres that all processes may open; null behind a pooler."
    )
    connections_allowed: int | None = Field(description="Connections that Postgres allows; null behind a pooler.")


class Status(BaseModel):
    """How the service does, as far as the asking project may know."""

    service: ServiceStatus
    project: ProjectStatus
    installation: Installation | None = Field(
        description="For keys of MAYDAY_OPERATOR_PROJECT alone; null for all others."
    )


class OperatorStatus(BaseModel):
    """What `mayday status` prints for whoever may reach the database."""

    service: ServiceStatus
    installation: Installation
