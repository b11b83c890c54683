"""What a month cost, by team: the answer, and the SELECTs that it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.fields import Money
from api.http.problems import Invalid
from api.reads.catalogue import Asked, BuildContext
from api.reads.forms import Format, Table
from api.reads.parameters import FormQuery, some_of
from api.spending.cost_report import TeamCosts, add_up, format_report_markdown, rate_tokens
from common.budgets import BudgetStatus, read_status
from common.budgets.periods import Period, UnknownZone, find_zone, first_whole_month, parse_month
from common.budgets.spend import IN_SPAN, span_parameters
from common.database.clock import CLOCK
from common.settings.worker import SpendingSettings

# The sums of a span, by team.
SUM_TEAMS = text(
    f"""
    SELECT r.team, sum(r.input_tokens + r.output_tokens)::bigint AS tokens, sum(r.cost_usd) AS usd,
           sum(r.unpriced_tokens)::bigint AS unpriced_tokens, sum(r.untied_tokens)::bigint AS untied_tokens,
           sum(r.estimated_tokens)::bigint AS estimated_tokens
    FROM {IN_SPAN}
    GROUP BY r.team
    """  # noqa: S608 - made of the constant that all sums of spans are made of
)
# What was finished in a span, by team, and the tokens that were tied to it, whenever they were spent. A deliverable of which
# some tokens have no price has no cost: the rest of them would be too little.
MEASURE_DELIVERABLES = text(
    """
    SELECT d.team, count(*) AS deliverables, avg(t.tokens) AS mean, avg(t.usd) AS usd, count(t.usd) AS priced,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY t.tokens) AS median,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY t.tokens) AS p90,
           CAST(percentile_cont(0.5) WITHIN GROUP (ORDER BY t.usd) AS numeric) AS median_usd,
           CAST(percentile_cont(0.9) WITHIN GROUP (ORDER BY t.usd) AS numeric) AS p90_usd
    FROM deliverables d CROSS JOIN LATERAL (
        SELECT sum(input_tokens + output_tokens) AS tokens,
               CASE WHEN bool_and(cost_usd IS NOT NULL) THEN sum(cost_usd) END AS usd
        FROM usage_records u
        WHERE u.project_id = d.project_id AND u.deliverable = d.ref
    ) t
    WHERE d.project_id = :project_id AND d.completed_at >= :start AND d.completed_at < :end
    GROUP BY d.team
    """
)
# The oldest budget in tokens for the whole project and calendar months.
FIND_LIMIT = text(
    """
    SELECT amount, thresholds FROM budgets
    WHERE project_id = :project_id AND scope = 'project' AND metric = 'tokens' AND period = 'month' AND starts_on = 1
    ORDER BY budget_id LIMIT 1
    """
)


class TeamReport(BaseModel):
    """What a team spent. Costs leave out the unpriced tokens."""

    team: str = Field(description="As the records name it.")
    tokens: int = Field(description="Input and output together.")
    cost_usd: Money | None = Field(description="null where nothing has a price.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    estimated_tokens: int = Field(description="Tokens whose split into input and output was assumed, half each.")
    untied_percent: float = Field(description="Share of the tokens that are tied to no deliverable.")
    deliverables: int = Field(description="Finished in the month.")
    tokens_per_deliverable: float | None = Field(description="All tokens of the month over its deliverables.")
    band: str | None = Field(description="ok, watch or alert.")
    tied_median: float | None = Field(description="Median of the tokens tied to each deliverable,")
    tied_p90: float | None = Field(description="their 90th percentile,")
    tied_mean: float | None = Field(description="and their mean.")
    tied_priced: int = Field(
        description="Deliverables with tokens tied to them that all have a price: those of the costs below."
    )
    tied_median_usd: Money | None = Field(description="Median of what is tied to each of these cost,")
    tied_p90_usd: Money | None = Field(description="its 90th percentile,")
    tied_mean_usd: Money | None = Field(description="and its mean; null without any.")


class LimitReport(BaseModel):
    """The month against the project's monthly budget in tokens."""

    limit: int = Field(description="Tokens a month.")
    used_percent: float = Field(description="Of the limit; over 100 where it was passed.")
    reserve_percent: float = Field(description="What is left of the limit; 0 where it was passed.")
    state: str = Field(description="ok, warn, critical or exceeded.")


class CostReport(BaseModel):
    """A month's costs by team, most tokens first."""

    period: str = Field(description="The month, as YYYY-MM.")
    timezone: str = Field(description="IANA name of the zone whose calendar it is.")
    teams: list[TeamReport] = Field(description="Most tokens first.")
    tokens: int = Field(description="Of all teams, input and output together.")
    cost_usd: Money | None = Field(description="Of all teams; null where nothing has a price.")
    unpriced_tokens: int = Field(description="Tokens that are in no cost.")
    estimated_tokens: int = Field(description="Tokens whose split into input and output was assumed.")
    budget: LimitReport | None = Field(description="null without a monthly budget in tokens for the project.")


TEAMS = Table("teams", tuple(TeamReport.model_fields), ("team", "tokens", "cost_usd", "tokens_per_deliverable", "band"))


