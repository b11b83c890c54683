"""Makes one project's patterns answer of what was counted: sums, lists, groups by trend and incident."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from common.database.connections import Connects
from common.settings import Settings
from common.snapshots.counting import EVERYTHING, Counted, Tally, Wanted, count_window
from common.snapshots.schema import (
    Incident,
    KeyCount,
    OtherPatterns,
    PatternCount,
    PatternsAnswer,
    PatternSummary,
    TrendGroup,
)
from common.snapshots.windows import hour_series, name_window


async def compute_snapshot(
    engine: Connects, project_id: UUID, window_hours: int, settings: Settings, wanted: Wanted = EVERYTHING
) -> PatternsAnswer:
    """Sum up one window; the sums are those of the patterns that are wanted."""
    async with engine.connect() as connection:
        counted = await count_window(connection, project_id, window_hours, wanted)
    whole = Tally()
    for counts in counted.tallies.values():
        whole.merge(counts)
    ordered = counted.order(wanted.order)
    listed = ordered[: settings.patterns_max_listed]
    left_out = [counted.tallies[pattern].total for pattern in ordered[settings.patterns_max_listed :]]
    most = counted.order("count")[:10]
    return PatternsAnswer(
        window=name_window(window_hours),
        window_start=counted.start,
        window_end=counted.now,
        computed_at=counted.now,
        lag_seconds=round(counted.lag_seconds, 3),
        total=whole.total,
        by_severity=key_counts(whole.by_severity),
        by_service=key_counts(whole.by_service),
        by_environment=key_counts(whole.by_environment),
        series=list(hour_series(counted.hours, counted.start, counted.now)),
        trends=group_trends(counted),
        incidents=group_incidents(counted),
        top_10=[short(counted, pattern) for pattern in most],
        patterns=[summarize(counted.described[p], counted.tallies[p], whole.total) for p in listed],
        other=OtherPatterns(patterns=len(left_out), count=sum(left_out)),
    )


def summarize(facts: Any, counts: Tally, total: int) -> PatternSummary:
    return PatternSummary(
        id=facts.pattern_id,
        title=facts.title,
        template=facts.template,
        error_type=facts.error_type,
        count=counts.total,
        share=round(counts.total / total, 4),
        state=facts.state,
        trend=facts.trend,
        trend_facts=facts.trend_facts,
        grouped_by=facts.grouped_by,
        by_severity=key_counts(counts.by_severity),
        services=key_counts(counts.by_service),
        environments=key_counts(counts.by_environment),
        first_seen=facts.first_seen,
        last_seen=facts.last_seen,
    )


def short(counted: Counted, pattern: UUID) -> PatternCount:
    return PatternCount(id=pattern, title=counted.described[pattern].title, count=counted.tallies[pattern].total)


def group_trends(counted: Counted) -> list[TrendGroup]:
    """The patterns by what their series do; those with most errors first."""
    groups: dict[str, list[UUID]] = defaultdict(list)
    for pattern in counted.order("count"):
        groups[counted.described[pattern].trend].append(pattern)
    return [
        TrendGroup(
            trend=trend,
            patterns=len(group),
            count=sum(counted.tallies[pattern].total for pattern in group),
            top=[short(counted, pattern) for pattern in group[:10]],
        )
        for trend, group in sorted(groups.items())
    ]


def group_incidents(counted: Counted) -> list[Incident]:
    """The patterns that the worker saw begin together, the largest incident first."""
    groups: dict[UUID, list[UUID]] = defaultdict(list)
    for pattern in counted.order("count"):
        if (incident := counted.described[pattern].incident_id) is not None:
            groups[incident].append(pattern)
    incidents = [
        Incident(
            id=incident,
            services=sorted({service for pattern in group for service in counted.tallies[pattern].by_service}),
            patterns=[short(counted, pattern) for pattern in group],
            count=sum(counted.tallies[pattern].total for pattern in group),
        )
        for incident, group in groups.items()
        if len(group) > 1
    ]
    return sorted(incidents, key=lambda incident: (-incident.count, incident.id))


def key_counts(counts: Mapping[str, int]) -> list[KeyCount]:
    """Most first, then by name."""
    return [KeyCount(key=key, count=count) for key, count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))]
