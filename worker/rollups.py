"""Keeps the sums that deltas were folded into (worker/folding.py): rollups are five minutes wide and an hour once they are
old, beside them stand sums by the hour, so that a window reads few rows (docs/decisions/0009), and what is older than the
errors goes.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.fingerprints import DELETE_OLD_FINGERPRINTS, lock_project
from worker.moves import DELETE_OLD_MOVES

CHUNK_ROLLUPS = 20_000

# All projects.
PROJECTS = text("SELECT project_id FROM projects ORDER BY project_id")

# Adds a chunk of five-minute rows that got old to the first bucket of their hour.
COMPACT = text("""
    WITH fine AS (
        SELECT bucket, fingerprint, service, severity, environment FROM rollups
        WHERE project_id = :project_id
          AND bucket < date_trunc('hour', now() - make_interval(hours => :fine_hours), 'UTC')
          AND bucket <> date_trunc('hour', bucket, 'UTC')
        LIMIT :chunk
    ), taken AS (
        DELETE FROM rollups r USING fine
        WHERE r.project_id = :project_id AND r.bucket = fine.bucket AND r.fingerprint = fine.fingerprint
          AND r.service = fine.service AND r.severity = fine.severity AND r.environment = fine.environment
        RETURNING r.*
    ), added AS (
        INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, environment, count)
        SELECT :project_id, date_trunc('hour', bucket, 'UTC') AS hour, fingerprint, service, severity, environment,
               sum(count)
        FROM taken GROUP BY hour, fingerprint, service, severity, environment
        ORDER BY hour, fingerprint, service, severity, environment
        ON CONFLICT (project_id, bucket, fingerprint, service, severity, environment)
        DO UPDATE SET count = rollups.count + EXCLUDED.count
    )
    SELECT count(*) FROM taken
""")

# The hours whose sum is not that of their rollups.
FIND_WRONG_HOURS = text("""
    SELECT coalesce(r.hour, h.hour) AS hour
    FROM (SELECT date_trunc('hour', bucket, 'UTC') AS hour, sum(count) AS errors
          FROM rollups WHERE project_id = :project_id GROUP BY 1) r
    FULL JOIN (SELECT hour, sum(count) AS errors FROM hourly_rollups WHERE project_id = :project_id GROUP BY 1) h
      ON h.hour = r.hour
    WHERE r.errors IS DISTINCT FROM h.errors
""")

# Takes the sums of some hours out.
CLEAR_HOURS = text("DELETE FROM hourly_rollups WHERE project_id = :project_id AND hour = ANY(:hours)")

# Makes them again from the rollups of these hours.
SUM_HOURS = text("""
    INSERT INTO hourly_rollups (project_id, hour, fingerprint, service, severity, environment, count)
    SELECT project_id, wrong.hour, fingerprint, service, severity, environment, sum(count)
    FROM unnest(CAST(:hours AS timestamptz[])) AS wrong (hour)
    JOIN rollups r ON r.bucket >= wrong.hour AND r.bucket < wrong.hour + interval '1 hour'
    WHERE project_id = :project_id GROUP BY project_id, wrong.hour, fingerprint, service, severity, environment
""")

# Deletes the rollups of days that are kept no longer, and their sums by hour.
DELETE_OLD_ROLLUPS = text("""
    WITH deleted AS (
        DELETE FROM rollups WHERE project_id = :project_id
          AND bucket < date_trunc('day', now() - make_interval(days => :retention_days), 'UTC')
    )
    DELETE FROM hourly_rollups WHERE project_id = :project_id
      AND hour < date_trunc('day', now() - make_interval(days => :retention_days), 'UTC')
""")

# Makes room for other services and environments: no window shows one that was not seen for so long.
DELETE_OLD_FACETS = text("""
    DELETE FROM facets WHERE project_id = :project_id AND last_seen < now() - interval '8 days'
""")


async def compact_rollups(engine: AsyncEngine, projects: Iterable[UUID], fine_hours: int) -> int:
    """Make rollups older than `fine_hours` an hour wide; how many rows were merged away."""
    merged = 0
    for project_id in projects:
        asked = {"project_id": project_id, "fine_hours": fine_hours, "chunk": CHUNK_ROLLUPS}
        taken = CHUNK_ROLLUPS
        while taken >= CHUNK_ROLLUPS:
            async with engine.begin() as connection:
                await lock_project(connection, project_id)
                taken = (await connection.execute(COMPACT, asked)).scalar_one()
            merged += taken
    return merged


async def mend_hours(engine: AsyncEngine, projects: Iterable[UUID]) -> int:
    """Make the sums by hour again where they are not those of the rollups; how many hours were.

    None is, unless a worker of a release that knows no such sums folded beside this one.
    """
    mended = 0
    for project_id in projects:
        asked = {"project_id": project_id}
        async with engine.begin() as connection:
            await lock_project(connection, project_id)
            hours = (await connection.scalars(FIND_WRONG_HOURS, asked)).all()
            for statement in (CLEAR_HOURS, SUM_HOURS) if hours else ():
                await connection.execute(statement, asked | {"hours": hours})
        mended += len(hours)
    return mended


async def delete_old_rollups(engine: AsyncEngine, projects: Iterable[UUID], retention_days: int) -> int:
    """Delete rollups and fingerprints of days whose errors are dropped, and old facets; how many rows went."""
    deleted = 0
    for project_id in projects:
        async with engine.begin() as connection:
            await lock_project(connection, project_id)
            for statement in (DELETE_OLD_ROLLUPS, DELETE_OLD_FINGERPRINTS, DELETE_OLD_FACETS, DELETE_OLD_MOVES):
                result = await connection.execute(
                    statement, {"project_id": project_id, "retention_days": retention_days}
                )
                deleted += result.rowcount
    return deleted


async def list_projects(engine: AsyncEngine) -> list[UUID]:
    async with engine.connect() as connection:
        return list((await connection.scalars(PROJECTS)).all())
