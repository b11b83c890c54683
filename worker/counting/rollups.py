"""Folds deltas into rollups and fingerprints: the only reader of deltas, the only writer of rollups and facets.

Rollups are five minutes wide, an hour once they are old; beside them stand sums by the hour, so that a window reads
few rows (docs/decisions/0009).

A project's writes go one at a time under its lock, so they cannot deadlock; each chunk is one transaction, so a fold
that dies half-way has done nothing and one that is run twice adds nothing.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.fingerprint import OVERFLOW
from common.settings import Settings
from common.tables.columns import OVERFLOW_NAME
from common.telemetry import metrics, traces
from worker.counting.fingerprints import DELETE_OLD_FINGERPRINTS, UNKNOWN_VERSION, add_counts, add_unknown, lock_project
from worker.counting.receipts import sum_up
from worker.counting.releases import note_releases, read_watch
from worker.grouping.moves import DELETE_OLD_MOVES
from worker.rounds import Round

log = structlog.get_logger()

CHUNK_DELTAS = 5_000
# A transaction of deltas of unknown fingerprints takes fifty times as long as one of known ones: each has its message
# masked. So their number follows the time that the one before took, well under `database_lock_seconds`.
FIRST_CHUNK, LEAST_CHUNK, CHUNK_SECONDS = 1_000, 100, 0.5
CHUNK_ROLLUPS = 20_000
NO_LIMIT = 2**62

# The projects that have deltas to fold, in another order each time: who comes last when the time is short is chance.
PROJECTS_WITH_DELTAS = text("""
    SELECT project_id FROM projects p
    WHERE EXISTS (SELECT FROM deltas d WHERE d.project_id = p.project_id) ORDER BY random()
""")

# All projects.
PROJECTS = text("SELECT project_id FROM projects ORDER BY project_id")

# The traces that the next chunk of deltas comes from.
ORIGINS = text("""
    SELECT DISTINCT traceparent FROM (
        SELECT traceparent FROM deltas WHERE project_id = :project_id ORDER BY flush_id, ordinal LIMIT :chunk
    ) next WHERE traceparent IS NOT NULL LIMIT :most
""")

# Takes a chunk of deltas, adds them to the rollups, answers what each fingerprint got, by release and by which decisions
# it came after. New fingerprints, services and
# environments beyond what the project may have count as one, so that a million distinct messages, or the id of a
# request sent as service, make neither a million rows nor a wrong sum.
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
    ), names AS MATERIALIZED (
        SELECT DISTINCT 'service' AS facet, service AS name FROM deleted
        UNION ALL SELECT DISTINCT 'environment', environment FROM deleted WHERE environment <> ''
    ), excess_names AS MATERIALIZED (
        SELECT facet, name
        FROM (SELECT facet, name, row_number() OVER (PARTITION BY facet ORDER BY name) AS place FROM names
              WHERE (facet, name) NOT IN (SELECT facet, name FROM facets WHERE project_id = :project_id)) new
        WHERE place + (SELECT count(*) FROM facets f WHERE f.project_id = :project_id AND f.facet = new.facet)
              > CASE facet WHEN 'service' THEN CAST(:services_max AS bigint) ELSE CAST(:environments_max AS bigint) END
    ), kept_names AS (
        INSERT INTO facets (project_id, facet, name, last_seen)
        SELECT :project_id, facet, name, now() FROM names
        WHERE (facet, name) NOT IN (SELECT facet, name FROM excess_names) ORDER BY facet, name
        ON CONFLICT (project_id, facet, name) DO UPDATE SET last_seen = EXCLUDED.last_seen
        WHERE facets.last_seen < EXCLUDED.last_seen - interval '1 hour'
    ), taken AS (
        SELECT CASE WHEN fingerprint IN (SELECT fingerprint FROM excess) THEN CAST(:overflow AS bigint)
                    ELSE fingerprint END AS fingerprint,
               CASE WHEN service IN (SELECT name FROM excess_names WHERE facet = 'service')
                    THEN CAST(:overflow_name AS text) ELSE service END AS service,
               CASE WHEN environment IN (SELECT name FROM excess_names WHERE facet = 'environment')
                    THEN CAST(:overflow_name AS text) ELSE environment END AS environment,
               bucket, severity, count, first_seen, last_seen, release, written_at,
               width_bucket(written_at, CAST(:moments AS timestamptz[])) AS moment
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
    SELECT t.fingerprint, t.release, t.moment, count(*) AS deltas, sum(t.count)::bigint AS errors,
           min(t.first_seen) AS first_seen, max(t.last_seen) AS last_seen,
           min(t.written_at) AS received_from, max(t.written_at) AS received_at,
           coalesce(sum(t.count) FILTER (WHERE t.service = :overflow_name), 0)::bigint AS services_beyond,
           coalesce(sum(t.count) FILTER (WHERE t.environment = :overflow_name), 0)::bigint AS environments_beyond,
           coalesce((SELECT f.version FROM fingerprints f
                     WHERE f.project_id = :project_id AND f.fingerprint = t.fingerprint), 0) AS version
    FROM taken t GROUP BY t.fingerprint, t.release, t.moment ORDER BY t.fingerprint
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

# Makes room for other services and environments: no window shows one that was not seen for so long.
DELETE_OLD_FACETS = text("""
    DELETE FROM facets WHERE project_id = :project_id AND last_seen < now() - interval '8 days'
