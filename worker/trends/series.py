"""Reads what scores and incidents are made of: counts, beginnings, services, traces."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.buckets import next_bucket
from common.snapshots.windows import COUNTS_SINCE, since
from worker.trends.incidents import Onset
from worker.trends.jobs import list_earlier_hours
from worker.trends.returns import MEMORY_DAYS, SILENCE_HOURS
from worker.trends.scores import FRESH_HOURS, HISTORY_HOURS, HOUR, Activity

# Each pattern's counts by hour since the first hour as two arrays, when it was seen, and when it was resolved: in a
# release, once one that should have had the fix failed.
LOAD_SERIES = text("""
    WITH hours AS (
        SELECT f.pattern_id, h.hour, sum(h.count)::bigint AS errors
        FROM hourly_rollups h JOIN fingerprints f ON f.project_id = h.project_id AND f.fingerprint = h.fingerprint
        WHERE h.project_id = :project_id AND h.hour >= :first_hour
        GROUP BY 1, 2
    ), seen AS (
        SELECT pattern_id, min(first_seen) AS first_seen, max(coalesce(received_at, last_seen)) AS received_at
        FROM fingerprints WHERE project_id = :project_id GROUP BY pattern_id
    )
    SELECT h.pattern_id,
           array_agg((extract(epoch FROM h.hour - :first_hour) / 3600)::int) AS hours, array_agg(h.errors) AS errors,
           min(s.first_seen) AS first_seen, max(s.received_at) AS received_at,
           min(d.decided_at) FILTER (WHERE d.decision = 'resolved' AND (
               d.known_releases IS NULL OR p.regressed_at > d.decided_at)) AS resolved_at
    FROM hours h JOIN seen s ON s.pattern_id = h.pattern_id
    LEFT JOIN decisions d ON d.project_id = :project_id AND d.pattern_id = h.pattern_id
    LEFT JOIN patterns p ON p.project_id = :project_id AND p.pattern_id = h.pattern_id
    GROUP BY h.pattern_id
""")

# Each pattern's counts in some hours of before, as two arrays.
LOAD_EARLIER = text("""
    WITH hours AS (
        SELECT f.pattern_id, h.hour, sum(h.count)::bigint AS errors
        FROM hourly_rollups h JOIN fingerprints f ON f.project_id = h.project_id AND f.fingerprint = h.fingerprint
        WHERE h.project_id = :project_id AND h.hour = ANY(:hours)
        GROUP BY 1, 2
    )
    SELECT pattern_id, array_agg(hour) AS hours, array_agg(errors) AS errors FROM hours GROUP BY 1
""")
# On which days before an hour some patterns were seen, as days before it, the newest first; since another hour.
LOAD_DAYS = text("""
    SELECT f.pattern_id,
           array_agg(DISTINCT ceil(extract(epoch FROM :first_hour - h.hour) / 86400)::int) AS days
    FROM fingerprints f JOIN hourly_rollups h ON h.project_id = f.project_id AND h.fingerprint = f.fingerprint
    WHERE f.project_id = :project_id AND f.pattern_id = ANY(:pattern_ids)
      AND h.hour >= :oldest AND h.hour < :first_hour
    GROUP BY 1
