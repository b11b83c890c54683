"""One project's patterns answer: its form, how it is summed up from rollups, and the table it is kept in.

Worker and API agree on it here: the worker computes it on a cron, the API when there is none yet. The only writer of
`snapshots`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, Field
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.tables import Severity

WINDOWS_HOURS = (1, 6, 24, 168)
WINDOW_NAMES = {1: "1h", 6: "6h", 24: "24h", 168: "7d"}
FINE_WINDOW_HOURS = 24  # longer windows begin on the hour, since their oldest rollups may be an hour wide
TOP = 10


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


# What all of one project's statements see: one moment. Has to be the first statement of the transaction.
ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

# Counts since the window's start, once by pattern, service and severity, and once by hour, in one pass.
# A fingerprint that has no pattern yet stands for itself.
COUNT = text("""
    WITH counted AS (
        SELECT fingerprint, service, severity, date_trunc('hour', bucket, 'UTC') AS hour, sum(count) AS count
        FROM rollups WHERE project_id = :project_id AND bucket >= :start
        GROUP BY GROUPING SETS ((fingerprint, service, severity), (date_trunc('hour', bucket, 'UTC')))
    )
    SELECT p.pattern_id, CASE WHEN p.pattern_id IS NULL THEN c.fingerprint END AS fingerprint, p.trend,
           c.service, c.severity, c.hour, sum(c.count)::bigint AS errors
    FROM counted c
    LEFT JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = c.fingerprint
    LEFT JOIN patterns p ON p.project_id = :project_id AND p.pattern_id = f.pattern_id
    GROUP BY 1, 2, 3, 4, 5, 6
""")

# What the listed patterns say of themselves.
LISTED_PATTERNS = text("""
    SELECT pattern_id, title, template, error_type, grouped_by, state, first_seen, last_seen
    FROM patterns WHERE project_id = :project_id AND pattern_id = ANY(CAST(:pattern_ids AS uuid[]))
""")

# What the listed fingerprints without a pattern say of themselves; a lost one must not break the answer.
LISTED_FINGERPRINTS = text("""
    SELECT wanted.fingerprint, coalesce(title, 'Unknown') AS title, coalesce(skeleton, '') AS template, error_type,
           coalesce(grouped_by, 'message') AS grouped_by, 'new' AS state,
           coalesce(first_seen, :start) AS first_seen, coalesce(last_seen, :start) AS last_seen
    FROM unnest(CAST(:fingerprints AS bigint[])) AS wanted (fingerprint)
    LEFT JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = wanted.fingerprint
""")

# When the oldest error that is not counted yet was written.
OLDEST_DELTA = text("SELECT min(written_at) FROM deltas WHERE project_id = :project_id")

# Keeps the answer, unless a newer one is there.
STORE = text("""
    INSERT INTO snapshots (project_id, window_hours, computed_at, body)
    VALUES (:project_id, :window_hours, :computed_at, :body)
    ON CONFLICT (project_id, window_hours) DO UPDATE
    SET computed_at = EXCLUDED.computed_at, body = EXCLUDED.body
    WHERE snapshots.computed_at < EXCLUDED.computed_at
""")

# The kept answer of one window.
LOAD = text("""
    SELECT computed_at, body FROM snapshots WHERE project_id = :project_id AND window_hours = :window_hours
""")


@dataclass(slots=True)
class Tally:
    """One pattern's counts in the window."""

    trend: str = "new"
    fingerprint: int | None = None
    services: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    count: int = 0

    def add(self, row: Row[Any]) -> None:
        self.services[row.service] += row.errors
        self.severities[Severity(row.severity).name] += row.errors
        self.count += row.errors


def window_start(window_hours: int, now: datetime) -> datetime:
    """Where the window begins: on five minutes, or on the hour where rollups may be an hour wide."""
    start = (now - timedelta(hours=window_hours)).astimezone(UTC).replace(second=0, microsecond=0)
    minute = start.minute - start.minute % 5 if window_hours <= FINE_WINDOW_HOURS else 0
    return start.replace(minute=minute)


def first_pattern_id(project_id: UUID, fingerprint: int) -> UUID:
    """The id under which a fingerprint is shown until it has a pattern, and that of the pattern which it founds."""
    return uuid5(project_id, str(fingerprint))


