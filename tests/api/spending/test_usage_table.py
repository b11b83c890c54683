"""What agents really send, priced to the last cent by the whole way of a record: each of these was read wrong once."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Project, Service

NOVEMBER, FEBRUARY = datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 2, 3, 10, tzinfo=UTC)
FLEX = {"prompt_tokens": 2_000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 1_000}}
CLAUDE = {"input_tokens": 1_000, "output_tokens": 1_000}
CASES: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    ("", "gpt-4o", {"input_tokens": 62_394, "total_tokens": 62_608, "output_tokens": 214,
                    "input_token_details": {"cache_read": 60_024}}, "0.083095", []),
    ("", "gpt-5-codex", {"input_tokens": 117_231, "cached_input_tokens": 115_584, "output_tokens": 225,
                         "total_tokens": 117_456}, "0.01875675", []),
    ("", "claude-sonnet-4-5", {"gen_ai.usage.input_tokens": 130_213, "gen_ai.usage.cache_read_tokens": 128_955,
                               "gen_ai.usage.cache_write_tokens": 1_253, "gen_ai.usage.output_tokens": 10},
     "0.04355025", []),
    ("", "claude-sonnet-4-5", {"prompt_tokens": 130_213, "completion_tokens": 10, "prompt_tokens_details": {
        "cached_tokens": 128_955, "cache_creation_tokens": 1_253}}, "0.04355025", []),
    ("", "gpt-5-mini", {**FLEX, "service_tier": "flex"}, "0.0006375", []),
    ("", "gpt-5-mini", {**FLEX, "service_tier": "priority"}, "0.002295", []),
    ("", "gpt-5-mini", FLEX, "0.001275", []),
    ("", "claude-opus-4-8", {**CLAUDE, "speed": "fast"}, "0.060", []),
    ("", "claude-opus-4-6", {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000}]}, "1.1275", []),
    ("", "claude-sonnet-4-5", {**CLAUDE, "server_tool_use": {"web_search_requests": 3}}, "0.048", []),
    ("", "gpt-audio-mini", {"prompt_tokens": 15, "completion_tokens": 47,
                            "completion_tokens_details": {"audio_tokens": 34}}, "0.0007202", []),
    ("", "anthropic.claude-sonnet-4-6", CLAUDE, "0.0198", []),
    ("", "us.anthropic.claude-sonnet-5", CLAUDE, "0.0132", []),
    ("", "claude-sonnet-4-6", {**CLAUDE, "inference_geo": "us"}, "0.0198", []),
    ("", "deepseek/deepseek-chat:free", CLAUDE, "0", ["free"]),
    ("openrouter", "deepseek/deepseek-chat:free", CLAUDE, "0", ["free"]),
    ("x_ai", "grok-4", CLAUDE, "0.018", []),
    ("gcp.gen_ai", "gemini-2.5-pro", CLAUDE, "0.01125", []),
    ("azure.ai.inference", "gpt-4o", CLAUDE, "0.0125", []),
]  # fmt: skip


async def post(project: Project, *records: dict[str, Any]) -> dict[str, Any]:
    answer = await project.ingest.post("/api/usage/batch", json={"records": list(records)})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def record(key: str, at: datetime = NOVEMBER, **others: Any) -> dict[str, Any]:
    return {"event_key": key, "team": "ops", "occurred_at": at.isoformat(), **others}


async def test_what_agents_send_costs_what_the_provider_charges(service: Service) -> None:
    project = await service.project()
    records = [
        record(str(number), provider=provider or None, model=model, usage=usage)
        for number, (provider, model, usage, _, _) in enumerate(CASES)
    ]
    answer = await post(project, *records)
    said = {item["index"]: item["adjustments"] for item in answer["adjusted"]}
    rows = await service.execute("SELECT event_key, cost_usd FROM usage_records")
    costs = {int(row.event_key): row.cost_usd for row in rows}
    for number, (_, model, usage, usd, words) in enumerate(CASES):
        assert costs[number] == Decimal(usd), (model, usage)
        assert said.get(number, []) == words, (model, usage)


async def test_a_tier_that_the_catalog_knows_from_a_later_day_on_is_charged_at_that_and_said(service: Service) -> None:
    project = await service.project()
    answer = await post(project, record("a", FEBRUARY, model="gpt-5-mini", usage={**FLEX, "service_tier": "flex"}))
    assert answer["adjusted"] == [{"index": 0, "adjustments": ["flex_rate_assumed"]}]
    [row] = await service.execute("SELECT cost_usd FROM usage_records")
    assert row.cost_usd == Decimal("0.0006375")


async def test_parts_are_stored_by_what_they_are(service: Service) -> None:
    project = await service.project()
    chain = {"input_tokens": 1_000, "output_tokens": 300, "input_token_details": {"cache_read": 400, "cache_creation": 200},
             "output_token_details": {"reasoning": 250}}  # fmt: skip
    over = {"input_tokens": 10, "output_tokens": 102, "output_tokens_details": {"reasoning_tokens": 109}}
    answer = await post(
        project, record("a", model="claude-sonnet-4-5", usage=chain), record("b", model="gpt-5", usage=over)
    )
    assert answer["adjusted"] == [{"index": 1, "adjustments": ["reasoning_over_output: 109"]}]
    rows = await service.execute(
        "SELECT input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens FROM usage_records"
        " ORDER BY event_key"
    )
    assert [tuple(row) for row in rows] == [(1_000, 400, 200, 300, 250), (10, 0, 0, 102, 102)]


SPELLINGS = [
    ("", "claude-sonnet-4-5"), ("", "claude-sonnet-4-5-20250929"), ("openrouter", "anthropic/claude-sonnet-4.5"),
    ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ("vertex_ai", "claude-sonnet-4-5@20250929"),
    ("", "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
]  # fmt: skip


async def test_a_budget_on_a_model_counts_all_of_its_spellings(service: Service) -> None:
    project = await service.project()
    now = datetime.now(UTC)
    budget = {"name": "sonnet", "scope": "model", "scope_value": "claude-sonnet-4-5", "metric": "tokens",
              "limit": 10_000, "period": "month", "timezone": "UTC"}  # fmt: skip
    made = await project.admin.post("/api/budgets", json=budget)
    assert made.status_code == 201, made.text
    await post(project, *(
        record(str(number), now, provider=provider or None, model=model, input_tokens=500, output_tokens=500)
        for number, (provider, model) in enumerate(SPELLINGS)
    ))  # fmt: skip
    status = (await project.read.get(f"/api/budgets/{made.json()['id']}/status")).json()
    assert status["used"] == 6_000


@pytest.mark.parametrize("is_one_body", [True, False])
@pytest.mark.parametrize("outputs", [(1, 345), (345, 1), (1, 345, 345, 20)])
async def test_of_a_call_that_is_told_as_it_streams_the_whole_counts_whatever_the_order(
    service: Service, outputs: tuple[int, ...], is_one_body: bool
) -> None:
    project = await service.project()
    records = [record("call", model="claude-haiku-4-5", input_tokens=10, output_tokens=output) for output in outputs]
    bodies = [records] if is_one_body else [[one] for one in records]
    answers = [await post(project, *body) for body in bodies]
    assert sum(answer["count"] for answer in answers) == 1
    assert sum(answer["duplicates"] for answer in answers) == len(outputs) - 1
    words = [word for answer in answers for item in answer["adjusted"] for word in item["adjustments"]]
    assert words.count("replaced") + words.count("differs") >= 1
    [row] = await service.execute("SELECT output_tokens, cost_usd FROM usage_records")
    assert (row.output_tokens, row.cost_usd) == (345, Decimal("0.001735"))
    for sums in await service.execute("SELECT records, output_tokens, cost_usd FROM usage_rollups"):
        assert tuple(sums) == (1, 345, Decimal("0.001735"))


async def test_a_retry_that_says_the_same_is_a_duplicate_and_nothing_more(service: Service) -> None:
    project = await service.project()
    one = record("call", model="gpt-audio-mini", usage={"prompt_tokens": 15, "completion_tokens": 47,
                 "completion_tokens_details": {"audio_tokens": 34}})  # fmt: skip
    await post(project, one)
    answer = await post(project, one)
    assert (answer["count"], answer["duplicates"], answer["adjusted"]) == (0, 1, [])
    other = await post(project, {**one, "team": "others"})
    assert other["adjusted"] == [{"index": 0, "adjustments": ["differs"]}]


async def test_what_was_not_understood_is_named_counted_and_priced_again_as_it_was(service: Service) -> None:
    project = await service.project()
    usage = {
        **CLAUDE,
        "server_tool_use": {"web_search_requests": 3, "moon_landing_requests": 1},
        "cache_frost_tokens": 7,
    }
    answer = await post(project, record("a", model="claude-sonnet-4-5", usage=usage))
    assert answer["adjusted"] == [{"index": 0, "adjustments": [
        "not_understood: server_tool_use.moon_landing_requests", "not_understood: cache_frost_tokens"]}]  # fmt: skip
    again = await project.admin.post("/api/prices/reprice", json={
        "since": "2026-11-01T00:00:00Z", "until": "2026-11-28T00:00:00Z", "dry_run": False})  # fmt: skip
    assert again.status_code == 200, again.text
    [row] = await service.execute("SELECT cost_usd FROM usage_records")
    assert row.cost_usd == Decimal("0.048")
