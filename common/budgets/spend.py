"""What was spent against a budget, out of the sums that the writer keeps: API and worker must agree on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.budgets.periods import Period, PeriodKind, find_midnight, find_zone, local_day, period_at, span_period
from common.budgets.status import Amount

QUARTER, DAY = 15, 1440  # minutes
BUDGET_COLUMNS = (
    "project_id, budget_id, name, scope, scope_value, metric, amount, period, starts_on, timezone, thresholds, made_at"
)
IN_SCOPE = """(:scope = 'project' OR (CASE :scope WHEN 'team' THEN r.team WHEN 'agent' THEN r.agent ELSE r.model END)
         = :scope_value)"""

# The sums of a project in a span of time, as `r`, for a FROM clause; `span_parameters` gives its parameters.
IN_SPAN = """unnest(CAST(:minutes AS smallint[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
        AS span (minutes, starts_at, ends_at)
    JOIN usage_rollups r ON r.project_id = :project_id AND r.minutes = span.minutes
        AND r.bucket >= span.starts_at AND r.bucket < span.ends_at"""

# The sums of a span, of what is in a budget's scope.
SUM_SPEND = text(
    f"""
    SELECT coalesce(sum(r.input_tokens + r.output_tokens), 0)::bigint AS tokens, coalesce(sum(r.cost_usd), 0) AS usd,
           coalesce(sum(r.unpriced_tokens), 0)::bigint AS unpriced_tokens,
           coalesce(sum(r.estimated_tokens), 0)::bigint AS estimated_tokens
    FROM {IN_SPAN}
    WHERE {IN_SCOPE}
    """  # noqa: S608 - made of the constants above
)
# The sums of a span for every scope that a budget may have: the whole project, each team, agent and model.
SUM_BY_SCOPE = text(
    f"""
    SELECT CASE grouping(r.team, r.agent, r.model) WHEN 3 THEN 'team' WHEN 5 THEN 'agent' WHEN 6 THEN 'model'
           ELSE 'project' END AS scope,
           coalesce(r.team, r.agent, r.model, '') AS scope_value,
           coalesce(sum(r.input_tokens + r.output_tokens), 0)::bigint AS tokens, coalesce(sum(r.cost_usd), 0) AS usd
    FROM {IN_SPAN}
    GROUP BY GROUPING SETS ((), (r.team), (r.agent), (r.model))
    """  # noqa: S608 - made of the constants above
)
# The sums of each local day, by its place among the midnights; days without spend are left out.
SUM_BY_DAY = text(
    f"""
    SELECT width_bucket(r.bucket, CAST(:midnights AS timestamptz[])) AS place,
           sum(r.input_tokens + r.output_tokens)::bigint AS tokens, sum(r.cost_usd) AS usd
    FROM usage_rollups r
    WHERE r.project_id = :project_id AND r.minutes = 15 AND r.bucket >= :since AND r.bucket < :until AND {IN_SCOPE}
    GROUP BY 1 ORDER BY 1
    """  # noqa: S608 - made of the constants above
)
# One budget of a project.
FIND_BUDGET = text(f"SELECT {BUDGET_COLUMNS} FROM budgets WHERE project_id = :project_id AND budget_id = :budget_id")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent in a span. The cost leaves out the unpriced tokens."""

    tokens: int
    usd: Decimal
    unpriced_tokens: int = 0
    estimated_tokens: int = 0

    def of(self, metric: str) -> Amount:
        """In the unit of a budget."""
        return self.tokens if metric == "tokens" else self.usd


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit for a scope and a period."""

    project_id: UUID
    budget_id: UUID
    name: str
    scope: str
    scope_value: str
    metric: str
    limit: Amount
    period: PeriodKind
    zone: ZoneInfo
    thresholds: tuple[Decimal, ...]
    made_at: datetime
    starts_on: int = 1

    @classmethod
    def read(cls, row: Any) -> "Budget":
        """Of a row with `BUDGET_COLUMNS`."""
        return cls(
            project_id=row.project_id,
            budget_id=row.budget_id,
            name=row.name,
            scope=row.scope,
            scope_value=row.scope_value,
            metric=row.metric,
            limit=as_amount(row.amount, row.metric),
            period=PeriodKind(row.period),
            zone=find_zone(row.timezone),
            thresholds=tuple(row.thresholds),
            made_at=row.made_at,
            starts_on=row.starts_on,
        )

    def period_at(self, instant: datetime) -> Period:
        return period_at(instant, self.period, self.zone, self.starts_on)

    def period_of(self, day: date) -> Period:
        return span_period(self.period, day, self.zone, self.starts_on)

    def scope_parameters(self) -> dict[str, Any]:
        return {"project_id": self.project_id, "scope": self.scope, "scope_value": self.scope_value}


def as_amount(number: Decimal, metric: str) -> Amount:
    """A stored number in the unit of a budget: whole tokens, or USD."""
    return int(number) if metric == "tokens" else number


def cut_span(starts_at: datetime, ends_at: datetime) -> list[tuple[int, datetime, datetime]]:
    """A span of UTC time as (minutes, start, end): whole UTC days, and quarter hours at its two ends. Pure."""
    first = starts_at.replace(hour=0, minute=0, second=0, microsecond=0)
    first = first if first == starts_at else first + timedelta(days=1)
    last = ends_at.replace(hour=0, minute=0, second=0, microsecond=0)
    if first >= last:
        return [(QUARTER, starts_at, ends_at)]
    spans = [(QUARTER, starts_at, first), (DAY, first, last), (QUARTER, last, ends_at)]
    return [span for span in spans if span[1] < span[2]]


def span_parameters(project_id: UUID, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    """The parameters of `IN_SPAN`."""
    minutes, starts, ends = zip(*cut_span(starts_at, ends_at), strict=True)
    return {"project_id": project_id, "minutes": list(minutes), "starts": list(starts), "ends": list(ends)}


async def find_budget(connection: AsyncConnection, project_id: UUID, budget_id: UUID) -> Budget | None:
    row = (await connection.execute(FIND_BUDGET, {"project_id": project_id, "budget_id": budget_id})).first()
    return Budget.read(row) if row else None


async def sum_spend(connection: AsyncConnection, budget: Budget, period: Period) -> Spend:
    """What was spent in a period so far, exactly: every acknowledged record is in it."""
    asked = span_parameters(budget.project_id, period.starts_at, period.ends_at) | budget.scope_parameters()
    row = (await connection.execute(SUM_SPEND, asked)).one()
    return Spend(row.tokens, row.usd, row.unpriced_tokens, row.estimated_tokens)


async def sum_by_scope(
    connection: AsyncConnection, project_id: UUID, starts_at: datetime, ends_at: datetime
) -> dict[tuple[str, str], Spend]:
    """What was spent in a span so far by scope and its value, which is empty for the project; as exact as `sum_spend`."""
    rows = await connection.execute(SUM_BY_SCOPE, span_parameters(project_id, starts_at, ends_at))
    return {(row.scope, row.scope_value): Spend(row.tokens, row.usd) for row in rows}


async def sum_by_day(
    connection: AsyncConnection, budget: Budget, now: datetime, days: int
) -> Sequence[tuple[date, Spend]]:
    """What was spent on each of the last days in the budget's zone, today with what it has; silent ones left out."""
    today = local_day(now, budget.zone)
    dates = [today - timedelta(days=age) for age in range(days, -1, -1)]
    midnights = [find_midnight(day, budget.zone) for day in [*dates, today + timedelta(days=1)]]
    asked = {"midnights": midnights[:-1], "since": midnights[0], "until": midnights[-1], **budget.scope_parameters()}
    rows = await connection.execute(SUM_BY_DAY, asked)
    return [(dates[row.place - 1], Spend(row.tokens, row.usd)) for row in rows]
