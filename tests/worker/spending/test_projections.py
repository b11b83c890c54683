"""Which budgets are projected in a turn, and in which order."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.spending.test_budgets import add_budget, projected
from tests.worker.stored import PROJECT
from worker.spending.projections import PROJECT_EVERY, project_budgets

NOW = datetime.now(UTC).replace(day=15)


async def test_a_turn_projects_at_least_one_budget_and_the_longest_waiting_first(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.spending.projections.SLICE_SECONDS", -1.0)
    old = await add_budget(engine, PROJECT)
    assert (await project_budgets(engine, PROJECT, NOW)).has_more is False
    young = await add_budget(engine, PROJECT)
    later = await project_budgets(engine, PROJECT, NOW + PROJECT_EVERY)
    assert (later.counts["projections"], later.has_more) == (1, True)
    assert await projected(engine) == {old, young}


async def test_a_budget_is_projected_once_an_hour(engine: AsyncEngine) -> None:
    await add_budget(engine, PROJECT)
    made = [
        (await project_budgets(engine, PROJECT, NOW + after)).counts["projections"]
        for after in (timedelta(0), PROJECT_EVERY - timedelta(seconds=1), PROJECT_EVERY)
    ]
    assert made == [1, 0, 1]
