"""Counts by bucket, and beside them sums by the hour, so that a window reads few rows (docs/decisions/0009).

The only writer of `rollups`, `hourly_rollups` and `facets`, and the consumer of `deltas`. Each function is a part of the
transaction of its caller, who holds the project's lock: the fold (`worker/counting/folding.py`), which adds, and upkeep
(`worker/upkeep/counts.py`), which makes old rollups an hour wide and deletes what is kept no longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.fingerprint import OVERFLOW
from common.settings import Settings
from common.tables.columns import OVERFLOW_NAME

CHUNK_ROLLUPS = 20_000
NO_LIMIT = 2**62

# Takes a chunk of deltas, adds them to the rollups, answers what each fingerprint got, by release and by which decisions
# it came after. New fingerprints, services and environments beyond what the project may have count as one, so that a
# million distinct messages, or the id of a request sent as service, make neither a million rows nor a wrong sum.
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


async def take_deltas(
    connection: AsyncConnection,
    project_id: UUID,
    *,
    chunk: int,
    fine_hours: int,
    limits: CountLimits,
    moments: Sequence[datetime],
) -> Sequence[Row[Any]]:
    """Take at most `chunk` deltas and add them to the rollups; what each fingerprint got, sorted by fingerprint, by release
    and by how many of the `moments` were over when it was received."""
    asked = {"project_id": project_id, "fine_hours": fine_hours, "chunk": chunk, "moments": moments}
    return (await connection.execute(FOLD, asked | limits.parameters())).all()


async def compact_rollups(connection: AsyncConnection, project_id: UUID, fine_hours: int) -> int:
    """Make at most `CHUNK_ROLLUPS` rollups that are older than `fine_hours` an hour wide; how many were merged away."""
    asked = {"project_id": project_id, "fine_hours": fine_hours, "chunk": CHUNK_ROLLUPS}
    return int((await connection.execute(COMPACT, asked)).scalar_one())


async def repair_hours(connection: AsyncConnection, project_id: UUID) -> int:
    """Make the sums by hour again where they are not those of the rollups; how many hours were.

    None is, unless a worker of a release that knows no such sums folded beside this one.
    """
    asked = {"project_id": project_id}
    hours = (await connection.scalars(FIND_WRONG_HOURS, asked)).all()
    for statement in (CLEAR_HOURS, SUM_HOURS) if hours else ():
        await connection.execute(statement, asked | {"hours": hours})
    return len(hours)
