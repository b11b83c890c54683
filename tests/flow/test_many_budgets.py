"""Many budgets: their number asks Postgres nothing more, and each is projected in its turn."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from tests.conftest import Project, Service
from tests.worker.running import keep_budgets


async def make_budgets(service: Service, project: Project, count: int) -> None:
    await service.execute(
        "INSERT INTO budgets (project_id, budget_id, name, scope, scope_value, metric, amount, period, timezone,"
        " thresholds, made_at) SELECT CAST(:project AS uuid), gen_random_uuid(), 'b' || n, 'team', 'team' || n % 7,"
        " 'tokens', 1000000, 'month', 'UTC', '{80}', now() FROM generate_series(1, :count) n",
        project=project.id,
        count=count,
    )


async def count_statements(service: Service, now: datetime) -> int:
    said: list[str] = []

    def note(*asked: Any) -> None:
        said.append(str(asked[2]))

    engine = service.tools.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    counts = await keep_budgets(service.tools, now)
    event.remove(engine, "before_cursor_execute", note)
    assert counts["failed"] == 0
    return len(said)


async def test_a_run_in_which_nothing_is_due_asks_as_much_for_many_budgets_as_for_few(service: Service) -> None:
    project, now = await service.project(), datetime.now(UTC)
    await make_budgets(service, project, 2)
    await keep_budgets(service.tools, now)
    few = await count_statements(service, now + timedelta(seconds=30))
    await service.execute("DELETE FROM budgets")
    await make_budgets(service, project, 60)
    await keep_budgets(service.tools, now)
    assert await count_statements(service, now + timedelta(seconds=30)) == few < 20


async def test_each_budget_is_projected_in_its_turn_when_the_time_is_short(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, now = await service.project(), datetime.now(UTC)
    await make_budgets(service, project, 5)
    monkeypatch.setattr("worker.spending.projections.SLICE_SECONDS", -1.0)
    made: list[set[UUID]] = []
    for turn in range(5):
        moment = now + timedelta(seconds=turn)
        assert (await keep_budgets(service.tools, moment, projecting_seconds=0))["projections"] == 1
        rows = await service.execute("SELECT budget_id FROM projections")
        made.append({row.budget_id for row in rows})
    assert [len(ids) for ids in made] == [1, 2, 3, 4, 5]
    assert (await keep_budgets(service.tools, now + timedelta(seconds=9)))["projections"] == 0
