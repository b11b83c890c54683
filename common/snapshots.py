"""One project's patterns answer: its form, how it is summed up from rollups, and the table it is kept in.

Worker and API agree on it here: the worker computes it on a cron, the API when there is none yet. The only writer of
`snapshots`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.settings import Settings
from common.tables import Severity

WINDOWS_HOURS = (1, 6, 24, 168)


class KeyCount(BaseModel):
    """How many errors have this value."""

    key: str
    count: int


class HourCount(BaseModel):
    """How many errors fell on the hour (UTC) that begins at `start`."""

    start: datetime
    count: int


class PatternCount(BaseModel):
    """A pattern in a short list."""

    id: UUID
    title: str
    count: int


class TrendGroup(BaseModel):
    """The patterns whose series do the same thing now."""

    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    patterns: int = Field(description="How many patterns.")
    count: int = Field(description="Their errors in the window.")
    top: list[PatternCount] = Field(description="The ten with most errors.")


class PatternSummary(BaseModel):
    """One pattern, as it stands in the window."""

    id: UUID
    title: str
    template: str = Field(description="The message with <*> at its variable places.")
    error_type: str | None
    count: int = Field(description="Errors in the window.")
    share: float = Field(description="Part of the window's total, 0 to 1.")
    state: str = Field(description="new, ongoing, regressed, resolved or ignored; more may come.")
    trend: str = Field(description="new, regressed, spiking, rising, steady or falling; more may come.")
    grouped_by: str = Field(description="What put its errors together: stacktrace, message or client.")
    by_severity: list[KeyCount]
    services: list[KeyCount]
    first_seen: datetime
    last_seen: datetime


class OtherPatterns(BaseModel):
    """What the cut list of patterns leaves out."""

    patterns: int
    count: int


class PatternsAnswer(BaseModel):
    """What is failing in one window. By severity, by service, and patterns with other, each sum to `total`."""

    window: str = Field(description="Length of the window: 1h, 6h, 24h or 7d.")
    window_start: datetime
    window_end: datetime
    computed_at: datetime
    lag_seconds: float = Field(description="Age of the oldest error not yet counted, when this was computed.")
    total: int
    by_severity: list[KeyCount]
    by_service: list[KeyCount]
    series: list[HourCount] = Field(description="Errors by hour, oldest first, without gaps.")
    trends: list[TrendGroup]
    top_10: list[PatternCount]
    patterns: list[PatternSummary] = Field(description="Those with most errors first.")
    other: OtherPatterns


# What fell on the window, by pattern, service and severity: every sum of the answer is made of these rows.
COUNT_WINDOW = text(
    """
    SELECT f.pattern_id, r.service, r.severity, sum(r.count)::bigint AS errors
    FROM rollups r JOIN fingerprints f ON f.project_id = r.project_id AND f.fingerprint = r.fingerprint
    WHERE r.project_id = :project_id AND r.bucket >= :start
    GROUP BY f.pattern_id, r.service, r.severity
    """
)
# The same by hour.
COUNT_HOURS = text(
    """
    SELECT date_trunc('hour', bucket, 'UTC') AS start, sum(count)::bigint AS errors
    FROM rollups WHERE project_id = :project_id AND bucket >= :start GROUP BY 1
    """
)
# What is known of patterns; one that the worker has not looked at yet is described by its fingerprint.
DESCRIBE_PATTERNS = text(
    """
    SELECT f.pattern_id, coalesce(p.title, min(f.title)) AS title, coalesce(p.template, min(f.skeleton)) AS template,
           coalesce(p.error_type, min(f.error_type)) AS error_type, coalesce(p.state, 'new') AS state,
           coalesce(p.trend, 'new') AS trend, coalesce(p.grouped_by, min(f.grouped_by)) AS grouped_by,
           min(f.first_seen) AS first_seen, max(f.last_seen) AS last_seen
    FROM fingerprints f LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
    WHERE f.project_id = :project_id AND f.pattern_id = ANY(:pattern_ids)
    GROUP BY f.pattern_id, p.title, p.template, p.error_type, p.state, p.trend, p.grouped_by
    """
)
# Age of the oldest delta that is not folded, in seconds.
FIND_LAG = text(
    "SELECT coalesce(extract(epoch FROM now() - min(written_at)), 0) FROM deltas WHERE project_id = :project_id"
)
STORE_SNAPSHOT = text(
    """
    INSERT INTO snapshots (project_id, window_hours, computed_at, body)
    VALUES (:project_id, :window_hours, :computed_at, :body)
    ON CONFLICT (project_id, window_hours) DO UPDATE SET
        computed_at = EXCLUDED.computed_at, body = EXCLUDED.body
    WHERE snapshots.computed_at < EXCLUDED.computed_at
    """
)
LOAD_SNAPSHOT = text(
    "SELECT computed_at, body FROM snapshots WHERE project_id = :project_id AND window_hours = :window_hours"
)


@dataclass(slots=True)
class Tally:
    """The counts of one pattern."""

    total: int = 0
    by_severity: Counter[str] = field(default_factory=Counter)
    by_service: Counter[str] = field(default_factory=Counter)

    def add(self, severity: str, service: str, count: int) -> None:
        self.total += count
        self.by_severity[severity] += count
        self.by_service[service] += count


async def compute_snapshot(
    engine: AsyncEngine, project_id: UUID, window_hours: int, settings: Settings
) -> PatternsAnswer:
    """Sum up one window from the rollups, all of it as of one moment: folds that run meanwhile are not half seen."""
    now = datetime.now(UTC)
    start = start_of_window(now, window_hours, settings.rollup_fine_hours)
    asked = {"project_id": project_id, "start": start}
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        tallies, whole = tally((await connection.execute(COUNT_WINDOW, asked)).all())
        hours = {row.start: row.errors for row in await connection.execute(COUNT_HOURS, asked)}
        known = await connection.execute(DESCRIBE_PATTERNS, {"project_id": project_id, "pattern_ids": list(tallies)})
        described = {row.pattern_id: row for row in known}
        lag_seconds = float(await connection.scalar(FIND_LAG, {"project_id": project_id}) or 0)
    ordered = sorted(tallies, key=lambda pattern: (-tallies[pattern].total, pattern))
    listed = ordered[: settings.patterns_max_listed]
    left_out = [tallies[pattern].total for pattern in ordered[settings.patterns_max_listed :]]
    summaries = [summarize(described[pattern], tallies[pattern], whole.total) for pattern in listed]
    return PatternsAnswer(
        window=name_window(window_hours),
        window_start=start,
        window_end=now,
        computed_at=now,
        lag_seconds=round(lag_seconds, 3),
        total=whole.total,
        by_severity=key_counts(whole.by_severity),
        by_service=key_counts(whole.by_service),
        series=list(hour_series(hours, start, now)),
        trends=group_trends(ordered, tallies, described),
        top_10=[PatternCount(id=s.id, title=s.title, count=s.count) for s in summaries[:10]],
        patterns=summaries,
        other=OtherPatterns(patterns=len(left_out), count=sum(left_out)),
    )


def start_of_window(now: datetime, window_hours: int, fine_hours: int) -> datetime:
    """Where the window begins: on a bucket's edge, which beyond the fine hours is the full hour."""
    start = now - timedelta(hours=window_hours)
    minute = 0 if window_hours > fine_hours else start.minute // 5 * 5
    return start.replace(minute=minute, second=0, microsecond=0)


