"""What was spent over days, summed up by each of day, team, agent and model, and the patterns that cost most: one answer."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text

from api.fields import Day, Money
from api.http.problems import Invalid
from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table
from api.reads.parameters import FormQuery, some_of
from api.spending.usage_reads import at_midnight
from common.database.clock import CLOCK

DEFAULT_DAYS, MOST_DAYS, MOST_LISTED = 30, 400, 100

# The sums of UTC days, by each of the four by which they are looked at.
SUM_BY_EACH = text(
    """
    SELECT (bucket AT TIME ZONE 'UTC')::date AS day, team, agent, model, sum(records)::bigint AS records,
           sum(input_tokens + output_tokens)::bigint AS tokens, sum(cached_tokens)::bigint AS cached_tokens,
           sum(unpriced_tokens)::bigint AS unpriced_tokens, sum(cost_usd) AS cost_usd
    FROM usage_rollups WHERE project_id = :project_id AND minutes = 1440 AND bucket >= :since AND bucket < :until
    GROUP BY GROUPING SETS ((bucket), (team), (agent), (model), ())
    """
)
# The patterns that records name, those with most tokens first.
SUM_PATTERNS = text(
    """
    SELECT u.pattern_id, max(p.title) AS title, count(*) AS records,
           sum(u.input_tokens + u.output_tokens)::bigint AS tokens, sum(u.cost_usd) AS cost_usd
    FROM usage_records u LEFT JOIN patterns p ON p.project_id = u.project_id AND p.pattern_id = u.pattern_id
    WHERE u.project_id = :project_id AND u.pattern_id IS NOT NULL AND u.occurred_at >= :since AND u.occurred_at < :until
    GROUP BY u.pattern_id ORDER BY tokens DESC, u.pattern_id LIMIT 20
    """
)


class SpentOn(BaseModel):
    """What one day, team, agent or model spent."""

    key: str = Field(description="The day as YYYY-MM-DD, or the name.")
    records: int = Field(description="How many calls.")
    tokens: int = Field(description="Input and output together.")
    cached_tokens: int = Field(description="Input that came out of the provider's cache.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")


class SpentOnPattern(BaseModel):
    """What calls on one pattern spent, by the records that name it."""

    id: UUID = Field(description="Of the pattern.")
    title: str | None = Field(description="Its title; null where its errors are gone.")
    records: int = Field(description="How many calls.")
    tokens: int = Field(description="Input and output together.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")


class UsageSummary(BaseModel):
    """What was spent from one UTC day to another."""

    since: date = Field(description="First UTC day.")
    until: date = Field(description="The UTC day after the last one.")
    total: SpentOn = Field(description="Of all; its key is empty.")
    by_day: list[SpentOn] = Field(description="Oldest first, those without records left out.")
    by_team: list[SpentOn] = Field(description=f"Most tokens first, {MOST_LISTED} at most.")
    by_agent: list[SpentOn] = Field(description=f"Most tokens first, {MOST_LISTED} at most.")
    by_model: list[SpentOn] = Field(description=f"Most tokens first, {MOST_LISTED} at most.")
    patterns: list[SpentOnPattern] = Field(description="The 20 patterns on which most tokens were spent.")


SUMS = Table("by_day", tuple(SpentOn.model_fields), ("key", "records", "tokens", "cost_usd"))


class SummaryQuery(FormQuery):
    """Which days are wanted."""

    fields: str | None = some_of(SUMS)
    since: Day | None = Field(None, description=f"First UTC day; {DEFAULT_DAYS} days before `until` if not said.")
    until: Day | None = Field(None, description="The UTC day after the last one; the end of today if not said.")


async def build_summary(context: BuildContext, asked: Asked[SummaryQuery]) -> bytes:
    """Raises Invalid."""
    since, until = find_days(asked.params.since, asked.params.until)
    values = {"project_id": asked.project_id, "since": at_midnight(since), "until": at_midnight(until)}
    async with context.looking_back(asked.project_id).connect() as connection:
        sums = (await connection.execute(SUM_BY_EACH, values)).all()
        patterns = (await connection.execute(SUM_PATTERNS, values)).all()
    return sum_up(sums, patterns, since, until).model_dump_json().encode()


def find_days(since: date | None, until: date | None) -> tuple[date, date]:
    """The first day, and the one after the last. Raises Invalid."""
    until = until or CLOCK.now().date() + timedelta(days=1)
    since = since or date.fromordinal(max(1, until.toordinal() - DEFAULT_DAYS))
    if not timedelta() < until - since <= timedelta(days=MOST_DAYS):
        raise Invalid(f"since and until: ask for 1 to {MOST_DAYS} days")
    return since, until


def sum_up(sums: Iterable[Any], patterns: Iterable[Any], since: date, until: date) -> UsageSummary:
    by: dict[str, list[SpentOn]] = defaultdict(list)
    for row in sums:
        name = next((name for name in ("day", "team", "agent", "model") if getattr(row, name) is not None), "total")
        by[name].append(spent_on("" if name == "total" else str(getattr(row, name)), row))
    most = {
        name: sorted(by[name], key=lambda one: (-one.tokens, one.key))[:MOST_LISTED]
        for name in ("team", "agent", "model")
    }
    return UsageSummary(
        since=since,
        until=until,
        total=by["total"][0],
        by_day=sorted(by["day"], key=lambda one: one.key),
        by_team=most["team"],
        by_agent=most["agent"],
        by_model=most["model"],
        patterns=[
            SpentOnPattern(id=p.pattern_id, title=p.title, records=p.records, tokens=p.tokens, cost_usd=p.cost_usd)
            for p in patterns
        ],
    )


def spent_on(key: str, row: Any) -> SpentOn:
    """Nothing priced is no cost, and not a cost of 0."""
    tokens, unpriced = row.tokens or 0, row.unpriced_tokens or 0
    cost = None if tokens and unpriced == tokens else row.cost_usd or Decimal(0)
    return SpentOn(
        key=key, records=row.records or 0, tokens=tokens, cached_tokens=row.cached_tokens or 0,
        unpriced_tokens=unpriced, cost_usd=cost,
    )  # fmt: skip


USAGE_SUMMARY = Read(
    operation="get_usage_summary",
    path="/api/usage/summary",
    tags=("usage",),
    summary="What was spent, by each of day, team, agent and model",
    description="Sums of UTC days by day, by team, by agent and by model, and the patterns on which most was spent; every"
    " acknowledged record is in them.",
    params=SummaryQuery,
    answer=UsageSummary,
    table=SUMS,
    build=build_summary,
    max_age_seconds=seconds(1),
)
