"""Each way of looking at what was spent sums to the same total."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Service


async def test_days_teams_agents_and_models_share_out_one_total(service: Service) -> None:
    project, now = await service.project(), datetime.now(UTC)
    records = [
        {"event_key": f"k{n}", "team": f"t{n % 3}", "agent": f"a{n % 2}", "provider": "openai", "model": "gpt-5-mini",
         "input_tokens": 100 * n, "output_tokens": n, "occurred_at": (now - timedelta(days=n)).isoformat()}
        for n in range(1, 20)
    ]  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    summary = await project.get("/api/usage/summary")
    assert summary["total"]["tokens"] == sum(101 * n for n in range(1, 20))
    for name in ("by_day", "by_team", "by_agent", "by_model"):
        assert sum(one["tokens"] for one in summary[name]) == summary["total"]["tokens"], name
        assert sum(one["records"] for one in summary[name]) == 19
    few = await project.get("/api/usage/summary", since=(now - timedelta(days=3)).date().isoformat())
    assert few["total"]["records"] == 3


async def test_a_project_without_usage_has_spent_nothing(service: Service) -> None:
    summary = await (await service.project()).get("/api/usage/summary")
    assert (summary["total"]["tokens"], summary["by_day"], summary["patterns"]) == (0, [], [])


@pytest.mark.parametrize("days", [("2026-02-02", "2026-02-01"), ("2020-01-01", "2026-01-01")])
async def test_a_span_that_is_none_or_too_long_is_refused(service: Service, days: tuple[str, str]) -> None:
    project = await service.project()
    answer = await project.read.get("/api/usage/summary", params={"since": days[0], "until": days[1]})
    assert answer.status_code == 422
