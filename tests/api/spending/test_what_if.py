"""Recorded usage priced elsewhere: to the last cent, nothing changed, and what cannot be compared is in no sum."""

from typing import Any

from tests.conftest import Project, Service

CALL = {"team": "ops", "agent": "bot", "model": "claude-sonnet-4-5", "occurred_at": "2026-11-03T10:00:00Z",
        "input_tokens": 10_000, "cached_tokens": 4_000, "cache_write_tokens": 1_000, "output_tokens": 2_000}  # fmt: skip
DAYS = {"since": "2026-11-01", "until": "2026-12-01"}
NOTHING = {"records": 0, "tokens": 0, "recorded_usd": "0", "supposed_usd": "0", "difference_usd": "0"}


async def post(project: Project, *records: dict[str, Any]) -> None:
    sent = [{**CALL, "event_key": str(number), **one} for number, one in enumerate(records)]
    answer = await project.ingest.post("/api/usage/batch", json={"records": sent})
    assert answer.status_code == 201, answer.text


async def test_calls_are_compared_at_the_rates_of_their_moment_and_stay_as_they_are(service: Service) -> None:
    project, stranger = await service.project(), await service.project("other")
    await post(project, {}, {"team": "web"}, {"occurred_at": "2026-10-31T23:59:59Z"})
    await post(stranger, {})
    found = await project.get("/api/costs/what-if", to_model="gpt-4o", by="team", **DAYS)
    each = {
        "records": 1,
        "tokens": 12_000,
        "recorded_usd": "0.04995",
        "supposed_usd": "0.0400",
        "difference_usd": "-0.00995",
    }
    assert found["groups"] == [{"key": "ops", **each}, {"key": "web", **each}]
    assert [found["total"][name] for name in NOTHING] == [2, 24_000, "0.09990", "0.0800", "-0.01990"]
    assert found["doubts"] == [{"word": "cache_write_as_input", "records": 2}]
    assert (found["not_compared"], found["done_until"], found["to_provider"]) == ([], None, None)
    rows = await service.execute("SELECT DISTINCT cost_usd::float, model FROM usage_records")
    assert [tuple(row) for row in rows] == [(0.04995, "claude-sonnet-4-5")]


async def test_filters_and_modes(service: Service) -> None:
    project = await service.project()
    await post(project, {}, {"agent": "other"}, {"model": "claude-haiku-4-5"})
    asked = {"to_processing": "batch", "agent": "bot", "model": "anthropic/claude-4.5-sonnet", **DAYS}
    total = (await project.get("/api/costs/what-if", **asked))["total"]
    assert (total["records"], float(total["supposed_usd"])) == (1, 0.024975)


async def test_what_has_no_price_on_either_side_is_told_with_its_reason(service: Service) -> None:
    project = await service.project()
    await post(project, {}, {"model": "acme-1"})
    found = await project.get("/api/costs/what-if", to_model="claude-haiku-4-5", **DAYS)
    assert found["total"]["records"] == 1
    assert found["not_compared"] == [{"reason": "was_unpriced", "records": 1, "tokens": 12_000, "recorded_usd": "0"}]
    found = await project.get("/api/costs/what-if", to_model="acme-9", **DAYS)
    assert found["total"] == {"key": "", **NOTHING}
    [unknown] = found["not_compared"]
    assert (unknown["reason"], unknown["records"], float(unknown["recorded_usd"])) == ("model_unknown", 2, 0.04995)


async def test_the_rates_that_a_project_set_count_elsewhere_too(service: Service) -> None:
    project = await service.project()
    await post(project, {})
    sent = {"model": "acme-9", "input": "1", "output": "2", "starts_at": "2026-01-01T00:00:00Z"}
    assert (await project.admin.post("/api/prices/overrides", json=sent)).status_code == 201
    found = await project.get("/api/costs/what-if", to_model="acme-9", **DAYS)
    assert float(found["total"]["supposed_usd"]) == 0.014
    assert [doubt["word"] for doubt in found["doubts"]] == ["cached_as_input", "cache_write_as_input"]


async def test_a_question_without_a_place_to_go_and_one_of_too_many_days_are_refused(service: Service) -> None:
    project = await service.project()
    assert (await project.read.get("/api/costs/what-if")).status_code == 422
    asked = {"to_model": "gpt-4o", "since": "2020-01-01", "until": "2026-01-01"}
    assert (await project.read.get("/api/costs/what-if", params=asked)).status_code == 422