def tally(rows: Iterable[Any]) -> tuple[dict[UUID, Tally], Tally]:
    """The counts of each pattern, and of all of them."""
    tallies: dict[UUID, Tally] = defaultdict(Tally)
    whole = Tally()
    for row in rows:
        severity = Severity(row.severity).name
        tallies[row.pattern_id].add(severity, row.service, row.errors)
        whole.add(severity, row.service, row.errors)
    return dict(tallies), whole


def summarize(described: Any, counts: Tally, total: int) -> PatternSummary:
    return PatternSummary(
        id=described.pattern_id,
        title=described.title,
        template=described.template,
        error_type=described.error_type,
        count=counts.total,
        share=round(counts.total / total, 4),
        state=described.state,
        trend=described.trend,
        grouped_by=described.grouped_by,
        by_severity=key_counts(counts.by_severity),
        services=key_counts(counts.by_service),
        first_seen=described.first_seen,
        last_seen=described.last_seen,
    )


def group_trends(ordered: list[UUID], tallies: Mapping[UUID, Tally], described: Mapping[UUID, Any]) -> list[TrendGroup]:
    """The patterns by what their series do; those with most errors first."""
    groups: dict[str, list[PatternCount]] = defaultdict(list)
    for pattern in ordered:
        facts = described[pattern]
        groups[facts.trend].append(PatternCount(id=pattern, title=facts.title, count=tallies[pattern].total))
    return [
        TrendGroup(trend=trend, patterns=len(group), count=sum(p.count for p in group), top=group[:10])
        for trend, group in sorted(groups.items())
    ]


def hour_series(hours: Mapping[datetime, int], start: datetime, now: datetime) -> Iterator[HourCount]:
    """Every hour from the window's first to its last, also those without errors."""
    hour = start.replace(minute=0)
    while hour <= max([now, *hours]):
        yield HourCount(start=hour, count=hours.get(hour, 0))
        hour += timedelta(hours=1)


def key_counts(counts: Counter[str]) -> list[KeyCount]:
    """Most first, then by name."""
    return [KeyCount(key=key, count=count) for key, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]


def name_window(hours: int) -> str:
    return f"{hours // 24}d" if hours > 24 else f"{hours}h"


async def store_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int, answer: PatternsAnswer
) -> bytes:
    """Keep the answer, unless a later one is kept already; gives its bytes, as they are sent."""
    body = answer.model_dump_json().encode()
    values = {"project_id": project_id, "window_hours": window_hours, "computed_at": answer.computed_at, "body": body}
    await connection.execute(STORE_SNAPSHOT, values)
    return body


async def load_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int
) -> tuple[datetime, bytes] | None:
    """When the kept answer was computed, and its bytes; None when there is none yet."""
    row = (await connection.execute(LOAD_SNAPSHOT, {"project_id": project_id, "window_hours": window_hours})).first()
    return (row.computed_at, bytes(row.body)) if row else None
