"""Budgets as they are stored: named once in a project, changed only where something was said, gone with all of theirs."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from api.spending.budget_schemas import BudgetChange, BudgetIn
from api.spending.budgets import add_budget, change_budget, list_budgets, measure_accuracy, remove_budget
from common.budgets.spend import find_budget
from tests.conftest import Service


def sent(**others: Any) -> BudgetIn:
    return BudgetIn.model_validate(
        {"name": "all", "scope": "project", "metric": "tokens", "limit": 100, "period": "month"} | others
    )


async def add(service: Service, project_id: UUID, **others: Any) -> UUID:
    async with service.tools.engine.begin() as connection:
        budget_id = await add_budget(connection, project_id, sent(**others))
    assert budget_id is not None
    return budget_id


async def test_a_name_is_taken_in_its_project_alone(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    await add(service, project.id)
    await add(service, other.id)
    async with service.tools.engine.begin() as connection:
        assert await add_budget(connection, project.id, sent(limit=5)) is None


async def test_a_model_is_budgeted_under_the_name_that_its_sums_have_and_thresholds_are_in_order(
    service: Service,
) -> None:
    project = await service.project()
    made = await add(service, project.id, scope="model", scope_value="Claude Haiku 4.5", thresholds=[100, 50])
    async with service.tools.engine.connect() as connection:
        found = await find_budget(connection, project.id, made)
    assert found is not None
    assert (found.scope_value, found.thresholds, found.zone.key) == (
        "claude-haiku-4-5",
        (Decimal(50), Decimal(100)),
        "UTC",
    )


async def test_a_change_leaves_what_it_does_not_name(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    made = await add(service, project.id, thresholds=[50])
    async with service.tools.engine.begin() as connection:
        assert await change_budget(connection, project.id, made, BudgetChange(limit=Decimal(7)))
        found = await find_budget(connection, project.id, made)
        assert found is not None
        assert (found.name, found.limit, found.thresholds) == ("all", 7, (Decimal(50),))
        assert not await change_budget(connection, other.id, made, BudgetChange(name="x"))
        assert not await change_budget(connection, project.id, uuid4(), BudgetChange(name="x"))


async def test_a_name_that_is_taken_is_refused_by_the_database(service: Service) -> None:
    project = await service.project()
    await add(service, project.id)
    made = await add(service, project.id, name="other")
    with pytest.raises(IntegrityError):
        async with service.tools.engine.begin() as connection:
            await change_budget(connection, project.id, made, BudgetChange(name="all"))


async def test_a_budget_goes_with_what_it_held_and_not_with_those_of_another_project(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    made = await add(service, project.id)
    await service.execute(
        "INSERT INTO reservations (project_id, budget_id, reservation_id, amount, made_at, expires_at)"
        " VALUES (:project, :budget, :id, 1, now(), now())", project=project.id, budget=made, id=uuid4(),
    )  # fmt: skip
    async with service.tools.engine.begin() as connection:
        assert not await remove_budget(connection, other.id, made)
        assert await remove_budget(connection, project.id, made)
        assert not await remove_budget(connection, project.id, made)
    assert await service.execute("SELECT 1 FROM reservations") == []


async def test_budgets_are_listed_after_one_of_them_oldest_first(service: Service) -> None:
    project = await service.project()
    made = [await add(service, project.id, name=str(number)) for number in range(3)]
    async with service.tools.engine.connect() as connection:
        found = await list_budgets(connection, project.id, limit=5, after=made[0])
        assert [one.budget_id for one in found] == made[1:]
        assert len(await list_budgets(connection, project.id, limit=2, after=None)) == 2


async def test_how_right_projections_were_counts_each_closed_period_once(service: Service) -> None:
    project = await service.project()
    made = await add(service, project.id)
    await service.execute(
        """
        INSERT INTO projections (project_id, budget_id, period_start, made_at, day_number, complete_days, method, spent,
                                 amount, projected, low, high, confidence, actual, error_percent)
        SELECT :project, :budget, start, now() + number * interval '1 hour', 7, 7, 'mean', 1, 100, 1, 10, 20, 'low', actual, error
        FROM (VALUES (date '2026-01-01', 1, 15, 10), ('2026-01-01', 2, 15, -30), ('2026-02-01', 3, 99, 40),
                     ('2026-03-01', 4, NULL, NULL)) AS made (start, number, actual, error)
        """,
        project=project.id, budget=made,
    )  # fmt: skip
    async with service.tools.engine.connect() as connection:
        found = await find_budget(connection, project.id, made)
        assert found is not None
        [row] = await measure_accuracy(connection, found)
    assert (row.day, row.periods, float(row.error), float(row.held)) == (7, 2, 30.0, 50.0)
