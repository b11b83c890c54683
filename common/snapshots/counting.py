"""Counts one window of a project from its rollups, and says what is known of each pattern in it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.snapshots.windows import COUNTS_SINCE, ERRORS_SINCE, since, start_of_window
from common.tables import Severity

Order = Literal["count", "trend", "new"]
# What deserves a look first.
TREND_ORDER = ("spiking", "regressed", "new", "rising", "steady", "falling")

# When the newest error of a pattern was received, by Postgres' clock as decisions are: what it says of its own time may
# be ahead of a decision that it came before, or long before one that it came after (docs/decisions/0029).
RECEIVED = "max(coalesce(f.received_at, f.last_seen))"
# The errors that came after a decision, where such are counted; a decision of a release that knew no such counts
# is about all errors of the pattern.
IS_UNDER_COUNT = """
    CASE WHEN d.until_count IS NULL THEN true WHEN d.until_more IS NULL THEN sum(f.count) < d.until_count
         ELSE coalesce(sum(f.since_count) FILTER (WHERE f.since >= d.decided_at), 0) < d.until_more END"""
# The state of a pattern, from what people decided (d), what the worker saw (p), and its fingerprints (f).
STATE = f"""
    CASE WHEN d.decision = 'ignored' AND coalesce(d.until > now(), true) AND {IS_UNDER_COUNT} THEN 'ignored'
         WHEN d.decision = 'resolved' AND d.known_releases IS NULL AND {RECEIVED} > d.decided_at THEN 'regressed'
         WHEN d.decision = 'resolved' AND p.regressed_at > d.decided_at THEN 'regressed'
         WHEN d.decision = 'resolved' THEN 'resolved'
         WHEN p.trend = 'regressed' THEN 'regressed'
         WHEN min(f.first_seen) > now() - interval '24 hours' THEN 'new'
         ELSE 'ongoing' END"""
# What is known of patterns; one that the worker has not looked at yet is described by its fingerprint.
DESCRIPTIONS = f"""
SELECT f.pattern_id, coalesce(p.title, min(f.title)) AS title, coalesce(p.template, min(f.skeleton)) AS template,
       coalesce(p.error_type, min(f.error_type)) AS error_type, {STATE} AS state,
       coalesce(p.trend, 'new') AS trend, p.trend_facts, p.incident_id,
       coalesce(p.grouped_by, min(f.grouped_by)) AS grouped_by,
       min(f.first_seen) AS first_seen, max(f.last_seen) AS last_seen, d.note, d.release_order, d.fixed_in
