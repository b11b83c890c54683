"""What agents spend: budgets with where they will end, sums by day, team, agent and model, and a report of each month."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from fastapi import Request, Response

from api.access.keys import Caller
from api.pages import charts
from api.pages.documents import ask
from api.pages.frame import show
from api.pages.routers import PageRouter, Reader
from api.spending.reads import BUDGET_PAGE, COST_REPORT, PROJECTION, STATUS
from api.spending.usage_summary import USAGE_SUMMARY

BUDGETS_SHOWN = 50

router = PageRouter()


class BudgetRow(NamedTuple):
    """A budget with how it stands and where it will end, as charts and words."""

    budget: Any
    status: Any
    projection: Any
    accuracy: Any
    fan: str


@router.get("/p/{project_id}/spend")
async def show_spend(request: Request, caller: Reader) -> Response:
    """Budgets and what was spent in the last 30 days."""
    budgets = (await ask(request, caller, BUDGET_PAGE, {"limit": BUDGETS_SHOWN})).value
    rows = [await describe_budget(request, caller, budget) for budget in budgets.budgets]
    summary = (await ask(request, caller, USAGE_SUMMARY, {})).value
    return await show(
        request, "spend.html", "Spend",
        budgets=rows, more=budgets.next is not None, summary=summary, chart=draw_days(summary),
        unpriced=[one for one in summary.by_model if one.unpriced_tokens], months=months_before(summary.until),
    )  # fmt: skip


@router.get("/p/{project_id}/spend/{month}")
async def show_report(request: Request, caller: Reader, month: str) -> Response:
    """The report of one month, such as 2026-02."""
    report = (await ask(request, caller, COST_REPORT, {"period": month})).value
    return await show(request, "report.html", "Spend", report=report)


async def describe_budget(request: Request, caller: Caller, budget: Any) -> BudgetRow:
    status, projected = await asyncio.gather(
        ask(request, caller, STATUS, {}, budget.id), ask(request, caller, PROJECTION, {}, budget.id)
    )
    found = projected.value
    return BudgetRow(
        budget, status.value, found.projection, found.accuracy, draw_fan(budget, status.value, found.projection)
    )


def draw_fan(budget: Any, status: Any, projection: Any) -> str:
    """What is used, and the range in which the period will end; nothing to draw before there is a projection."""
    if projection is None or projection.projected is None:
        return ""
    days = (status.period_end - status.period_start).days
    passed = min(max((projection.made_at.date() - status.period_start).days, 0), days)
    words = (
        f"{budget.name}: {projection.spent} spent on day {passed} of {days}; projected {projection.projected}, "
        f"80 % range {projection.low} to {projection.high}, limit {budget.limit}"
    )
    amounts = (projection.spent, projection.projected, projection.low, projection.high, budget.limit)
    spent, middle, low, high, limit = (float(Decimal(str(amount))) for amount in amounts)
    return charts.fan(passed / days, spent, middle, low, high, limit, words)


def draw_days(summary: Any) -> str:
    """Tokens of each day, days without any included."""
    by_day = {one.key: one.tokens for one in summary.by_day}
    days = [summary.since + timedelta(days=number) for number in range((summary.until - summary.since).days)]
    return charts.day_bars([by_day.get(day.isoformat(), 0) for day in days], days, "Tokens by day, UTC")


def months_before(until: date) -> list[str]:
    """This month and the eleven before it."""
    last = until - timedelta(days=1)
    numbers = [last.year * 12 + last.month - 1 - back for back in range(12)]
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]