""")


@dataclass(frozen=True, slots=True)
class CountLimits:
    """How many of each kind a project may have counted apart."""

    fingerprints: int = NO_LIMIT
    services: int = NO_LIMIT
    environments: int = NO_LIMIT

    @classmethod
    def of(cls, settings: Settings) -> "CountLimits":
        return cls(settings.fingerprints_max, settings.services_max, settings.environments_max)

    def parameters(self) -> dict[str, Any]:
        return {
            "fingerprints_max": self.fingerprints,
            "services_max": self.services,
            "environments_max": self.environments,
            "overflow": OVERFLOW,
            "overflow_name": OVERFLOW_NAME,
        }


UNLIMITED = CountLimits()


async def fold_deltas(
    engine: AsyncEngine, fine_hours: int, limits: CountLimits = UNLIMITED, *, seconds: float = math.inf
) -> int:
    """Fold all deltas there are, a chunk of each project in turn; how many deltas were folded.

    After so many seconds the rest is left to the next run: where they come as fast as they are folded there is no end.
    Raises ProjectsFailed when those of some projects could not be, after all others were.
    """
    this = Round(seconds=seconds)
    async with engine.connect() as connection:
        due = list((await connection.scalars(PROJECTS_WITH_DELTAS)).all())
    folded = 0
    chunks: defaultdict[UUID, int] = defaultdict(lambda: min(FIRST_CHUNK, CHUNK_DELTAS))
    while due:
        more = []
        for project_id in this.over(due):
            async with this.turn(project_id):
                chunk, since = chunks[project_id], time.monotonic()
                taken = await fold_chunk(engine, project_id, fine_hours, limits, chunk=chunk)
                metrics.FOLDED_DELTAS.of().inc(taken)
                folded += taken
                chunks[project_id] = size_chunk(chunk, time.monotonic() - since)
                if taken >= chunk:
                    more.append(project_id)
        due = more
    this.end()
    return folded


def size_chunk(chunk: int, seconds: float) -> int:
    """How many deltas the next transaction takes, where one of `chunk` took so long: others wait for its lock."""
    return max(1, min(CHUNK_DELTAS, 5 * chunk, max(LEAST_CHUNK, int(chunk * CHUNK_SECONDS / max(seconds, 1e-6)))))


async def fold_chunk(
    engine: AsyncEngine,
    project_id: UUID,
    fine_hours: int,
    limits: CountLimits = UNLIMITED,
    *,
    chunk: int = CHUNK_DELTAS,
) -> int:
    """Fold at most `chunk` deltas of one project in one transaction; how many there were."""
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        watch = await read_watch(connection, project_id)
        asked = {"project_id": project_id, "fine_hours": fine_hours, "chunk": chunk, "moments": watch.moments}
        with traces.span("fold", links=await find_origins(connection, project_id, chunk)):
            got = (await connection.execute(FOLD, asked | limits.parameters())).all()
        receipts = await sum_up(connection, project_id, got, watch.moments)
        await add_unknown(connection, project_id, [one for one in receipts if one.version == UNKNOWN_VERSION])
        await add_counts(connection, project_id, receipts)
        await note_releases(connection, project_id, got, watch)
    tell_overflow(project_id, got)
    return sum(row.deltas for row in got)


def tell_overflow(project_id: UUID, got: Sequence[Row[Any]]) -> None:
    """Say how many errors of a chunk count under an overflow, since their project has as many as it may."""
    beyond = {
        "fingerprints": sum(row.errors for row in got if row.fingerprint == OVERFLOW),
        "services": sum(row.services_beyond for row in got),
        "environments": sum(row.environments_beyond for row in got),
    }
    for kind, errors in beyond.items():
        metrics.OVERFLOW_ERRORS.of(kind).inc(errors)
    if any(beyond.values()):
        log.warning("overflow", project_id=str(project_id), **beyond)


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


async def repair_hours(engine: AsyncEngine, projects: Iterable[UUID]) -> int:
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
