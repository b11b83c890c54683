"""The page of one pattern: what one statement says of it, and others where that is not all, put together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.reads.queries import (
    IS_UNKNOWN,
    LATEST_OF_MEMBERS,
    LIST_ERRORS_OF_FINGERPRINTS,
    MEMBERS_OF,
    Filter,
    Member,
    list_errors_of,
    page_of,
    split_days,
)
from api.reads.schemas import FingerprintCount, PatternDetail, Spent
from api.reads.shown import hexadecimal, summarize
from api.reads.variables import variable_values
from common.fingerprint import OVERFLOW
from common.snapshots.composing import key_counts
from common.snapshots.counting import DESCRIPTIONS, follow_move
from common.snapshots.schema import KeyCount
from common.snapshots.windows import COUNTS_SINCE, hour_series, name_window
from common.snapshots.windows import since as count_since
from common.tables import Severity

EXAMPLES = 20
LATEST = 100  # of a pattern: what varies in it is told by them; each is a page of its table to read
SCANNED = 20_000  # errors that are looked at for those of the overflow: a tenth of a second where none is one
MEMBERS = 100

FINGERPRINTS = "ARRAY(SELECT fingerprint FROM member)"
# The counts of the fingerprints in a window, by hour, service and severity.
COUNTS = f"""
    SELECT hour AS start, service, severity, environment, sum(count)::bigint AS errors
    FROM {COUNTS_SINCE} r WHERE fingerprint = ANY({FINGERPRINTS}) GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - made of constants
SPENT = """
    SELECT count(*) AS records, coalesce(sum(input_tokens + output_tokens), 0)::bigint AS tokens, sum(cost_usd) AS usd,
           coalesce(sum(input_tokens + output_tokens) FILTER (WHERE cost_usd IS NULL), 0)::bigint AS unpriced_tokens
    FROM usage_records u WHERE u.project_id = :project_id"""
# Usage that names the pattern, or one that has become part of it.
ON_PATTERN = """u.pattern_id = ANY(ARRAY(
    SELECT CAST(:pattern_id AS uuid) UNION ALL
    SELECT pattern_id FROM pattern_moves WHERE project_id = :project_id AND moved_to = :pattern_id))"""
# Usage that names no pattern, but one of its errors.
ON_SOME_ERROR = "u.pattern_id IS NULL AND u.event_id IS NOT NULL"
ON_ERROR = f"""{ON_SOME_ERROR} AND EXISTS (
    SELECT FROM errors e WHERE e.project_id = u.project_id AND e.event_id = u.event_id
    AND (e.fingerprint = ANY({FINGERPRINTS}) OR {OVERFLOW} = ANY({FINGERPRINTS}) AND {IS_UNKNOWN}))"""
# What was spent on a pattern, by either. An error may have happened on any day, and to open the partitions of all of them
# takes longer than the rest of a page: asked for only in projects where usage names errors.
FIND_SPENT = text(f"WITH member AS ({MEMBERS_OF}) {SPENT} AND ({ON_PATTERN} OR {ON_ERROR})")
# All of it in one round trip: six would take longer than what they ask for. Rows are those of an array; there is none
# where no pattern has this id.
READ_PAGE = text(
    f"""
    WITH member AS MATERIALIZED ({MEMBERS_OF}), latest AS MATERIALIZED ({LATEST_OF_MEMBERS})
    SELECT facts.*,
           (SELECT array_agg((fingerprint, skeleton, count, first_seen, last_seen) ORDER BY count DESC, fingerprint)
            FROM member) AS members,
           (SELECT array_agg((start, service, severity, environment, errors)) FROM ({COUNTS}) c) AS counts,
           (SELECT (records, tokens, usd, unpriced_tokens) FROM ({SPENT} AND {ON_PATTERN}) s) AS spent,
           EXISTS (SELECT FROM usage_records u WHERE u.project_id = :project_id AND {ON_SOME_ERROR}) AS may_be_spent_on_errors,
           (SELECT array_agg((event_id, occurred_at, service, severity, error_type, message, environment, release,
                              pattern_id) ORDER BY occurred_at DESC, event_id DESC)
            FROM (SELECT * FROM latest ORDER BY occurred_at DESC, event_id DESC LIMIT {EXAMPLES}) l) AS examples,
           ARRAY(SELECT message FROM latest) AS messages, ARRAY(SELECT release FROM latest) AS releases
    FROM ({DESCRIPTIONS}) facts
    """  # noqa: S608 - made of the constants above
)


class Count(NamedTuple):
    """Errors of an hour."""

    start: datetime
    service: str
    severity: int
    environment: str
    errors: int