FROM fingerprints f
LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
LEFT JOIN decisions d ON d.project_id = f.project_id AND d.pattern_id = f.pattern_id
WHERE f.project_id = :project_id AND f.pattern_id = ANY(:pattern_ids)
GROUP BY f.pattern_id, p.project_id, p.pattern_id, d.project_id, d.pattern_id
"""  # noqa: S608 - made of the constant above
DESCRIBE_PATTERNS = text(DESCRIPTIONS)
# Where a pattern went that has no fingerprints any more.
FIND_MOVE = text(
    """
    SELECT moved_to FROM pattern_moves m WHERE m.project_id = :project_id AND m.pattern_id = :pattern_id
      AND NOT EXISTS (SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = :pattern_id)
    """
)
# Which counts `Wanted` wants: all of its conditions, for a WHERE clause over rows `r` with these columns.
WANTED = """
          (CAST(:service AS text) IS NULL OR r.service = :service)
      AND (CAST(:severity AS smallint) IS NULL OR r.severity = :severity)
      AND (CAST(:environment AS text) IS NULL OR r.environment = :environment)
      AND (CAST(:not_service AS text) IS NULL OR r.service <> :not_service)
      AND (CAST(:not_severity AS smallint) IS NULL OR r.severity <> :not_severity)
      AND (CAST(:not_environment AS text) IS NULL OR r.environment <> :not_environment)"""
# What fell on the window, by pattern, service, severity and environment, and the same by hour, in one pass.
SUMS = "SELECT f.pattern_id, r.service, r.severity, r.environment, r.hour AS start, sum(r.count)::bigint AS errors"
OF_KNOWN = f"""
    r JOIN fingerprints f ON f.project_id = :project_id AND f.fingerprint = r.fingerprint
    WHERE {WANTED}"""
BY_ALL = "GROUP BY GROUPING SETS ((f.pattern_id, r.service, r.severity, r.environment), (r.hour))"
# Of a thousand patterns each comes as one document: as rows they take the process several times as long.
AS_ROWS = (
    "SELECT coalesce(json_agg(json_build_array(pattern_id, service, severity, environment, start, errors)), '[]')::text"
)
COUNT_WINDOW = text(f"{AS_ROWS} FROM ({SUMS} FROM {COUNTS_SINCE} {OF_KNOWN} {BY_ALL}) AS sums")
COUNT_ERRORS = text(f"{AS_ROWS} FROM ({SUMS} FROM {ERRORS_SINCE} {OF_KNOWN} {BY_ALL}) AS sums")
DESCRIBE_ALL = text(f"SELECT coalesce(json_agg(d), '[]')::text FROM ({DESCRIPTIONS}) AS d")  # noqa: S608 - made of a constant
# The hours alone, of some of these patterns.
HOURS = "SELECT r.hour AS start, sum(r.count)::bigint AS errors"
OF_SOME = f"{OF_KNOWN} AND f.pattern_id = ANY(:pattern_ids) GROUP BY r.hour"
HOURS_OF_WINDOW = text(f"{HOURS} FROM {COUNTS_SINCE} {OF_SOME}")
HOURS_OF_ERRORS = text(f"{HOURS} FROM {ERRORS_SINCE} {OF_SOME}")
# A window of an hour is read otherwise than one of a week: plan for its very times, also where a session plans once.
PLAN_ANEW = text("SET LOCAL plan_cache_mode = auto")
# Now, and the age of the oldest delta that is not folded, in seconds, both by Postgres' clock: one that all programs
# share, so that an answer of a program with a fast clock keeps no later one out.
READ_MOMENT = text(
    """
    SELECT now() AS now, coalesce(extract(epoch FROM now() - min(written_at)), 0)::float AS lag_seconds
    FROM deltas WHERE project_id = :project_id
    """
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which errors are counted (service, severity, environment, release), and which patterns of them are shown: those of a
    state, of a trend, with a text in their title or template; and each of these as what is not wanted."""

    service: str | None = None
    severity: str | None = None
    environment: str | None = None
    release: str | None = None
    state: str | None = None
    trend: str | None = None
    text: str | None = None
    not_service: str | None = None
    not_severity: str | None = None
    not_environment: str | None = None
    not_release: str | None = None
    not_state: str | None = None
    not_trend: str | None = None
    not_text: str | None = None
    order: Order = "count"

    def parameters(self) -> dict[str, Any]:
        """Those of `WANTED` and `ERRORS_SINCE`."""
        return {
            "service": self.service,
            "severity": severity_value(self.severity),
            "environment": self.environment,
            "not_service": self.not_service,
            "not_severity": severity_value(self.not_severity),
            "not_environment": self.not_environment,
            "release": self.release,
            "not_release": self.not_release,
        }

    @property
    def is_of_releases(self) -> bool:
        """Whether errors are wanted by their release, and so have to be counted one by one."""
        return self.release is not None or self.not_release is not None

    def shows(self, facts: Any) -> bool:
        said = f"{facts.title}\n{facts.template}".lower()
        return (
            self.state in (None, facts.state)
            and self.trend in (None, facts.trend)
            and (self.text is None or self.text.lower() in said)
            and self.not_state != facts.state
            and self.not_trend != facts.trend
            and (self.not_text is None or self.not_text.lower() not in said)
        )


def severity_value(name: str | None) -> int | None:
    """The number that is stored."""
    return None if name is None else Severity[name].value


EVERYTHING = Wanted()
SEVERITY_NAMES = {severity.value: severity.name for severity in Severity}


class SumRow(msgspec.Struct, array_like=True):
    """Errors of one pattern, service, severity and environment, or of one hour: then it has `start` alone."""

    pattern_id: UUID | None
    service: str | None
    severity: int | None
    environment: str | None
    start: datetime | None
    errors: int


class KnownPattern(msgspec.Struct, frozen=True):
    """What an answer tells of a pattern beside its counts, as `DESCRIPTIONS` has it."""

    pattern_id: UUID
    title: str
    template: str
    error_type: str | None
    state: str
    trend: str
    trend_facts: Any
    incident_id: UUID | None
    grouped_by: str
    first_seen: datetime
    last_seen: datetime