class ReportQuery(FormQuery):
    """Which month is wanted, and how."""

    format: Format | None = Field(
        None,
        description="As of every read; markdown is the table that teams keep, unless fields or max_tokens are said.",
    )
    fields: str | None = some_of(TEAMS)
    period: str | None = Field(None, max_length=10, description="A month such as 2026-02; the current one if not said.")
    timezone: str = Field("UTC", max_length=60, description="Whose month: an IANA name.")


@dataclass(frozen=True, slots=True)
class Month:
    """What Postgres says of a month: rows of its teams, most tokens first, what each finished, and the whole project's
    status against its budget."""

    name: str
    rows: Sequence[Any]
    finished: Mapping[str, Any]
    costs: Sequence[TeamCosts]
    status: BudgetStatus | None


async def read_month(context: BuildContext, asked: Asked[ReportQuery]) -> Month:
    """Raises Invalid."""
    month = find_month(asked.params, context.settings.usage_sums_days)
    async with context.looking_back(asked.project_id).connect() as connection:
        rows = await read_teams(connection, asked.project_id, month)
        finished = await measure_deliverables(connection, asked.project_id, month)
        limit = (await connection.execute(FIND_LIMIT, {"project_id": asked.project_id})).first()
    costs = [as_costs(row, finished.get(row.team)) for row in rows]
    status = read_status(add_up(costs).tokens, int(limit.amount), limit.thresholds) if limit else None
    return Month(f"{month.first:%Y-%m}", rows, finished, costs, status)


async def build_cost_report(context: BuildContext, asked: Asked[ReportQuery]) -> bytes:
    """Raises Invalid."""
    month = await read_month(context, asked)
    bands = bands_of(context.settings)
    teams = [
        describe_team(row, one, month.finished.get(row.team), bands)
        for row, one in zip(month.rows, month.costs, strict=True)
    ]
    report = describe(month.name, asked.params.timezone, teams, add_up(month.costs), month.status)
    return report.model_dump_json().encode()


async def build_cost_table(context: BuildContext, asked: Asked[ReportQuery]) -> bytes:
    """The table that teams keep. Raises Invalid."""
    month = await read_month(context, asked)
    return format_report_markdown(month.name, month.costs, month.status, bands_of(context.settings)).encode()


def bands_of(settings: SpendingSettings) -> tuple[int, int]:
    """The most tokens per deliverable that are ok, and that are watch."""
    return settings.deliverable_ok_max_tokens, settings.deliverable_watch_max_tokens


def find_month(query: ReportQuery, kept_days: int) -> Period:
    """The month that was asked for. Raises Invalid, also on one whose sums may be gone."""
    now = CLOCK.now()
    try:
        zone = find_zone(query.timezone)
        month = parse_month(query.period or f"{now.astimezone(zone):%Y-%m}", zone)
    except (UnknownZone, ValueError) as error:
        raise Invalid(str(error)) from error
    if month.first < (oldest := first_whole_month(now, kept_days)):
        raise Invalid(f"period: sums are kept from {oldest:%Y-%m} on")
    return month


async def read_teams(connection: AsyncConnection, project_id: UUID, month: Period) -> list[Any]:
    asked = span_parameters(project_id, month.starts_at, month.ends_at)
    return sorted(await connection.execute(SUM_TEAMS, asked), key=lambda row: (-row.tokens, row.team))


async def measure_deliverables(connection: AsyncConnection, project_id: UUID, month: Period) -> dict[str, Any]:
    asked = {"project_id": project_id, "start": month.starts_at, "end": month.ends_at}
    return {row.team: row for row in await connection.execute(MEASURE_DELIVERABLES, asked)}


def as_costs(row: Any, finished: Any) -> TeamCosts:
    usd = None if row.tokens and row.unpriced_tokens == row.tokens else row.usd
    return TeamCosts(row.team, row.tokens, usd, finished.deliverables if finished else 0, row.unpriced_tokens)


def describe_team(row: Any, costs: TeamCosts, finished: Any, bands: tuple[int, int]) -> TeamReport:
    each = costs.tokens_per_deliverable
    return TeamReport(
        team=costs.team,
        tokens=costs.tokens,
        cost_usd=costs.usd,
        unpriced_tokens=costs.unpriced_tokens,
        estimated_tokens=row.estimated_tokens,
        untied_percent=100 * row.untied_tokens / row.tokens if row.tokens else 0.0,
        deliverables=costs.deliverables,
        tokens_per_deliverable=None if each is None else float(each),
        band=None if each is None else rate_tokens(each, bands).value,
        tied_median=finished and finished.median,
        tied_p90=finished and finished.p90,
        tied_mean=finished and finished.mean,
        tied_priced=finished.priced if finished else 0,
        tied_median_usd=finished and finished.median_usd,
        tied_p90_usd=finished and finished.p90_usd,
        tied_mean_usd=finished and finished.usd,
    )


def describe(
    period: str, timezone: str, teams: list[TeamReport], total: TeamCosts, status: BudgetStatus | None
) -> CostReport:
    limit = status and LimitReport(
        limit=int(status.limit),
        used_percent=float(status.used_percent),
        reserve_percent=float(status.reserve_percent),
        state=status.state.value,
    )
    return CostReport(
        period=period,
        timezone=timezone,
        teams=teams,
        tokens=total.tokens,
        cost_usd=total.usd,
        unpriced_tokens=total.unpriced_tokens,
        estimated_tokens=sum(team.estimated_tokens for team in teams),
        budget=limit,
    )
