"""A budget that fails keeps no other from its turn, and the job's record says that it failed."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import OTHER_PROJECT, PROJECT, rows
from worker.jobs import Job, Tools, run_job
from worker.schedule import budget_steps
from worker.spending.budgets import Attempts, BudgetsFailed, list_with_budgets, load_budgets

ADD_BUDGET = text("""
    INSERT INTO budgets (project_id, budget_id, name, scope, scope_value, metric, amount, period, timezone, thresholds,
                         made_at)
    VALUES (:project_id, :budget_id, :name, 'project', '', 'tokens', 100, 'month', :timezone, '{80}',
            now() - interval '60 days')
""")


async def add_budget(engine: AsyncEngine, project_id: UUID, timezone: str = "UTC") -> UUID:
    budget_id = uuid4()
    asked = {"project_id": project_id, "budget_id": budget_id, "name": str(budget_id), "timezone": timezone}
    async with engine.begin() as connection:
        await connection.execute(ADD_BUDGET, asked)
    return budget_id


async def projected(engine: AsyncEngine) -> set[object]:
    return {row[0] for row in await rows(engine, "SELECT budget_id FROM projections")}


async def run(tools: Tools) -> tuple[object, ...]:
    """The outcome of the job's run, and its record."""
    await run_job(tools, Job("budgets", 30, budget_steps(tools.settings)))
    [record] = await rows(tools.engine, "SELECT outcome, detail FROM job_runs WHERE job = 'budgets'")
    return record


async def test_a_budget_that_fails_makes_the_run_a_failure_and_all_others_have_their_turn(tools: Tools) -> None:
    """It counted as done, and no alert fired."""
    await add_budget(tools.engine, PROJECT, timezone="Nowhere/Land")
    good = {await add_budget(tools.engine, project_id) for project_id in (PROJECT, OTHER_PROJECT)}
    outcome, detail = await run(tools)
    assert outcome == "failed"
    assert f"ProjectsFailed: 1 failed and 1 went well; failed: {PROJECT}" in str(detail)
    assert await projected(tools.engine) == good


async def test_a_run_in_which_no_budget_fails_is_done(tools: Tools) -> None:
    await add_budget(tools.engine, PROJECT)
    assert await run(tools) == ("done", "crossings=0 projections=1 closed=0")


async def test_a_project_in_which_everything_fails_keeps_no_other_waiting(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for project_id in (PROJECT, OTHER_PROJECT):
        await add_budget(tools.engine, project_id)
    sums = "worker.spending.projections.sum_by_day"

    async def fail(_: object, budget: object, *__: object) -> list[object]:
        if getattr(budget, "project_id", None) == PROJECT:
            raise ValueError("no such sum")
        return []

    monkeypatch.setattr(sums, fail)
    outcome, detail = await run(tools)
    assert (outcome, str(PROJECT) in str(detail)) == ("failed", True)
    assert await rows(tools.engine, "SELECT project_id FROM projections") == [(OTHER_PROJECT,)]


async def test_only_projects_with_budgets_are_looked_at(engine: AsyncEngine) -> None:
    await add_budget(engine, OTHER_PROJECT)
    assert await list_with_budgets(engine) == [OTHER_PROJECT]


async def test_budgets_are_those_of_the_project_but_for_one_that_cannot_be_understood(engine: AsyncEngine) -> None:
    bad = await add_budget(engine, PROJECT, timezone="Nowhere/Land")
    good = await add_budget(engine, PROJECT)
    await add_budget(engine, OTHER_PROJECT)
    attempts = Attempts()
    async with engine.connect() as connection:
        budgets = await load_budgets(connection, PROJECT, attempts)
    assert [budget.budget_id for budget in budgets] == [good]
    with pytest.raises(BudgetsFailed, match=f"1 budgets failed, the first is {bad}"):
        attempts.end()


def test_an_outage_is_no_budgets_fault() -> None:
    attempts = Attempts()
    with pytest.raises(ConnectionResetError), attempts.of(uuid4()):
        raise ConnectionResetError
    assert attempts.failed == []
    attempts.end()
