"""Which budgets are projected in a turn, and in which order."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Service
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


async def test_fiscal_months_are_projected_and_closed_by_their_own_days(service: Service) -> None:
    project, at = await service.project(), datetime(2026, 10, 30, 12, tzinfo=UTC)
    amounts = {"2026-10-18": 500, "2026-10-25": 1_000, "2026-10-26": 2_000, "2026-11-25": 4_000, "2026-11-26": 8_000}
    records = [
        {"event_key": day, "team": "a", "model": "claude-haiku-4-5", "occurred_at": f"{day}T12:00:00Z", "input_tokens": tokens,
         "output_tokens": 0}
        for day, tokens in amounts.items()
    ]  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    sent = {
        "name": "fiscal",
        "scope": "project",
        "metric": "tokens",
        "limit": 9_000,
        "period": "month",
        "starts_on": 26,
    }
    assert (await project.admin.post("/api/budgets", json=sent)).status_code == 201
    await project_budgets(service.tools.engine, project.id, at)
    [made] = await service.execute("SELECT * FROM projections")
    # the 26th to the 30th of October are five days of it, and 2,000 were spent by then
    assert (str(made.period_start), made.day_number, made.spent, made.complete_days) == ("2026-10-26", 5, 2_000, 12)
    closed = await project_budgets(service.tools.engine, project.id, datetime(2026, 11, 27, tzinfo=UTC))
    assert closed.counts == {"projections": 1, "closed": 1}
    rows = await service.execute("SELECT period_start::text, actual, spent FROM projections ORDER BY made_at")
    assert [tuple(row) for row in rows] == [("2026-10-26", 6_000, 2_000), ("2026-11-26", None, 8_000)]
