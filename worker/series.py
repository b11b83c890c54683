"""Reads what `worker/trends.py` scores and what `worker/incidents.py` joins: counts, beginnings, services, traces."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.incidents import Onset
from worker.trends import HISTORY_HOURS, HOUR, Activity

# Each pattern's counts: by hour since the first hour as two arrays, and of the last 60 and 360 minutes.
LOAD_SERIES = text("""
    WITH hours AS (
        SELECT f.pattern_id, date_trunc('hour', r.bucket, 'UTC') AS hour, sum(r.count)::bigint AS errors,
               coalesce(sum(r.count) FILTER (WHERE r.bucket > :hour_ago), 0)::bigint AS last_hour,
               coalesce(sum(r.count) FILTER (WHERE r.bucket > :six_hours_ago), 0)::bigint AS last_six_hours
        FROM rollups r JOIN fingerprints f ON f.project_id = r.project_id AND f.fingerprint = r.fingerprint
        WHERE r.project_id = :project_id AND r.bucket >= :first_hour
        GROUP BY 1, 2
    ), seen AS (
        SELECT pattern_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM fingerprints WHERE project_id = :project_id GROUP BY pattern_id
    )
    SELECT h.pattern_id,
           array_agg((extract(epoch FROM h.hour - :first_hour) / 3600)::int) AS hours, array_agg(h.errors) AS errors,
           sum(h.last_hour)::bigint AS last_hour, sum(h.last_six_hours)::bigint AS last_six_hours,
           min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen,
           min(d.decided_at) FILTER (WHERE d.decision = 'resolved') AS resolved_at
    FROM hours h JOIN seen s ON s.pattern_id = h.pattern_id
    LEFT JOIN decisions d ON d.project_id = :project_id AND d.pattern_id = h.pattern_id
    GROUP BY h.pattern_id
""")

# Of some patterns: services and first busy bucket of the last six hours, and the trace ids of their latest errors.
LOAD_ONSETS = text("""
    WITH wanted AS (
        SELECT p.pattern_id, p.title, p.incident_id, p.first_seen, f.fingerprint, f.last_seen
        FROM patterns p JOIN fingerprints f ON f.project_id = p.project_id AND f.pattern_id = p.pattern_id
        WHERE p.project_id = :project_id AND p.trend = ANY(:trends) AND p.last_seen > :since
    ), buckets AS (
        SELECT w.pattern_id, r.bucket, sum(r.count) AS errors
        FROM rollups r JOIN wanted w ON w.fingerprint = r.fingerprint
        WHERE r.project_id = :project_id AND r.bucket >= :since GROUP BY 1, 2
    ), began AS (
        SELECT b.pattern_id, min(b.bucket) FILTER (WHERE b.errors * 4 >= t.most) AS bucket
        FROM buckets b JOIN (SELECT pattern_id, max(errors) AS most FROM buckets GROUP BY 1) t USING (pattern_id)
        GROUP BY 1
    ), places AS (
        SELECT w.pattern_id, array_agg(DISTINCT r.service) AS services
        FROM rollups r JOIN wanted w ON w.fingerprint = r.fingerprint
        WHERE r.project_id = :project_id AND r.bucket >= :since GROUP BY 1
    ), traces AS (
        SELECT w.pattern_id, array_agg(DISTINCT e.trace_id) AS trace_ids
        FROM wanted w CROSS JOIN LATERAL (
            SELECT coalesce(tags ->> 'trace_id', context ->> 'trace_id') AS trace_id FROM errors
            WHERE project_id = :project_id AND fingerprint = w.fingerprint
              AND day = (w.last_seen AT TIME ZONE 'UTC')::date ORDER BY occurred_at DESC LIMIT 20
        ) e WHERE e.trace_id IS NOT NULL GROUP BY 1
    )
    SELECT w.pattern_id, w.title, w.incident_id, greatest(w.first_seen, b.bucket) AS began_at, s.services, t.trace_ids
    FROM (SELECT DISTINCT pattern_id, title, incident_id, first_seen FROM wanted) w
    JOIN began b USING (pattern_id) JOIN places s USING (pattern_id) LEFT JOIN traces t USING (pattern_id)
""")
# The titles of all patterns, to tell rare words.
LIST_TITLES = text("SELECT title FROM patterns WHERE project_id = :project_id")

STARTED = ["new", "regressed", "spiking", "rising"]


async def load_onsets(
    connection: AsyncConnection, project_id: UUID, now: datetime
) -> tuple[list[Onset], dict[str, UUID]]:
    """The patterns that began or jumped in the last six hours, and the incidents that the last run saw them in."""
    asked = {"project_id": project_id, "trends": STARTED, "since": now - timedelta(hours=6)}
    rows = (await connection.execute(LOAD_ONSETS, asked)).all()
    onsets = [
        Onset(
            pattern=str(row.pattern_id),
            title=row.title,
            services=frozenset(row.services),
            started_at=row.began_at,
            trace_ids=frozenset(row.trace_ids or ()),
        )
        for row in rows
    ]
    return onsets, {str(row.pattern_id): row.incident_id for row in rows if row.incident_id is not None}


async def load_activities(connection: AsyncConnection, project_id: UUID, now: datetime) -> dict[UUID, Activity]:
    """What each pattern with errors in the last two weeks did, by its id."""
    first_hour = now.replace(minute=0, second=0, microsecond=0) - (HISTORY_HOURS - 1) * HOUR
    asked = {
        "project_id": project_id,
        "first_hour": first_hour,
        # a bucket belongs to the last hour when it began in it: the windows are as long as they say, to five minutes
        "hour_ago": now - timedelta(minutes=60),
        "six_hours_ago": now - timedelta(minutes=360),
    }
    rows = (await connection.execute(LOAD_SERIES, asked)).all()
    return {row.pattern_id: activity_of(row) for row in rows}


def activity_of(row: Any) -> Activity:
    return Activity(
        hourly=spread(row.hours, row.errors),
        last_hour=row.last_hour,
        last_six_hours=row.last_six_hours,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        resolved_at=row.resolved_at,
    )


def spread(hours: Sequence[int], errors: Sequence[int]) -> list[int]:
    """The counts as one entry an hour; what a fast clock put into the future counts as now."""
    series = [0] * HISTORY_HOURS
    for hour, count in zip(hours, errors, strict=True):
        series[min(hour, HISTORY_HOURS - 1)] += count
    return series
