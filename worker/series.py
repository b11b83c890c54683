"""Reads what `worker/trends.py` scores: the counts of each pattern, by hour for two weeks, and of the last hours."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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