""")

# Each pattern's count since a bucket's edge.
COUNT_SINCE = text(
    f"""
    SELECT f.pattern_id, sum(r.count)::bigint AS errors
    FROM {COUNTS_SINCE} r JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = r.fingerprint
    GROUP BY 1
    """  # noqa: S608 - made of a constant
)

# Of some patterns: services and first busy bucket of the last six hours, and the trace ids of their latest errors.
LOAD_ONSETS = text("""
    WITH wanted AS (
        SELECT p.pattern_id, p.title, p.incident_id, p.first_seen, f.fingerprint, f.last_seen
        FROM patterns p JOIN fingerprints f ON f.project_id = p.project_id AND f.pattern_id = p.pattern_id
        WHERE p.project_id = :project_id AND p.trend = ANY(:trends) AND p.last_seen > :since
    ), recent AS MATERIALIZED (
        SELECT w.pattern_id, r.bucket, r.service, sum(r.count) AS errors
        FROM rollups r JOIN wanted w ON w.fingerprint = r.fingerprint
        WHERE r.project_id = :project_id AND r.bucket >= :since GROUP BY 1, 2, 3
    ), buckets AS (
        SELECT pattern_id, bucket, sum(errors) AS errors, max(sum(errors)) OVER (PARTITION BY pattern_id) AS most
        FROM recent GROUP BY 1, 2
    ), began AS (
        SELECT pattern_id, min(bucket) AS bucket FROM buckets WHERE errors * 4 >= most GROUP BY 1
    ), places AS (
        SELECT pattern_id, array_agg(DISTINCT service) AS services FROM recent GROUP BY 1
    ), traces AS (
        SELECT w.pattern_id, array_agg(DISTINCT e.trace_id) AS trace_ids
        FROM wanted w CROSS JOIN LATERAL (
            SELECT coalesce(tags_text::json ->> 'trace_id', context_text::json ->> 'trace_id',
                            tags ->> 'trace_id', context ->> 'trace_id') AS trace_id FROM errors
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
    """What each pattern with errors in the last two weeks did, by its id, as of one moment."""
    await connection.execution_options(isolation_level="REPEATABLE READ")
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    first_hour = this_hour - (HISTORY_HOURS - 1) * HOUR
    rows = (await connection.execute(LOAD_SERIES, {"project_id": project_id, "first_hour": first_hour})).all()
    last_hour = await count_since(connection, project_id, next_bucket(now - HOUR))
    last_six_hours = await count_since(connection, project_id, next_bucket(now - 6 * HOUR))
    series = {row.pattern_id: spread(row.hours, row.errors) for row in rows}
    earlier = await load_earlier(connection, project_id, this_hour)
    were_silent = [pattern_id for pattern_id, hourly in series.items() if was_silent(hourly)]
    earlier_days = await load_earlier_days(connection, project_id, were_silent, first_hour)
    return {
        row.pattern_id: Activity(
            hourly=series[row.pattern_id],
            last_hour=last_hour.get(row.pattern_id, 0),
            last_six_hours=last_six_hours.get(row.pattern_id, 0),
            first_seen=row.first_seen,
            received_at=row.received_at,
            resolved_at=row.resolved_at,
            earlier=earlier.get(row.pattern_id, {}),
            earlier_days=earlier_days.get(row.pattern_id, ()),
        )
        for row in rows
    }


def was_silent(hourly: Sequence[int]) -> bool:
    """Whether the days of the last week before the last one have none: only of these it matters what they did before the
    series begins."""
    return not any(hourly[-SILENCE_HOURS:-FRESH_HOURS])


async def load_earlier(
    connection: AsyncConnection, project_id: UUID, this_hour: datetime
) -> dict[UUID, Mapping[int, int]]:
    """The errors of each pattern in the hours of `list_earlier_hours`, by hours before this one."""
    hours = {this_hour - ago * HOUR: ago for ago in list_earlier_hours(HISTORY_HOURS)}
    rows = await connection.execute(LOAD_EARLIER, {"project_id": project_id, "hours": list(hours)})
    return {
        row.pattern_id: {hours[hour]: count for hour, count in zip(row.hours, row.errors, strict=True)} for row in rows
    }


async def load_earlier_days(
    connection: AsyncConnection, project_id: UUID, pattern_ids: Sequence[UUID], first_hour: datetime
) -> dict[UUID, list[int]]:
    """On which days before an hour, within three months, these patterns were seen, as days before now."""
    if not pattern_ids:
        return {}
    asked = {"project_id": project_id, "pattern_ids": pattern_ids, "first_hour": first_hour}
    rows = await connection.execute(LOAD_DAYS, {**asked, "oldest": first_hour - timedelta(days=MEMORY_DAYS)})
    in_series = HISTORY_HOURS // 24 - 1
    return {row.pattern_id: [in_series + days for days in row.days] for row in rows}


async def count_since(connection: AsyncConnection, project_id: UUID, start: datetime) -> dict[UUID, int]:
    """The errors of each pattern that has any."""
    rows = await connection.execute(COUNT_SINCE, {"project_id": project_id, **since(start)})
    return {row.pattern_id: row.errors for row in rows}


def spread(hours: Sequence[int], errors: Sequence[int]) -> list[int]:
    """The counts as one entry an hour; what a fast clock put into the future counts as now."""
    series = [0] * HISTORY_HOURS
    for hour, count in zip(hours, errors, strict=True):
        series[min(hour, HISTORY_HOURS - 1)] += count
    return series
