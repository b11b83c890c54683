"""Budgets as they are stored, and what is asked about them. The only writer of `budgets`."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.spending.budget_schemas import BudgetChange, BudgetIn
from common.budgets import DEFAULT_THRESHOLDS
from common.budgets.spend import BUDGET_COLUMNS, Budget
from common.pricing import name_model

ACCURACY_DAYS = [7, 10, 15, 20]

# Make a budget; none where the project has one of that name.
ADD_BUDGET = text(
    """
    INSERT INTO budgets (project_id, budget_id, name, scope, scope_value, metric, amount, period, starts_on, timezone,
                         thresholds, made_at)
    VALUES (:project_id, :budget_id, :name, :scope, :scope_value, :metric, :amount, :period, :starts_on, :timezone,
            :thresholds, now())
    ON CONFLICT (project_id, name) DO NOTHING RETURNING budget_id
    """
)
# Change what is given of a budget; none where the project has no such one. Checks wait for it, and it for checks.
CHANGE_BUDGET = text(
    """
    UPDATE budgets SET name = coalesce(:name, name), amount = coalesce(CAST(:amount AS numeric), amount),
           thresholds = coalesce(CAST(:thresholds AS numeric[]), thresholds)
    WHERE project_id = :project_id AND budget_id = :budget_id RETURNING budget_id
    """
)
# Take a budget away, with its crossings, reservations and projections.
REMOVE_BUDGET = text(
    "DELETE FROM budgets WHERE project_id = :project_id AND budget_id = :budget_id RETURNING budget_id"
)
# The budgets of a project after one of them, oldest first.
LIST_BUDGETS = text(
    f"""
    SELECT {BUDGET_COLUMNS} FROM budgets
    WHERE project_id = :project_id AND (CAST(:after AS uuid) IS NULL OR budget_id > :after)
    ORDER BY budget_id LIMIT :limit
    """  # noqa: S608 - made of the constants above
)
# What a period crossed.
LIST_CROSSINGS = text(
    """
    SELECT threshold, level, crossed_at, used FROM crossings
    WHERE project_id = :project_id AND budget_id = :budget_id AND period_start = :period_start ORDER BY threshold
    """
)
# The latest projection of a period.
LATEST_PROJECTION = text(
    """
    SELECT * FROM projections
    WHERE project_id = :project_id AND budget_id = :budget_id AND period_start = :period_start
    ORDER BY made_at DESC LIMIT 1
    """
)
# How far off projections were on some days of closed periods, each period counting once.
MEASURE_ACCURACY = text(
    """
    SELECT day_number AS day, count(*) AS periods, avg(error) AS error, 100 * avg(held) AS held FROM (
        SELECT day_number, period_start, avg(abs(error_percent)) AS error,
               avg((actual BETWEEN low AND high)::int) AS held
        FROM projections
        WHERE project_id = :project_id AND budget_id = :budget_id AND error_percent IS NOT NULL
          AND day_number = ANY(:days)
        GROUP BY day_number, period_start
    ) one GROUP BY day_number ORDER BY day_number
    """
)


async def add_budget(connection: AsyncConnection, project_id: UUID, sent: BudgetIn) -> UUID | None:
    """Store it; its id, None where there is one of that name. A model counts under its name in the sums."""
    value = sent.scope_value or ""
    values = {
        "project_id": project_id,
        "budget_id": uuid_utils.compat.uuid7(),
        "scope_value": name_model("", value) if sent.scope == "model" else value,
        "amount": sent.limit,
        "timezone": sent.timezone or "UTC",
        "thresholds": sorted(sent.thresholds or DEFAULT_THRESHOLDS),
        **sent.model_dump(include={"name", "scope", "metric", "period"}),
        "starts_on": sent.starts_on or 1,
    }
    added: UUID | None = await connection.scalar(ADD_BUDGET, values)
    return added


async def change_budget(connection: AsyncConnection, project_id: UUID, budget_id: UUID, change: BudgetChange) -> bool:
    """False when the project has none of this id. Raises sqlalchemy's IntegrityError where the name is taken."""
    values = {
        "project_id": project_id,
        "budget_id": budget_id,
        "name": change.name,
        "amount": change.limit,
        "thresholds": change.thresholds and sorted(change.thresholds),
    }
    return await connection.scalar(CHANGE_BUDGET, values) is not None


async def remove_budget(connection: AsyncConnection, project_id: UUID, budget_id: UUID) -> bool:
    """False when the project has none of this id."""
    return await connection.scalar(REMOVE_BUDGET, {"project_id": project_id, "budget_id": budget_id}) is not None


async def list_budgets(
    connection: AsyncConnection, project_id: UUID, *, limit: int, after: UUID | None
) -> list[Budget]:
    asked = {"project_id": project_id, "limit": limit, "after": after}
    return [Budget.read(row) for row in await connection.execute(LIST_BUDGETS, asked)]


async def list_crossings(connection: AsyncConnection, budget: Budget, period_start: date) -> Sequence[Row[Any]]:
    asked = {"project_id": budget.project_id, "budget_id": budget.budget_id, "period_start": period_start}
    return (await connection.execute(LIST_CROSSINGS, asked)).all()


async def find_projection(connection: AsyncConnection, budget: Budget, period_start: date) -> Row[Any] | None:
    asked = {"project_id": budget.project_id, "budget_id": budget.budget_id, "period_start": period_start}
    return (await connection.execute(LATEST_PROJECTION, asked)).first()


async def measure_accuracy(connection: AsyncConnection, budget: Budget) -> Sequence[Row[Any]]:
    """Rows of day, periods, error (mean absolute percent) and held (percent)."""
    asked = {"project_id": budget.project_id, "budget_id": budget.budget_id, "days": ACCURACY_DAYS}
    return (await connection.execute(MEASURE_ACCURACY, asked)).all()
