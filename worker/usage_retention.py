"""Deletes the records of usage that are older than they are kept; their sums stay.

The one statement beside the writer's that touches `usage_records` (docs/decisions/0008-usage-sums.md). It leaves out
what a repricing holds, and waits for nobody.
"""

import time
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

CHUNK_RECORDS = 5_000
MAX_SECONDS = 30.0  # of one run: the worker's other upkeep waits; the next run goes on
# A record may be sent until it is as old as the retention, by the clock of an API process. Deleted a day later, it can
# never be sent once more and count twice.
MARGIN_DAYS = 1

# Deletes the oldest records that are past the retention, as many as fit in a chunk; those that are locked later.
DELETE_OLD_RECORDS = text("""
    DELETE FROM usage_records u USING (
        SELECT event_key FROM usage_records
        WHERE project_id = :project_id AND occurred_at < now() - make_interval(days => :days)
        ORDER BY occurred_at, event_key LIMIT :chunk FOR UPDATE SKIP LOCKED
    ) old
    WHERE u.project_id = :project_id AND u.event_key = old.event_key
""")


async def delete_old_usage(
    engine: AsyncEngine,
    projects: Iterable[UUID],
    retention_days: int,
    *,
    chunk: int = CHUNK_RECORDS,
    max_seconds: float = MAX_SECONDS,
) -> int:
    """Delete the old records of every project, a transaction each chunk; how many went."""
    ends_at = time.monotonic() + max_seconds
    deleted = 0
    for project_id in projects:
        asked = {"project_id": project_id, "days": retention_days + MARGIN_DAYS, "chunk": chunk}
        gone = chunk
        while gone == chunk and time.monotonic() < ends_at:
            async with engine.begin() as connection:
                gone = (await connection.execute(DELETE_OLD_RECORDS, asked)).rowcount
            deleted += gone
    return deleted