@dataclass(frozen=True, slots=True)
class Page:
    """What Postgres says of a pattern: a row that describes it, and rows of its fingerprints, most errors first, of its
    counts, and of what was spent on it (one); of its latest errors the messages and releases, and of the newest of these
    what a list shows of them, newest first."""

    pattern_id: UUID
    facts: Row[Any]
    members: Sequence[Member]
    counts: Sequence[Count]
    spent: Sequence[Any]
    messages: Sequence[str]
    releases: Sequence[str | None]
    examples: Sequence[Sequence[Any]]

    @property
    def fingerprints(self) -> list[int]:
        return [member.fingerprint for member in self.members]


async def read_page(
    connection: AsyncConnection, project_id: UUID, pattern_id: UUID, start: datetime, wanted: Filter
) -> Page | None:
    """Of the pattern that this one has become part of, where its id is no pattern's any more; None where there is none.
    Counts are those since `start`, errors those that are wanted."""
    asked = page_of(project_id, wanted, LATEST, None) | count_since(start)
    newest, older = split_days(asked)
    row = await ask_page(connection, newest, pattern_id)
    if row is None:
        pattern_id = await follow_move(connection, project_id, pattern_id)
        row = await ask_page(connection, newest, pattern_id)
    if row is None:
        return None
    asked["pattern_id"] = pattern_id
    page = Page(
        pattern_id=pattern_id,
        facts=row,
        members=[Member(*member) for member in row.members or ()],
        counts=[Count(*count) for count in row.counts or ()],
        spent=row.spent,
        messages=row.messages,
        releases=row.releases,
        examples=row.examples or (),
    )
    if row.may_be_spent_on_errors:
        page = replace(page, spent=(await connection.execute(FIND_SPENT, asked)).one())
    if OVERFLOW in page.fingerprints:
        latest = await list_errors_of(connection, page.members, wanted, asked, scanned=SCANNED)
        return add_latest(replace(page, messages=(), releases=(), examples=()), latest)
    left = LATEST - len(page.messages)
    if left and older is not None and row.first_seen.date() <= older["last_day"]:
        rest = older | {"pattern_id": pattern_id, "fingerprints": page.fingerprints, "limit": left}
        return add_latest(page, (await connection.execute(LIST_ERRORS_OF_FINGERPRINTS, rest)).all())
    return page


def add_latest(page: Page, older: Sequence[Row[Any]]) -> Page:
    """The page with these too, older than those that it has."""
    return replace(
        page,
        messages=[*page.messages, *(row.message for row in older)],
        releases=[*page.releases, *(row.release for row in older)],
        examples=[*page.examples, *older][:EXAMPLES],
    )


async def ask_page(connection: AsyncConnection, asked: dict[str, Any], pattern_id: UUID) -> Row[Any] | None:
    """What is known of a pattern of this project, or None."""
    return (
        await connection.execute(READ_PAGE, asked | {"pattern_id": pattern_id, "pattern_ids": [pattern_id]})
    ).first()


def describe_page(page: Page, window_hours: int, start: datetime, now: datetime) -> PatternDetail:
    """The page as it is answered."""
    facts = page.facts
    values = variable_values(facts.template, page.messages)
    return PatternDetail(
        id=page.pattern_id,
        title=facts.title,
        template=facts.template,
        error_type=facts.error_type,
        state=facts.state,
        trend=facts.trend,
        trend_facts=facts.trend_facts,
        note=facts.note,
        release_order=facts.release_order,
        fixed_in=facts.fixed_in,
        grouped_by=facts.grouped_by,
        fingerprints=[
            FingerprintCount(fingerprint=hexadecimal(m.fingerprint), skeleton=m.skeleton, count=m.errors)
            for m in page.members[:MEMBERS]
        ],
        fingerprints_total=len(page.members),
        spent=Spent(**dict(zip(Spent.model_fields, page.spent, strict=True))),
        variables=[[KeyCount(key=value, count=count) for value, count in place] for place in values],
        first_seen=facts.first_seen,
        last_seen=facts.last_seen,
        window=name_window(window_hours),
        count=sum(row.errors for row in page.counts),
        by_severity=key_counts(add_up((Severity(row.severity).name, row.errors) for row in page.counts)),
        services=key_counts(add_up((row.service, row.errors) for row in page.counts)),
        environments=key_counts(add_up((row.environment, row.errors) for row in page.counts)),
        releases=key_counts(Counter(release for release in page.releases if release)),
        series=list(hour_series(add_up((row.start, row.errors) for row in page.counts), start, now)),
        examples=[summarize(row) for row in page.examples],
    )


def add_up(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    """The sum for each key."""
    sums: Counter[Any] = Counter()
    for key, count in pairs:
        sums[key] += count
    return sums
