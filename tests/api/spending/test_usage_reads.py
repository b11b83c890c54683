"""What was spent, by day, team and model, and the rates that were set: exact, filtered, page by page, one's own."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Project, Service

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
MODELS = ("claude-haiku-4-5", "acme-1")


async def post_days(project: Project) -> None:
    """On each of four days past: two teams, two models, two agents of 100 tokens each."""
    records = [
        {"event_key": f"{age}-{team}-{model}-{agent}", "team": team, "model": model, "agent": agent,
         "occurred_at": (TODAY - timedelta(days=age)).isoformat(), "input_tokens": 60, "cached_tokens": 20,
         "output_tokens": 40}
        for age in (1, 2, 3, 40) for team in ("ops", "web") for model in MODELS for agent in ("a", "b")
    ]  # fmt: skip
    answer = await project.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text


async def walk(project: Project, **asked: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await project.get("/api/usage", **asked)
        found += page["sums"]
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]


async def test_sums_are_by_day_team_and_model_with_every_kind_of_token(service: Service) -> None:
    project = await service.project()
    await post_days(project)
    sums = (await project.get("/api/usage"))["sums"]
    days = [(TODAY - timedelta(days=age)).date().isoformat() for age in (1, 2, 3)]
    assert [(one["day"], one["team"], one["model"]) for one in sums] == [
        (day, team, model) for day in days for team in ("ops", "web") for model in sorted(MODELS)
    ]
    acme, haiku = sums[:2]
    assert Decimal(haiku.pop("cost_usd")) == Decimal("0.000484")  # 80 x 1 + 40 x 0.1 + 80 x 5 micro-USD
    assert haiku == {
        "day": days[0], "team": "ops", "model": "claude-haiku-4-5", "records": 2, "input_tokens": 120,
        "cached_tokens": 40, "cache_write_tokens": 0, "output_tokens": 80, "reasoning_tokens": 0,
        "untied_tokens": 200, "estimated_tokens": 0, "unpriced_tokens": 0,
    }  # fmt: skip
    assert (acme["cost_usd"], acme["unpriced_tokens"]) == (None, 200)


async def test_filters_and_pages_give_each_sum_once(service: Service) -> None:
    project = await service.project()
    await post_days(project)
    everything = await walk(project, since=(TODAY - timedelta(days=50)).date())
    assert len(everything) == 16
    for limit in (1, 3, 16):
        assert await walk(project, since=(TODAY - timedelta(days=50)).date(), limit=limit) == everything
    assert await walk(project, team="ops", model="Claude Haiku 4.5", limit=2) == [
        one for one in everything[:12] if (one["team"], one["model"]) == ("ops", "claude-haiku-4-5")
    ]
    day = (TODAY - timedelta(days=2)).date()
    assert {one["day"] for one in await walk(project, since=day, until=day + timedelta(days=1))} == {day.isoformat()}
    assert await walk(project, until="0001-01-02") == []


@pytest.mark.parametrize(
    "wrong",
    [{"cursor": "x"}, {"cursor": "W10"}, {"cursor": "WzEsMiwzXQ"}, {"since": "soon"}, {"limit": 1_001}, {"a": 1}],
)
async def test_a_wrong_question_is_refused(service: Service, wrong: dict[str, Any]) -> None:
    project = await service.project()
    assert (await project.read.get("/api/usage", params=wrong)).status_code == 422


async def test_a_text_that_cannot_be_stored_is_refused_for_good_and_not_for_now(service: Service) -> None:
    project = await service.project()
    asked = [project.read.get(f"/api/usage?{name}=a%00b") for name in ("team", "model")]
    deliverable = {"ref": "a\0b", "team": "ops", "kind": "ticket", "completed_at": "2026-02-03T12:00:00Z"}
    budget = {"name": "a\0b", "scope": "project", "metric": "tokens", "limit": 1, "period": "day"}
    asked += [project.ingest.post("/api/deliverables", json=deliverable)]
    asked += [project.admin.post("/api/budgets", json=budget)]
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [422] * 4


async def test_the_rates_that_were_set_are_listed(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    ids = []
    for day in (3, 1, 2):
        sent = {"model": "acme-1", "input": "1", "output": "2", "starts_at": f"2026-02-0{day}T00:00:00Z",
                "confirm": True}  # fmt: skip
        answer = await project.admin.post("/api/prices/overrides", json=sent)
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    first = await project.get("/api/prices/overrides", limit=2)
    rest = await project.get("/api/prices/overrides", limit=2, cursor=first["next"])
    assert [one["id"] for one in first["overrides"] + rest["overrides"]] == ids
    assert rest["next"] is None
    one = first["overrides"][0]
    assert (one["model"], one["provider"], one["processing"], one["ends_at"]) == ("acme-1", None, "standard", None)
    assert [Decimal(one[kind]) for kind in ("input", "output")] == [Decimal(1), Decimal(2)]
    assert one["cached"] is None
    assert (await other.get("/api/prices/overrides"))["overrides"] == []


@pytest.mark.parametrize("path", ["/api/usage", "/api/prices/overrides"])
async def test_answers_are_private_with_an_etag_and_only_for_readers(service: Service, path: str) -> None:
    project, other = await service.project(), await service.project("other")
    await post_days(project)
    answer = await project.read.get(path)
    assert answer.headers["cache-control"].startswith("private, max-age=1")
    again = await project.read.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert (await project.ingest.get(path)).status_code == 403
    assert "ops" not in (await other.read.get(path)).text