async def compute_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int, now: datetime, max_listed: int
) -> PatternsAnswer:
    """Sum the window up, with at most `max_listed` patterns listed.

    Sees one moment of the database: has to be the first that happens in the connection's transaction. Errors timed
    a little after `now` are in it, so that all folded errors since the window's start are.
    """
    await connection.execute(ONE_MOMENT)
    start = window_start(window_hours, now)
    project = {"project_id": project_id}
    rows = (await connection.execute(COUNT, {**project, "start": start})).all()
    tallies = tally_patterns(project_id, rows)
    ranked = sorted(tallies, key=lambda pattern_id: (-tallies[pattern_id].count, pattern_id))
    shown = dict.fromkeys([*ranked[:max_listed], *top_of_trends(ranked, tallies)])
    texts = await load_texts(connection, project_id, start, {pattern_id: tallies[pattern_id] for pattern_id in shown})
    oldest = (await connection.execute(OLDEST_DELTA, project)).scalar_one()
    total = sum(tally.count for tally in tallies.values())

    def short(pattern_id: UUID) -> PatternCount:
        return PatternCount(id=pattern_id, title=texts[pattern_id].title, count=tallies[pattern_id].count)

    return PatternsAnswer(
        window=WINDOW_NAMES.get(window_hours, f"{window_hours}h"),
        window_start=start,
        window_end=now,
        computed_at=now,
        lag_seconds=max((now - oldest).total_seconds(), 0.0) if oldest else 0.0,
        total=total,
        by_severity=counts_by(tally.severities for tally in tallies.values()),
        by_service=counts_by(tally.services for tally in tallies.values()),
        series=hourly_series(start, now, {row.hour: row.errors for row in rows if row.hour is not None}),
        trends=group_trends(ranked, tallies, short),
        top_10=[short(pattern_id) for pattern_id in ranked[:TOP]],
        patterns=[
            summarize(pattern_id, tallies[pattern_id], texts[pattern_id], total) for pattern_id in ranked[:max_listed]
        ],
        other=OtherPatterns(
            patterns=len(ranked[max_listed:]),
            count=sum(tallies[pattern_id].count for pattern_id in ranked[max_listed:]),
        ),
    )


def tally_patterns(project_id: UUID, rows: Iterable[Row[Any]]) -> dict[UUID, Tally]:
    """The rows of COUNT that are not hours, by pattern."""
    tallies: dict[UUID, Tally] = {}
    for row in rows:
        if row.hour is None:
            pattern_id = row.pattern_id or first_pattern_id(project_id, row.fingerprint)
            tally = tallies.setdefault(pattern_id, Tally(row.trend or "new", row.fingerprint))
            tally.add(row)
    return tallies


def top_of_trends(ranked: Sequence[UUID], tallies: Mapping[UUID, Tally]) -> list[UUID]:
    seen: Counter[str] = Counter()
    top = []
    for pattern_id in ranked:
        seen[tallies[pattern_id].trend] += 1
        if seen[tallies[pattern_id].trend] <= TOP:
            top.append(pattern_id)
    return top


async def load_texts(
    connection: AsyncConnection, project_id: UUID, start: datetime, shown: Mapping[UUID, Tally]
) -> dict[UUID, Row[Any]]:
    """Title, template and the rest of each shown pattern, or of the fingerprint that stands for itself."""
    fingerprints = [tally.fingerprint for tally in shown.values() if tally.fingerprint is not None]
    known = [pattern_id for pattern_id, tally in shown.items() if tally.fingerprint is None]
    patterns = await connection.execute(LISTED_PATTERNS, {"project_id": project_id, "pattern_ids": known})
    texts = {row.pattern_id: row for row in patterns}
    alone = await connection.execute(
        LISTED_FINGERPRINTS, {"project_id": project_id, "start": start, "fingerprints": fingerprints}
    )
    return texts | {first_pattern_id(project_id, row.fingerprint): row for row in alone}


def summarize(pattern_id: UUID, tally: Tally, texts: Row[Any], total: int) -> PatternSummary:
    return PatternSummary(
        id=pattern_id,
        title=texts.title,
        template=texts.template,
        error_type=texts.error_type,
        count=tally.count,
        share=tally.count / total,
        state=texts.state,
        trend=tally.trend,
        grouped_by=texts.grouped_by,
        by_severity=counts_by([tally.severities]),
        services=counts_by([tally.services]),
        first_seen=texts.first_seen,
        last_seen=texts.last_seen,
    )


def counts_by(counters: Iterable[Counter[str]]) -> list[KeyCount]:
    """The counters added up, largest first."""
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return [
        KeyCount(key=key, count=count) for key, count in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    ]


def group_trends(
    ranked: Sequence[UUID], tallies: Mapping[UUID, Tally], short: Callable[[UUID], PatternCount]
) -> list[TrendGroup]:
    """The patterns by trend, those with most errors first."""
    groups: defaultdict[str, list[UUID]] = defaultdict(list)
    for pattern_id in ranked:
        groups[tallies[pattern_id].trend].append(pattern_id)
    found = [
        TrendGroup(
            trend=trend,
            patterns=len(members),
            count=sum(tallies[pattern_id].count for pattern_id in members),
            top=[short(pattern_id) for pattern_id in members[:TOP]],
        )
        for trend, members in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.trend))


def hourly_series(start: datetime, now: datetime, counts: Mapping[datetime, int]) -> list[HourCount]:
    """Every hour from the window's first to the last that has errors or is now; absent hours are 0."""
    hour = start.replace(minute=0)
    last = max([now.astimezone(UTC).replace(minute=0, second=0, microsecond=0), *counts])
    series = []
    while hour <= last:
        series.append(HourCount(start=hour, count=counts.get(hour, 0)))
        hour += timedelta(hours=1)
    return series


async def store_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int, computed_at: datetime, body: bytes
) -> None:
    """Keep an answer's JSON, unless a newer one is kept. In a transaction of its own, after `compute_snapshot`'s."""
    await connection.execute(
        STORE,
        {"project_id": project_id, "window_hours": window_hours, "computed_at": computed_at, "body": body},
    )


async def load_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int
) -> tuple[datetime, bytes] | None:
    """When the kept answer was computed, and its JSON."""
    row = (await connection.execute(LOAD, {"project_id": project_id, "window_hours": window_hours})).one_or_none()
    return (row.computed_at, row.body) if row else None
