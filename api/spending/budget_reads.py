"""What is answered about budgets: what they are, how they stand, where they will end."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.http.problems import NotFound
from api.reads.catalogue import Asked, BuildContext
from api.spending import budgets as store
from api.spending.budget_parameters import BudgetProjectionQuery, BudgetQuery, BudgetsQuery, BudgetStatusQuery
from api.spending.budget_schemas import (
    AccuracyOut,
    BudgetOut,
    BudgetPage,
    BudgetProjectionOut,
    BudgetStatusOut,
    CrossingOut,
    ProjectionOut,
)
from api.spending.reservations import NO_BUDGET, SUM_HELD
from common.budgets import read_status
from common.budgets.spend import Budget, as_amount, find_budget, sum_spend
from common.database.clock import CLOCK


async def require_budget(connection: AsyncConnection, project_id: UUID, budget_id: UUID) -> Budget:
    """The budget. Raises NotFound."""
    budget = await find_budget(connection, project_id, budget_id)
    if budget is None:
        raise NotFound(NO_BUDGET)
    return budget


async def build_budget_page(context: BuildContext, asked: Asked[BudgetsQuery]) -> bytes:
    limit, after = asked.params.limit, asked.params.cursor
    async with context.deciding(asked.project_id).connect() as connection:
        found = await store.list_budgets(connection, asked.project_id, limit=limit + 1, after=after)
    page = found[:limit]
    last = page[-1].budget_id if len(found) > len(page) else None
    return BudgetPage(budgets=[describe(one) for one in page], next=last).model_dump_json().encode()


async def build_budget(context: BuildContext, asked: Asked[BudgetQuery]) -> bytes:
    """Raises NotFound."""
    async with context.deciding(asked.project_id).connect() as connection:
        budget = await require_budget(connection, asked.project_id, asked.id)
    return describe(budget).model_dump_json().encode()


async def build_budget_status(context: BuildContext, asked: Asked[BudgetStatusQuery]) -> bytes:
    """Raises NotFound."""
    async with context.deciding(asked.project_id).connect() as connection:
        budget = await require_budget(connection, asked.project_id, asked.id)
        period = budget.period_at(CLOCK.now())
        spend = await sum_spend(connection, budget, period)
        crossed = await store.list_crossings(connection, budget, period.first)
        held = await connection.scalar(SUM_HELD, {"project_id": budget.project_id, "budget_id": asked.id})
    status = read_status(spend.of(budget.metric), budget.limit, budget.thresholds)
    body = BudgetStatusOut(
        id=asked.id,
        name=budget.name,
        metric=budget.metric,
        period_start=period.first,
        period_end=period.end,
        used=status.used,
        limit=status.limit,
        used_percent=float(status.used_percent),
        reserve_percent=float(status.reserve_percent),
        state=status.state.value,
        crossings=[describe_crossing(one, budget) for one in crossed],
        reserved=as_amount(held, budget.metric),
        unpriced_tokens=spend.unpriced_tokens,
        estimated_tokens=spend.estimated_tokens,
    )
    return body.model_dump_json().encode()


async def build_budget_projection(context: BuildContext, asked: Asked[BudgetProjectionQuery]) -> bytes:
    """Raises NotFound."""
    async with context.deciding(asked.project_id).connect() as connection:
        budget = await require_budget(connection, asked.project_id, asked.id)
        period = budget.period_at(CLOCK.now())
        row = await store.find_projection(connection, budget, period.first)
        accuracy = await store.measure_accuracy(connection, budget)
    body = BudgetProjectionOut(
        id=asked.id,
        limit=budget.limit,
        period_start=period.first,
        projection=describe_projection(row, budget) if row else None,
        accuracy=[
            AccuracyOut(day=one.day, periods=one.periods, mean_error_percent=one.error, range_held_percent=one.held)
            for one in accuracy
        ],
    )
    return body.model_dump_json().encode()


def describe(budget: Budget) -> BudgetOut:
    return BudgetOut(
        id=budget.budget_id,
        name=budget.name,
        scope=budget.scope,
        scope_value=budget.scope_value or None,
        metric=budget.metric,
        limit=budget.limit,
        period=budget.period.value,
        starts_on=budget.starts_on,
        timezone=budget.zone.key,
        thresholds=[float(one) for one in budget.thresholds],
    )


def describe_crossing(row: Any, budget: Budget) -> CrossingOut:
    used = as_amount(row.used, budget.metric)
    return CrossingOut(threshold=row.threshold, level=row.level, crossed_at=row.crossed_at, used=used)


def describe_projection(row: Any, budget: Budget) -> ProjectionOut:
    amounts = {
        name: None if (amount := getattr(row, name)) is None else as_amount(amount, budget.metric)
        for name in ("projected", "low", "high")
    }
    return ProjectionOut(
        made_at=row.made_at,
        method=row.method,
        complete_days=row.complete_days,
        spent=as_amount(row.spent, budget.metric),
        breach_chance=row.breach_chance,
        exhausted_on=row.exhausted_on,
        confidence=row.confidence,
        doubts=row.doubts or [],
        **amounts,
    )
