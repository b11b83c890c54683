"""More than N errors in M minutes: what was counted, and what of it meets a rule. The worker judges now by it, the preview
what was.

Counts are those of buckets of five minutes, the one that is not over included: what is over the limit in part is over it in
whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.rules import Rate, Rule
from common.buckets import BUCKET, start_of_bucket
from common.severities import Severity

# What was counted from one bucket up to, not with, another, by pattern, place and bucket.
COUNT_BUCKETS = text("""
    SELECT f.pattern_id, r.bucket, r.service, r.environment, r.severity, sum(r.count)::bigint AS errors
    FROM rollups r JOIN fingerprints f ON f.project_id = r.project_id AND f.fingerprint = r.fingerprint
    WHERE r.project_id = :project_id AND r.bucket >= :since AND r.bucket < :until
    GROUP BY 1, 2, 3, 4, 5
""")


@dataclass(slots=True)
class Count:
    """Errors of a window, and where and how badly they were."""

    errors: int = 0
    services: dict[str, int] = field(default_factory=dict)
    environments: dict[str, int] = field(default_factory=dict)
    worst: int = 0

    def add(self, row: Any) -> None:
        self.errors += row.errors
        self.services[row.service] = self.services.get(row.service, 0) + row.errors
        self.environments[row.environment] = self.environments.get(row.environment, 0) + row.errors
        self.worst = max(self.worst, row.severity)

    def facts(self, rule: Rule, rate: Rate, title: str, state: str | None) -> dict[str, Any]:
        """What the change is told by."""
        return {
            "title": title,
            **({"state": state} if state else {}),
            "services": sorted(self.services, key=lambda name: (-self.services[name], name)),
            "environments": sorted(self.environments, key=lambda name: (-self.environments[name], name)),
            "severity": Severity(self.worst).name,
            "observed": self.errors,
            "limit": f"{rate.errors} in {rate.minutes} minutes",
            "rule": str(rule.rule_id),
            "rate": rate.model_dump(),
        }


async def count_buckets(connection: AsyncConnection, project_id: UUID, since: datetime, until: datetime) -> list[Any]:
    """Rows of pattern_id, bucket, service, environment, severity, errors."""
    asked = {"project_id": project_id, "since": since, "until": until}
    return list((await connection.execute(COUNT_BUCKETS, asked)).all())


def name_condition(rule: Rule, rate: Rate) -> str:
    """What the condition is called that a rate of a rule holds."""
    return f"many {rule.rule_id} {rate.errors}/{rate.minutes}/{rate.per}"


def first_bucket(rate: Rate, last: datetime) -> datetime:
    """The first bucket of the window that ends with the bucket `last`."""
    return last + BUCKET - timedelta(minutes=rate.minutes)


def find_exceeded(
    rows: Iterable[Any],
    rule: Rule,
    rate: Rate,
    last: datetime,
    known: Mapping[UUID, Any],
    project_id: UUID,
) -> dict[UUID, Count]:
    """What is over the rate in the window that ends with the bucket `last`: by pattern, or by the project where the rate is of
    all. `known` has title and state of the patterns; what people ignore is not counted."""
    first, counts = first_bucket(rate, last), defaultdict[UUID, Count](Count)
    for row in rows:
        if first <= row.bucket <= last and meets(row, rule, known.get(row.pattern_id)):
            counts[row.pattern_id if rate.per == "pattern" else project_id].add(row)
    return {one: count for one, count in counts.items() if count.errors > rate.errors}


def meets(row: Any, rule: Rule, pattern: Any | None) -> bool:
    """Whether the errors of a row are some that the rule is about."""
    facts: dict[str, Any] = {
        "services": [row.service],
        "environments": [row.environment],
        "severity": Severity(row.severity).name,
    }
    if pattern is not None:
        facts |= {"title": pattern.title, "state": pattern.state}
    return facts.get("state") != "ignored" and rule.if_.holds(facts)


def last_buckets(now: datetime) -> tuple[datetime, datetime]:
    """The bucket that now is in, and the one before it, which is whole."""
    this = start_of_bucket(now)
    return this, this - BUCKET
