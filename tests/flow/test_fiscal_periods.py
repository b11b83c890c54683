"""A budget whose week begins today knows nothing of yesterday: in its status, its checks and its crossings."""

from datetime import UTC, datetime, timedelta

from tests.conftest import Service
from tests.flow.test_budgets import make, post, spend
from tests.worker.running import keep_budgets


async def test_a_fiscal_week_counts_from_its_own_first_day(service: Service) -> None:
    project, now = await service.project(), datetime.now(UTC)
    yesterday = (now - timedelta(days=1)).isoformat()
    await post(project, spend("old", 900, occurred_at=yesterday), spend("new", 100, occurred_at=now.isoformat()))
    named = {"limit": 1_000, "period": "week"}
    today = await make(project, name="from today", starts_on=now.isoweekday(), **named)
    before = await make(project, name="from yesterday", starts_on=(now - timedelta(days=1)).isoweekday(), **named)
    used = {one: (await project.get(f"/api/budgets/{one}/status"))["used"] for one in (today, before)}
    assert used == {today: 100, before: 1_000}
    status = await project.get(f"/api/budgets/{today}/status")
    assert status["period_start"] == str(now.date())
    assert status["period_end"] == str(now.date() + timedelta(days=7))
    for budget, allowed in ((today, True), (before, False)):
        check = await project.ingest.post(f"/api/budgets/{budget}/check", json={"estimate": 900})
        assert check.json()["allowed"] is allowed
    await keep_budgets(service.tools)
    crossed = await service.execute("SELECT DISTINCT budget_id::text FROM crossings")
    assert [row[0] for row in crossed] == [before]
    listed = (await project.get("/api/budgets"))["budgets"]
    assert [one["starts_on"] for one in listed] == [now.isoweekday(), (now - timedelta(days=1)).isoweekday()]
