"""Folds deltas into rollups and fingerprints: the only reader of deltas, the only writer of rollups.

Rollups are five minutes wide, an hour once they are old; beside them stand sums by the hour, so that a window reads
few rows (docs/decisions/0009).

A project's writes go one at a time under its lock, so they cannot deadlock; each chunk is one transaction, so a fold
that dies half-way has done nothing and one that is run twice adds nothing.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.fingerprint import OVERFLOW
from common.telemetry import traces
from worker.fingerprints import DELETE_OLD_FINGERPRINTS, UNKNOWN_VERSION, add_to_known, add_unknown, lock_project

log = structlog.get_logger()

CHUNK_DELTAS = 5_000
CHUNK_ROLLUPS = 20_000
NO_LIMIT = 2**62

# The projects that have deltas to fold.
PROJECTS_WITH_DELTAS = text("""
    SELECT project_id FROM projects p
    WHERE EXISTS (SELECT FROM deltas d WHERE d.project_id = p.project_id)
""")

# All projects.
PROJECTS = text("SELECT project_id FROM projects ORDER BY project_id")

# The traces that the next chunk of deltas comes from.
ORIGINS = text("""
    SELECT DISTINCT traceparent FROM (
        SELECT traceparent FROM deltas WHERE project_id = :project_id ORDER BY flush_id, ordinal LIMIT :chunk
    ) next WHERE traceparent IS NOT NULL LIMIT :most
""")

# Takes a chunk of deltas, adds them to the rollups, answers what each fingerprint got. New fingerprints beyond what the
# project may have count as one, so that a million distinct messages make neither a million rows nor a wrong sum.
# No joins: before the first ANALYZE Postgres takes each part for one row, and looped 5,000 times over the whole of it.
FOLD = text("""
    WITH chunk AS (
        SELECT flush_id, ordinal FROM deltas WHERE project_id = :project_id
        ORDER BY flush_id, ordinal LIMIT :chunk FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM deltas d USING chunk c
        WHERE d.project_id = :project_id AND d.flush_id = c.flush_id AND d.ordinal = c.ordinal
        RETURNING d.*
    ), sent AS MATERIALIZED (
        SELECT fingerprint, (SELECT f.version FROM fingerprints f
                             WHERE f.project_id = :project_id AND f.fingerprint = d.fingerprint) AS version
        FROM (SELECT DISTINCT fingerprint FROM deleted) d
    ), excess AS MATERIALIZED (
        SELECT fingerprint
        FROM (SELECT fingerprint, row_number() OVER (ORDER BY fingerprint) AS place FROM sent WHERE version IS NULL) new
        WHERE place + (SELECT count(*) FROM fingerprints WHERE project_id = :project_id)
              > CAST(:fingerprints_max AS bigint)
    ), taken AS (
        SELECT CASE WHEN fingerprint IN (SELECT fingerprint FROM excess) THEN CAST(:overflow AS bigint)
                    ELSE fingerprint END AS fingerprint,
               bucket, service, severity, environment, count, first_seen, last_seen
        FROM deleted
    ), added AS (
        INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, environment, count)
        SELECT :project_id,
               CASE WHEN bucket < date_trunc('hour', now() - make_interval(hours => :fine_hours), 'UTC')
                    THEN date_trunc('hour', bucket, 'UTC') ELSE bucket END AS wide,
               fingerprint, service, severity, environment, sum(count)
        FROM taken GROUP BY wide, fingerprint, service, severity, environment
        ORDER BY wide, fingerprint, service, severity, environment
        ON CONFLICT (project_id, bucket, fingerprint, service, severity, environment)
        DO UPDATE SET count = rollups.count + EXCLUDED.count
    ), added_by_hour AS (
        INSERT INTO hourly_rollups (project_id, hour, fingerprint, service, severity, environment, count)
        SELECT :project_id, date_trunc('hour', bucket, 'UTC') AS hour, fingerprint, service, severity, environment,
               sum(count)
        FROM taken GROUP BY hour, fingerprint, service, severity, environment
        ORDER BY hour, fingerprint, service, severity, environment
        ON CONFLICT (project_id, hour, fingerprint, service, severity, environment)
        DO UPDATE SET count = hourly_rollups.count + EXCLUDED.count
    )
    SELECT t.fingerprint, count(*) AS deltas, sum(t.count)::bigint AS errors,
           min(t.first_seen) AS first_seen, max(t.last_seen) AS last_seen,
           coalesce((SELECT f.version FROM fingerprints f
                     WHERE f.project_id = :project_id AND f.fingerprint = t.fingerprint), 0) AS version
    FROM taken t GROUP BY t.fingerprint ORDER BY t.fingerprint
""")

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


async def fold_deltas(engine: AsyncEngine, fine_hours: int, *, fingerprints_max: int = NO_LIMIT) -> int:
    """Fold all deltas there are, a chunk of each project in turn; how many deltas were folded."""
    async with engine.connect() as connection:
        due = list((await connection.scalars(PROJECTS_WITH_DELTAS)).all())
    folded = 0
    while due:
        taken = {project_id: await fold_chunk(engine, project_id, fine_hours, fingerprints_max) for project_id in due}
        folded += sum(taken.values())
        due = [project_id for project_id, count in taken.items() if count >= CHUNK_DELTAS]
    return folded


async def fold_chunk(
    engine: AsyncEngine,
    project_id: UUID,
    fine_hours: int,
    fingerprints_max: int = NO_LIMIT,
    *,
    chunk: int = CHUNK_DELTAS,
) -> int:
    """Fold at most `chunk` deltas of one project in one transaction; how many there were."""
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        limits = {"fingerprints_max": fingerprints_max, "overflow": OVERFLOW}
        asked = {"project_id": project_id, "fine_hours": fine_hours, "chunk": chunk, **limits}
        with traces.span("fold", links=await find_origins(connection, project_id, chunk)):
            got = (await connection.execute(FOLD, asked)).all()
        await add_to_known(connection, project_id, [row for row in got if row.version != UNKNOWN_VERSION])
        await add_unknown(connection, project_id, [row for row in got if row.version == UNKNOWN_VERSION])
    if beyond := sum(row.errors for row in got if row.fingerprint == OVERFLOW):
        log.warning("fingerprints_overflow", project_id=str(project_id), allowed=fingerprints_max, errors=beyond)
    return sum(row.deltas for row in got)


async def find_origins(connection: AsyncConnection, project_id: UUID, chunk: int) -> Sequence[str]:
    """The traces that a chunk comes from; nothing is asked while traces are off."""
    if not traces.is_on():
        return ()
    asked = {"project_id": project_id, "chunk": chunk, "most": traces.LINKS_MAX}
    return (await connection.scalars(ORIGINS, asked)).all()


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
    """Delete rollups and fingerprints of days whose errors are dropped; how many rows went."""
    deleted = 0
    for project_id in projects:
        async with engine.begin() as connection:
            await lock_project(connection, project_id)
            for statement in (DELETE_OLD_ROLLUPS, DELETE_OLD_FINGERPRINTS):
                result = await connection.execute(
                    statement, {"project_id": project_id, "retention_days": retention_days}
                )
                deleted += result.rowcount
    return deleted


async def list_projects(engine: AsyncEngine) -> list[UUID]:
    async with engine.connect() as connection:
        return list((await connection.scalars(PROJECTS)).all())
