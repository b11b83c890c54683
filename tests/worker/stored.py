"""Errors as the writer stores them, with their deltas, and short ways to look into the tables."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.fingerprint import fingerprint_error

PROJECT = UUID("00000000-0000-7000-8000-000000000001")
OTHER_PROJECT = UUID("00000000-0000-7000-8000-000000000002")

ADD_ERROR = text("""
    INSERT INTO errors (project_id, day, event_id, occurred_at, received_at, fingerprint, severity, adjustments,
                        redactions, service, environment, error_type, message)
    VALUES (:project_id, (CAST(:occurred_at AS timestamptz) AT TIME ZONE 'UTC')::date, :event_id, :occurred_at, now(),
            :fingerprint, :severity, 0, 0, :service, :environment, :error_type, :message)
""")

ADD_DELTAS = text("""
    INSERT INTO deltas (project_id, flush_id, ordinal, bucket, fingerprint, service, severity, environment, count,
                        first_seen, last_seen, written_at)
    SELECT project_id, :flush_id, row_number() OVER (), date_bin('5 minutes', occurred_at, '2000-01-01Z'),
           fingerprint, service, severity, coalesce(environment, '') AS place, count(*), min(occurred_at), max(occurred_at), now()
    FROM errors WHERE event_id = ANY(CAST(:event_ids AS uuid[]))
    GROUP BY project_id, 4, fingerprint, service, severity, place
""")


@dataclass(frozen=True, slots=True)
class Error:
    """One error to store."""

    message: str = "boom"
    occurred_at: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    service: str = "checkout"
    environment: str | None = None
    severity: int = 3
    error_type: str | None = None
    project_id: UUID = PROJECT

    @property
    def fingerprint(self) -> int:
        return fingerprint_error(message=self.message, error_type=self.error_type, stack_trace=None).value


async def store(engine: AsyncEngine, errors: Iterable[Error]) -> None:
    """One flush, as the writer does it: errors and their deltas in one transaction."""
    rows = [
        {
            "project_id": error.project_id,
            "event_id": uuid4(),
            "occurred_at": error.occurred_at,
            "fingerprint": error.fingerprint,
            "severity": error.severity,
            "service": error.service,
            "environment": error.environment,
            "error_type": error.error_type,
            "message": error.message,
        }
        for error in errors
    ]
    async with engine.begin() as connection:
        await connection.execute(ADD_ERROR, rows)
        await connection.execute(ADD_DELTAS, {"flush_id": uuid4(), "event_ids": [row["event_id"] for row in rows]})


def ago(**past: float) -> datetime:
    return datetime.now(UTC) - timedelta(**past)


def now_errors(*messages: str, **values: object) -> list[Error]:
    return [replace(Error(message=message, occurred_at=ago(minutes=1)), **values) for message in messages]  # type: ignore[arg-type]


async def scalar(engine: AsyncEngine, statement: str, **values: object) -> object:
    async with engine.connect() as connection:
        return (await connection.execute(text(statement), values)).scalar_one()


async def rows(engine: AsyncEngine, statement: str, **values: object) -> list[tuple[object, ...]]:
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(statement), values)]