SUM_ROWS = msgspec.json.Decoder(list[SumRow])
KNOWN_PATTERNS = msgspec.json.Decoder(list[KnownPattern])


@dataclass(slots=True)
class Tally:
    """The counts of one pattern, or of all."""

    total: int = 0
    by_severity: dict[str, int] = field(default_factory=dict)
    by_service: dict[str, int] = field(default_factory=dict)
    by_environment: dict[str, int] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        errors = row.errors
        self.total += errors
        count(self.by_severity, SEVERITY_NAMES[row.severity], errors)
        count(self.by_service, row.service, errors)
        count(self.by_environment, row.environment, errors)

    def merge(self, other: "Tally") -> None:
        self.total += other.total
        for mine, others in (
            (self.by_severity, other.by_severity),
            (self.by_service, other.by_service),
            (self.by_environment, other.by_environment),
        ):
            for key, errors in others.items():
                count(mine, key, errors)


def count(counts: dict[str, int], key: str, errors: int) -> None:
    """As a Counter does, which takes ten times as long to make; there are three for each pattern."""
    counts[key] = counts.get(key, 0) + errors


@dataclass(frozen=True, slots=True)
class Counted:
    """One window as of one moment: the tallies of the patterns that are shown, what is known of them, the hours."""

    start: datetime
    now: datetime
    lag_seconds: float
    tallies: Mapping[UUID, Tally]
    described: Mapping[UUID, Any]
    hours: Mapping[datetime, int]

    def order(self, by: Order) -> list[UUID]:
        """The patterns: most errors first, or by trend or age and then by errors."""

        by_count = sorted(self.tallies, key=lambda pattern: (-self.tallies[pattern].total, pattern.int))
        match by:
            case "count":
                return by_count
            case "trend":
                return sorted(by_count, key=lambda pattern: rank_trend(self.described[pattern].trend))
            case "new":
                return sorted(by_count, key=lambda pattern: self.described[pattern].first_seen, reverse=True)


def rank_trend(trend: str) -> int:
    """What deserves a look first; one that this release does not know comes last."""
    return TREND_ORDER.index(trend) if trend in TREND_ORDER else len(TREND_ORDER)


async def follow_move(connection: AsyncConnection, project_id: UUID, pattern_id: UUID) -> UUID:
    """The pattern that has the errors of this one now: itself, unless it has become part of another."""
    moved_to = await connection.scalar(FIND_MOVE, {"project_id": project_id, "pattern_id": pattern_id})
    return moved_to or pattern_id


async def count_window(connection: AsyncConnection, project_id: UUID, window_hours: int, wanted: Wanted) -> Counted:
    """Read all of it as of one moment: folds that run meanwhile are not half seen."""
    await connection.execution_options(isolation_level="REPEATABLE READ")
    await connection.execute(PLAN_ANEW)
    moment = (await connection.execute(READ_MOMENT, {"project_id": project_id})).one()
    start = start_of_window(moment.now, window_hours)
    asked = {"project_id": project_id, **since(start), **wanted.parameters()}
    statement = COUNT_ERRORS if wanted.is_of_releases else COUNT_WINDOW
    tallies, hours = tally(SUM_ROWS.decode(await connection.scalar(statement, asked)))
    known = await connection.scalar(DESCRIBE_ALL, {"project_id": project_id, "pattern_ids": list(tallies)})
    described = {facts.pattern_id: facts for facts in KNOWN_PATTERNS.decode(known) if wanted.shows(facts)}
    if len(described) < len(tallies):
        tallies = {pattern: counts for pattern, counts in tallies.items() if pattern in described}
        statement = HOURS_OF_ERRORS if wanted.is_of_releases else HOURS_OF_WINDOW
        rows = await connection.execute(statement, {**asked, "pattern_ids": list(described)})
        hours = {row.start: row.errors for row in rows}
    return Counted(start, moment.now, moment.lag_seconds, tallies, described, hours)


def tally(rows: Iterable[Any]) -> tuple[dict[UUID, Tally], dict[datetime, int]]:
    """The counts of each pattern, and of each hour."""
    tallies: dict[UUID, Tally] = defaultdict(Tally)
    hours: dict[datetime, int] = {}
    for row in rows:
        if row.pattern_id is None:
            hours[row.start] = row.errors
        else:
            tallies[row.pattern_id].add(row)
    return dict(tallies), hours
