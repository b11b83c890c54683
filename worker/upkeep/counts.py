"""Keeps the counts of a project small and right: old ones go, rollups get an hour wide, sums by hour are repaired.

The statements are with their tables' writers; here they are put together, under the project's lock.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.counting.fingerprints import DELETE_OLD_FINGERPRINTS, lock_project
from worker.counting.rollups import (
    CHUNK_ROLLUPS,
    DELETE_OLD_FACETS,
    DELETE_OLD_ROLLUPS,
    compact_rollups,
    repair_hours,
)
from worker.grouping.moves import DELETE_OLD_MOVES
from worker.rounds import Progress

# All projects.
PROJECTS = text("SELECT project_id FROM projects ORDER BY project_id")


async def list_projects(engine: AsyncEngine) -> Sequence[UUID]:
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS)).all()


async def delete_old_counts(engine: AsyncEngine, project_id: UUID, retention_days: int) -> Progress:
    """Delete rollups and fingerprints of days whose errors are dropped, and old facets; how many rows were `deleted`."""
    deleted = 0
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        for statement in (DELETE_OLD_ROLLUPS, DELETE_OLD_FINGERPRINTS, DELETE_OLD_FACETS, DELETE_OLD_MOVES):
            asked = {"project_id": project_id, "retention_days": retention_days}
            deleted += (await connection.execute(statement, asked)).rowcount
    return Progress({"deleted": deleted})


async def widen_old_counts(engine: AsyncEngine, project_id: UUID, fine_hours: int) -> Progress:
    """Make a chunk of rollups older than `fine_hours` an hour wide; how many were merged away (`compacted`)."""
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        merged = await compact_rollups(connection, project_id, fine_hours)
    return Progress({"compacted": merged}, has_more=merged >= CHUNK_ROLLUPS)


async def repair_counts(engine: AsyncEngine, project_id: UUID) -> Progress:
    """Count into the sums by hour what a worker of the release before left out of them; `repaired_hours`."""
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        repaired = await repair_hours(connection, project_id)
    return Progress({"repaired_hours": repaired})
