"""What a rule would have sent: the changes that are kept, given to the evaluator that goes by armed rules."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alerts.rule_schemas import Preview, PreviewedMessage
from common.alerts.changes import Change
from common.alerts.composing import Place, compose, find_pages
from common.alerts.evaluation import Owed, gather, replay
from common.alerts.outbox import MOST_CHANGES
from common.alerts.rates import count_buckets, find_exceeded, first_bucket, name_condition
from common.alerts.rule_rows import find_start
from common.alerts.rules import Rate, Rule
from common.buckets import BUCKET, FINE_HOURS, start_of_bucket
from common.database.clock import ask_time
from common.snapshots.counting import DESCRIBE_PATTERNS
from common.transitions import list_changes

CHANGES_MAX = 50_000
MESSAGES_SHOWN = 100
ALL_ERRORS = "all errors that the rule is about"

FIND_PROJECT_NAME = text("SELECT name FROM projects WHERE project_id = :project_id")


async def preview_rule(
    connection: AsyncConnection, project_id: UUID, rule: Rule, days: int, public_url: str
) -> Preview:
    """What the rule would have sent in the last so many days."""
    now = await ask_time(connection)
    since = now - timedelta(days=days)
    known_since = max(since, await find_start(connection, project_id) or now)
    # what it told before then is what it would not have told again
    told_since = since - timedelta(minutes=max(rule.throttle_minutes, rule.gather_minutes))
    changes = await list_changes(connection, project_id, told_since, now, CHANGES_MAX + 1)
    many = await imagine_rates(connection, project_id, rule, max(since, fine_since(now)), now)
    firings = replay(rule, in_order([*changes[:CHANGES_MAX], *many]), {})
    owed = [one for one in gather(firings) if one.fired_at >= since]
    name = await connection.scalar(FIND_PROJECT_NAME, {"project_id": project_id})
    place = Place(str(name), rule.name, find_pages(public_url, project_id))
    return Preview(
        since=since,
        until=now,
        fired=len(owed),
        per_day=round(len(owed) / max((now - known_since) / timedelta(days=1), 1.0), 2),
        messages=[show(one, rule, place) for one in owed[: -MESSAGES_SHOWN - 1 : -1]],
        unanswered=list(find_gaps(rule, since, known_since, now, is_cut=len(changes) > CHANGES_MAX)),
    )


def in_order(changes: Iterable[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: (change.happened_at, change.transition_id))


def fine_since(now: datetime) -> datetime:
    """Since when there are counts by five minutes for certain."""
    return start_of_bucket(now) - timedelta(hours=FINE_HOURS - 1)


def show(owed: Owed, rule: Rule, place: Place) -> PreviewedMessage:
    message = compose(rule.rule_id, owed.changes[:MOST_CHANGES], max(0, len(owed.changes) - MOST_CHANGES), place)
    return PreviewedMessage(
        fired_at=owed.fired_at,
        due_at=owed.due_at,
        kind=message.kind,
        title=message.title,
        lines=list(message.lines),
        incident=message.incident_key,
        severity=message.severity,
        service=message.service,
        environment=message.environment,
        changes=len(owed.changes),
    )


def find_gaps(rule: Rule, since: datetime, known_since: datetime, now: datetime, *, is_cut: bool) -> Iterator[str]:
    """What history cannot answer, in sentences."""
    if known_since > since:
        yield f"changes of this project are noted since {known_since:%Y-%m-%d %H:%M} UTC: of the time before nothing is known"
    if rule.rates and since < fine_since(now):
        yield (
            f"counts by five minutes are kept for two days: more_than was looked for since {fine_since(now):%Y-%m-%d %H:%M}"
            " UTC, at the ends of these five minutes"
        )
    asked = {one.field for one in (*rule.if_.all, *rule.if_.any, *rule.if_.none)}
    if rule.rates and asked & {"release", "tag", "least_count"}:
        yield "counts know no release, tag and least_count: of more_than these conditions are not asked, neither here nor live"
    if is_cut:
        yield f"more than {CHANGES_MAX} changes are kept of this time: only the first of them were looked at"


async def imagine_rates(
    connection: AsyncConnection, project_id: UUID, rule: Rule, since: datetime, now: datetime
) -> list[Change]:
    """The changes that rates of the rule would have made: those at the end of each bucket."""
    if not rule.rates:
        return []
    last = start_of_bucket(now)
    begin = min(first_bucket(rate, start_of_bucket(since)) for rate in rule.rates)
    rows = await count_buckets(connection, project_id, begin, last + BUCKET)
    asked = {"project_id": project_id, "pattern_ids": list({row.pattern_id for row in rows})}
    known = {row.pattern_id: row for row in await connection.execute(DESCRIBE_PATTERNS, asked)} if rows else {}
    return [
        change
        for rate in rule.rates
        for change in walk(rule, rate, sorted(rows, key=lambda row: row.bucket), known, project_id, since, now)
    ]


def walk(
    rule: Rule,
    rate: Rate,
    rows: Sequence[Any],
    known: dict[UUID, Any],
    project_id: UUID,
    since: datetime,
    now: datetime,
) -> Iterator[Change]:
    """What began and ended to be over the rate, from bucket to bucket."""
    holding: dict[UUID, dict[str, Any]] = {}
    bucket, last = start_of_bucket(since), start_of_bucket(now)
    subject = "pattern" if rate.per == "pattern" else "project"
    low = high = 0
    while bucket <= last:
        while high < len(rows) and rows[high].bucket <= bucket:
            high += 1
        while low < high and rows[low].bucket < first_bucket(rate, bucket):
            low += 1
        at = min(bucket + BUCKET, now)
        over = find_exceeded(rows[low:high], rule, rate, bucket, known, project_id)
        for one in over.keys() - holding.keys():
            pattern = known.get(one)
            title, state = (pattern.title, pattern.state) if pattern else (ALL_ERRORS, None)
            holding[one] = over[one].facts(rule, rate, title, state)
            yield imagine(rule, rate, at, subject, one, "many", holding[one])
        for one in holding.keys() - over.keys():
            yield imagine(rule, rate, at, subject, one, "over", {**holding.pop(one), "of": "many"})
        bucket += BUCKET


def imagine(
    rule: Rule, rate: Rate, at: datetime, subject: str, subject_id: UUID, name: str, facts: dict[str, Any]
) -> Change:
    """A change that was not noted."""
    transition_id = uuid5(rule.rule_id, f"{name_condition(rule, rate)} {subject_id} {name} {at.isoformat()}")
    return Change(transition_id, at, subject, subject_id, name, facts)
