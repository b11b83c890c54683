"""Deletes what is older than it is kept: the records of usage, their sums after them, names that nobody sends any more.

The only statements beside the writers' that touch these tables (docs/decisions/0008-usage-sums.md). They leave out what
a flush or a repricing holds, and wait for nobody.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.budgets.periods import first_whole_month
from common.database.clock import find_time
from worker.rounds import Progress

CHUNK_ROWS = 5_000
SLICE_SECONDS = 2.0  # of a project that has more to delete, before the others have their turns
# A record may be sent until it is as old as the retention, by the clock of Postgres. Deleted a day later, it can
# never be sent once more and count twice.
MARGIN_DAYS = 1

# Deletes the oldest records that are past the retention, as many as fit in a chunk; those that are locked later. Materialized,
# here and below: else Postgres may look for them once for each row that it deletes, and take more.
DELETE_OLD_RECORDS = text("""
    WITH old AS MATERIALIZED (
        SELECT event_key FROM usage_records
        WHERE project_id = :project_id AND occurred_at < now() - make_interval(days => :days)
        ORDER BY occurred_at, event_key LIMIT :chunk FOR UPDATE SKIP LOCKED
    )
    DELETE FROM usage_records u USING old
    WHERE u.project_id = :project_id AND u.event_key = old.event_key
""")

# Deletes the oldest sums of months that are kept no longer.
DELETE_OLD_SUMS = text("""
    WITH old AS MATERIALIZED (
        SELECT minutes, bucket, team, agent, model FROM usage_rollups
        WHERE project_id = :project_id AND minutes IN (15, 1440) AND bucket < :before
        ORDER BY minutes, bucket, team, agent, model LIMIT :chunk FOR UPDATE SKIP LOCKED
    )
    DELETE FROM usage_rollups r USING old
    WHERE r.project_id = :project_id AND r.minutes = old.minutes AND r.bucket = old.bucket
      AND r.team = old.team AND r.agent = old.agent AND r.model = old.model
""")

# Makes room for other teams, agents and models.
DELETE_OLD_NAMES = text("""
    WITH old AS MATERIALIZED (
        SELECT kind, name FROM usage_names
        WHERE project_id = :project_id AND last_seen < now() - interval '8 days'
        ORDER BY kind, name LIMIT :chunk FOR UPDATE SKIP LOCKED
    )
    DELETE FROM usage_names n USING old
    WHERE n.project_id = :project_id AND n.kind = old.kind AND n.name = old.name
""")


async def delete_old_usage(
    engine: AsyncEngine,
    project_id: UUID,
    retention_days: int,
    sums_days: int,
    *,
    chunk: int = CHUNK_ROWS,
    seconds: float = SLICE_SECONDS,
) -> Progress:
    """Delete what is old, a transaction each chunk, until nothing is or the time is over; how many rows went
    (`deleted_usage`)."""
    ends_at = time.monotonic() + seconds
    oldest_sum = find_oldest_sum(await find_time(engine), sums_days)
    asked = {"project_id": project_id, "days": retention_days + MARGIN_DAYS, "before": oldest_sum}
    deleted = 0
    for statement in (DELETE_OLD_RECORDS, DELETE_OLD_SUMS, DELETE_OLD_NAMES):
        deleted += await delete_in_chunks(engine, statement, asked, chunk, ends_at)
    return Progress({"deleted_usage": deleted}, has_more=time.monotonic() >= ends_at)


def find_oldest_sum(now: datetime, days: int) -> datetime:
    """The first instant whose sums stay: a day before the oldest whole month, which begins earlier in the east. Pure."""
    month = first_whole_month(now, days)
    return datetime(month.year, month.month, 1, tzinfo=UTC) - timedelta(days=1)


async def delete_in_chunks(
    engine: AsyncEngine, statement: TextClause, asked: Mapping[str, Any], chunk: int, ends_at: float
) -> int:
    """Run a statement until it finds less than a chunk, or the time is over; how many rows went."""
    deleted, gone = 0, chunk
    while gone == chunk and time.monotonic() < ends_at:
        async with engine.begin() as connection:
            gone = (await connection.execute(statement, {**asked, "chunk": chunk})).rowcount
        deleted += gone
    return deleted
