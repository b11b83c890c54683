"""Tokens as they are sent, priced, summed up and priced again, against real stores."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.conftest import Project, Service

FEBRUARY = datetime(2026, 2, 3, 10, 15, tzinfo=UTC)


def record(number: int = 0, **others: Any) -> dict[str, Any]:
    return {
        "event_key": f"call-{number}",
        "team": "checkout",
        "model": "claude-haiku-4-5",
        "occurred_at": FEBRUARY.isoformat(),
        "input_tokens": 6225,
        "output_tokens": 6225,
        **others,
    }


async def post(project: Project, *records: Any, status: int = 201) -> dict[str, Any]:
    answer = await project.ingest.post("/api/usage/batch", json={"records": list(records)})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def sums(service: Service, minutes: int = 15) -> list[dict[str, Any]]:
    rows = await service.execute(
        "SELECT bucket, team, agent, model, records, input_tokens + output_tokens AS tokens, untied_tokens,"
        " estimated_tokens, unpriced_tokens, cost_usd FROM usage_rollups WHERE minutes = :minutes"
        " ORDER BY bucket, team, agent, model",
        minutes=minutes,
    )
    return [dict(row._mapping) for row in rows]


async def test_a_record_is_stored_once_priced_and_in_the_sums_when_it_is_acknowledged(service: Service) -> None:
    project = await service.project()
    assert await post(project, record()) == {
        "status": "success", "count": 1, "duplicates": 0, "rejected": [], "adjusted": [],
    }  # fmt: skip
    assert (await post(project, record(), record(1)))["duplicates"] == 1
    for minutes in (15, 1440):
        [row] = await sums(service, minutes)
        assert (row["records"], row["tokens"], row["cost_usd"]) == (2, 24_900, Decimal("0.0747"))
    [day] = await sums(service, 1440)
    assert day["bucket"] == datetime(2026, 2, 3, tzinfo=UTC)


async def test_each_bad_record_is_rejected_alone_with_its_reason(service: Service) -> None:
    project = await service.project()
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    bad = [
        record(1, processing="turbo"),
        record(2, input_tokens=-1),
        record(3, cached_tokens=7000),
        record(4, total_tokens=5),
        record(5, occurred_at=future),
        record(6, usage={"input_tokens": "many"}, input_tokens=None, output_tokens=None),
        {"event_key": "call-7"},
        record(8, surprise=1),
        "nothing",
    ]
    answer = await post(project, record(), *bad, status=207)
    assert answer["count"] == 1
    assert [item["index"] for item in answer["rejected"]] == list(range(1, 10))
    assert {item["reason"] for item in answer["rejected"]} == {
        "invalid_field", "missing_field", "unknown_field", "not_an_object",
    }  # fmt: skip
    assert "standard" in answer["rejected"][0]["detail"]


async def test_every_form_of_a_usage_object_comes_to_the_same_sums(service: Service) -> None:
    project = await service.project()
    forms: list[dict[str, Any]] = [
        {"input_tokens": 1000, "cached_tokens": 600, "cache_write_tokens": 100, "output_tokens": 50},
        {"usage": {"input_tokens": 300, "cache_read_input_tokens": 600, "cache_creation_input_tokens": 100,
                   "output_tokens": 50}},
        {"usage": {"prompt_tokens": 1000, "completion_tokens": 50,
                   "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100}}},
        {"usage": {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.cache_read.input_tokens": 600,
                   "gen_ai.usage.cache_creation.input_tokens": 100, "gen_ai.usage.output_tokens": 50}},
        {"usage": {"gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.cached_tokens": 600,
                   "gen_ai.usage.cache_write_input_tokens": 100, "gen_ai.usage.completion_tokens": 50,
                   "gen_ai.system": "anthropic", "gen_ai.request.model": "claude-haiku-4-5"}, "model": None},
    ]  # fmt: skip
    bare = {k: v for k, v in record().items() if not k.endswith("_tokens")}
    await post(project, *[{**bare, "event_key": str(n), "agent": str(n), **form} for n, form in enumerate(forms)])
    rows = await sums(service)
    assert len(rows) == len(forms)
    assert {(row["model"], row["tokens"], row["cost_usd"]) for row in rows} == {
        ("claude-haiku-4-5", 1050, Decimal("0.000735"))
    }


async def test_a_model_without_a_price_is_unpriced_and_never_free(service: Service) -> None:
    project = await service.project()
    answer = await post(project, record(model="acme-1"), record(1), record(2, model="acme-1", cost_usd="0.5"),
                        record(3, model="acme-1", cost_usd=0))  # fmt: skip
    assert answer["adjusted"] == [
        {"index": 0, "adjustments": ["unpriced", "model_unknown"]},
        {"index": 3, "adjustments": ["unpriced", "model_unknown"]},
    ]
    acme, haiku = await sums(service)
    assert (acme["tokens"], acme["unpriced_tokens"], acme["cost_usd"]) == (37_350, 24_900, Decimal("0.5"))
    assert (haiku["unpriced_tokens"], haiku["cost_usd"]) == (0, Decimal("0.03735"))


async def test_a_total_without_a_split_is_estimated(service: Service) -> None:
    project = await service.project()
    bare = {k: v for k, v in record().items() if not k.endswith("_tokens")}
    answer = await post(project, {**bare, "total_tokens": 12_450})
    assert answer["adjusted"] == [{"index": 0, "adjustments": ["estimated"]}]
    [row] = await sums(service)
    assert (row["estimated_tokens"], row["cost_usd"]) == (12_450, Decimal("0.03735"))


async def test_spellings_of_a_model_are_summed_up_as_one(service: Service) -> None:
    project = await service.project()
    await post(project, record(), record(1, model="haiku-4-5"), record(2, model="anthropic/claude-haiku-4.5"))
    assert [row["model"] for row in await sums(service)] == ["claude-haiku-4-5"]


async def test_concurrent_posts_of_the_same_records_count_each_once(service: Service) -> None:
    project = await service.project()
    batches = [[record(n % 40, team=f"team-{n % 3}") for n in range(start, start + 30)] for start in range(0, 120, 5)]
    answers = await asyncio.gather(*[post(project, *batch) for batch in batches])
    assert sum(answer["count"] for answer in answers) == 40
    [[stored]] = await service.execute("SELECT count(*) FROM usage_records")
    for minutes in (15, 1440):
        assert sum(row["records"] for row in await sums(service, minutes)) == stored == 40


async def override(project: Project, **rates: Any) -> str:
    answer = await project.admin.post("/api/prices/overrides", json={"model": "claude-haiku-4-5", **rates})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_price_that_changes_within_a_month_is_applied_per_record(service: Service) -> None:
    project = await service.project()
    await override(project, input="2", output="10", starts_at="2026-02-15T00:00:00Z")
    days = (1, 14, 15, 28)
    await post(project, *[record(day, occurred_at=f"2026-02-{day:02}T12:00:00Z") for day in days])
    costs = [row["cost_usd"] for row in await sums(service)]
    assert costs == [Decimal("0.03735")] * 2 + [Decimal("0.0747")] * 2


async def test_pricing_again_shows_its_difference_first_and_changes_nothing_the_second_time(service: Service) -> None:
    project = await service.project()
    await post(project, record(), record(1, model="acme-1"), record(2, occurred_at="2026-03-03T00:00:00Z"))
    await override(project, input="2", output="10", starts_at="2026-02-01T00:00:00Z")
    await override(project, model="acme-1", input="1", output="1", starts_at="2026-02-01T00:00:00Z")
    span = {"since": "2026-02-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    before = await sums(service)

    async def reprice(*, dry_run: bool) -> dict[str, Any]:
        answer = await project.admin.post("/api/prices/reprice", json={**span, "dry_run": dry_run})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    shown = await reprice(dry_run=True)
    assert (shown["records"], shown["changed"]) == (2, 2)
    assert (Decimal(shown["before_usd"]), Decimal(shown["after_usd"])) == (Decimal("0.03735"), Decimal("0.08715"))
    assert (shown["unpriced_tokens_before"], shown["unpriced_tokens_after"]) == (12_450, 0)
    assert await sums(service) == before
    assert await reprice(dry_run=False) == {**shown, "dry_run": False}
    acme, haiku, later = await sums(service)
    assert (acme["cost_usd"], acme["unpriced_tokens"]) == (Decimal("0.01245"), 0)
    assert (haiku["cost_usd"], later["cost_usd"]) == (Decimal("0.0747"), Decimal("0.03735"))
    again = await reprice(dry_run=False)
    assert (again["changed"], again["by_model"]) == (0, [])
    assert Decimal(again["after_usd"]) == Decimal(shown["after_usd"])
    runs = await service.execute("SELECT changed, before_usd, after_usd, made_by FROM repricings ORDER BY made_at")
    assert [run.changed for run in runs] == [2, 0]
    assert all(run.made_by for run in runs)


async def test_a_rate_ten_times_off_needs_to_be_confirmed(service: Service) -> None:
    project = await service.project()
    slip = {"model": "claude-haiku-4-5", "input": "10", "output": "5", "starts_at": "2026-02-01T00:00:00Z"}
    refused = await project.admin.post("/api/prices/overrides", json=slip)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/input"
    assert (await project.admin.post("/api/prices/overrides", json={**slip, "confirm": True})).status_code == 201
