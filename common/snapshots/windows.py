"""Windows of time as rollups can tell them: where they begin, and how their counts are read. Pure.

A window begins on the edge of a five-minute bucket, the longest on the full hour. Its whole hours are read from the
sums by hour, only its first, broken hour from the five-minute rollups: twelve times fewer rows.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from common.buckets import FINE_HOURS, start_of_bucket
from common.fingerprint import OVERFLOW
from common.snapshots.schema import HourCount

HOUR = timedelta(hours=1)

# The counts of a project since `start`, for a FROM clause; `since` gives its parameters.
COUNTS_SINCE = """(
    SELECT fingerprint, service, severity, environment, hour, count FROM hourly_rollups
    WHERE project_id = :project_id AND hour >= :first_whole_hour
    UNION ALL
    SELECT fingerprint, service, severity, environment, date_trunc('hour', bucket, 'UTC'), count FROM rollups
    WHERE project_id = :project_id AND bucket >= :start AND bucket < :first_whole_hour)"""

# The same of the errors themselves, one by one, where releases are asked for, which no rollup knows; one whose fingerprint
# is not known counts as overflow, or is not counted yet. `at` is when it happened.
ERRORS_SINCE = f"""(
    SELECT coalesce(k.fingerprint, {OVERFLOW}) AS fingerprint, e.service, e.severity, coalesce(e.environment, '') AS environment,
           date_trunc('hour', e.occurred_at, 'UTC') AS hour, e.occurred_at AS at, CAST(1 AS bigint) AS count
    FROM errors e LEFT JOIN fingerprints k ON k.project_id = e.project_id AND k.fingerprint = e.fingerprint
    WHERE e.project_id = :project_id AND e.day >= (CAST(:start AS timestamptz) AT TIME ZONE 'UTC')::date
      AND e.occurred_at >= :start
      AND (CAST(:release AS text) IS NULL OR e.release = :release)
      AND (CAST(:not_release AS text) IS NULL OR e.release IS DISTINCT FROM :not_release))"""  # noqa: S608 - made of a constant


def since(start: datetime) -> dict[str, datetime]:
    """The parameters of `COUNTS_SINCE`; `start` is the edge of a bucket."""
    full_hour = start.replace(minute=0, second=0, microsecond=0)
    return {"start": start, "first_whole_hour": full_hour if start == full_hour else full_hour + HOUR}


def start_of_window(now: datetime, window_hours: int) -> datetime:
    """Where the window begins: on a bucket's edge, which beyond the fine hours is the full hour."""
    start = start_of_bucket(now - timedelta(hours=window_hours))
    return start.replace(minute=0) if window_hours > FINE_HOURS else start


def hour_series(hours: Mapping[datetime, int], start: datetime, now: datetime) -> Iterator[HourCount]:
    """Every hour from the window's first to its last, also those without errors."""
    hour = start.replace(minute=0)
    while hour <= max([now, *hours]):
        yield HourCount(start=hour, count=hours.get(hour, 0))
        hour += HOUR


def name_window(hours: int) -> str:
    return f"{hours // 24}d" if hours > 24 else f"{hours}h"
