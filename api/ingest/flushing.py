"""One flush: rows into `errors` and their counts into `deltas`, in one statement that is one transaction."""

import asyncio
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg
import structlog
import uuid_utils.compat
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.ingest.rows import Row
from common.database import one_server
from common.settings import Settings

log = structlog.get_logger()

COLUMN_TYPES = {
    "project_id": "uuid",
    "day": "date",
    "event_id": "uuid",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "fingerprint": "bigint",
    "severity": "smallint",
    "adjustments": "smallint",
    "redactions": "smallint",
    "service": "text",
    "environment": "text",
    "release": "text",
    "error_type": "text",
    "client_fingerprint": "text",
    "message": "text",
    "stack_trace": "text",
    "context": "jsonb",
    "tags": "jsonb",
}
COLUMNS = ", ".join(COLUMN_TYPES)
ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate([*COLUMN_TYPES.values(), "boolean"], 1))
FLUSH_ID = f"${len(Row._fields) + 1}"

# Store what is new, sorted by key so that two flushes never lock each other; count exactly what was stored; say how
# many that was, and which, if some were duplicates.
STORE = f"""
WITH stored AS (
    INSERT INTO errors ({COLUMNS})
    SELECT {COLUMNS} FROM unnest({ARRAYS}) AS sent ({COLUMNS}, look_back)
    WHERE NOT (look_back AND EXISTS (
        SELECT FROM errors e
        WHERE e.project_id = sent.project_id AND e.day = sent.day - 1 AND e.event_id = sent.event_id))
    ORDER BY project_id, day, event_id
    ON CONFLICT DO NOTHING
    RETURNING project_id, day, event_id, occurred_at, fingerprint, service, severity,
              coalesce(environment, '') AS environment
), counted AS (
    INSERT INTO deltas (project_id, flush_id, ordinal, bucket, fingerprint, service, severity, environment, count,
                        first_seen, last_seen, written_at)
    SELECT project_id, {FLUSH_ID}::uuid, row_number() OVER (), date_bin('5 minutes', occurred_at, '2000-01-01Z'),
           fingerprint, service, severity, environment, count(*), min(occurred_at), max(occurred_at), now()
    FROM stored GROUP BY project_id, 4, fingerprint, service, severity, environment
)
SELECT count(*) AS stored,
       CASE WHEN count(*) < cardinality($1) THEN array_agg((project_id, day, event_id)) END AS keys
FROM stored
"""  # noqa: S608 - made of the constants above

# Failures that the rows themselves cause: the flush is split until the bad one stands alone.
DATA_FAILURES = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)
# Failures after which the same rows are sent again on the same connection.
PASSING_FAILURES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
)
# Failures after which they are sent again on a new connection; a time limit is an OSError too.
CONNECTION_FAILURES = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    SQLAlchemyError,
    OSError,
)
ATTEMPTS = 3


class Outcome(StrEnum):
    """What became of one row. Rejected: Postgres cannot hold it, whatever is done."""

    stored = "stored"
    duplicate = "duplicate"
    rejected = "rejected"


class StoreFailed(Exception):
    """Postgres did not take the rows, or did not say so; they may be sent again."""


class Flusher:
    """Holds one asyncpg connection, taken from SQLAlchemy's pool so that it has the engine's settings."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.held: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.held is not None:
            await self.held.close()

    async def store(self, rows: Sequence[Row]) -> list[Outcome]:
        """What became of each row, after the commit. Raises StoreFailed.

        The rows keep their ids, so that a second attempt after a lost answer stores nothing twice; what the first
        one had committed is then called a duplicate.
        """
        try:
            return await self.attempt(rows)
        except DATA_FAILURES as error:
            if len(rows) == 1:
                log.warning("row_refused", error=str(error), event_id=str(rows[0].event_id))
                return [Outcome.rejected]
        half = len(rows) // 2
        return [*await self.store(rows[:half]), *await self.store(rows[half:])]

    async def attempt(self, rows: Sequence[Row]) -> list[Outcome]:
        """Send the statement, again where that may help."""
        failure: Exception | None = None
        for number in range(ATTEMPTS):
            try:
                return await self.execute(rows)
            except DATA_FAILURES:
                raise
            except PASSING_FAILURES as error:
                failure = error
            except CONNECTION_FAILURES as error:
                failure = error
                await self.drop_connection()
                await asyncio.sleep(0.1 * number)
            except asyncpg.PostgresError as error:
                failure = error
                break
        raise StoreFailed(f"{type(failure).__name__}: {failure}") from failure

    async def execute(self, rows: Sequence[Row]) -> list[Outcome]:
        connection = await self.connection()
        columns = [list(column) for column in zip(*rows, strict=True)]
        async with one_server(connection, self.settings):
            stored, keys = await connection.fetchrow(STORE, *columns, uuid_utils.compat.uuid7())
        return [Outcome.stored] * len(rows) if stored == len(rows) else match_stored(rows, keys or [])

    async def connection(self) -> Any:
        """The raw asyncpg connection; a new one where the last one was dropped."""
        if self.held is None:
            self.held = await self.engine.connect()
        return (await self.held.get_raw_connection()).driver_connection

    async def drop_connection(self) -> None:
        """Give the connection back as broken: the next attempt gets a fresh one."""
        held, self.held = self.held, None
        if held is not None:
            await held.invalidate()
            await held.close()


def match_stored(rows: Sequence[Row], keys: Sequence[tuple[UUID, date, UUID]]) -> list[Outcome]:
    """Which rows the stored keys belong to: of two with one key, the first."""
    left = {tuple(key) for key in keys}
    outcomes = []
    for row in rows:
        key = (row.project_id, row.day, row.event_id)
        outcomes.append(Outcome.stored if key in left else Outcome.duplicate)
        left.discard(key)
    return outcomes
