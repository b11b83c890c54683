"""Exports of gateways and providers become records: each row one, with a key that is the same in the next export."""

from typing import Any

import pytest

from cli.usage.exports import estimate_calls, read_document, read_row, to_count, to_time
from cli.usage.records import Options, Skipped, Unread, UsageRecord

LITELLM = {
    "request_id": "chatcmpl-1", "call_type": "acompletion", "spend": 0.0042, "total_tokens": 11_000, "prompt_tokens": 10_000,
    "completion_tokens": 1_000, "startTime": "2026-11-20T10:00:00.123000", "endTime": "2026-11-20T10:00:02", "model":
    "claude-haiku-4-5", "custom_llm_provider": "anthropic", "cache_hit": "False", "session_id": "run-1", "team_id": "t-1",
    "metadata": {"user_api_key_team_alias": "search", "user_api_key_alias": "bot", "usage_object": {
        "prompt_tokens": 10_000, "completion_tokens": 1_000, "cache_read_input_tokens": 4_000}},
}  # fmt: skip
OPENAI = {
    "object": "page", "has_more": False, "data": [{
        "object": "bucket", "start_time": 1_795_168_800, "end_time": 1_795_172_400, "results": [
            {"object": "organization.usage.completions.result", "input_tokens": 10_000, "output_tokens": 1_000,
             "input_cached_tokens": 4_000, "input_audio_tokens": 0, "output_audio_tokens": 0, "num_model_requests": 7,
             "project_id": "proj_1", "user_id": None, "api_key_id": "key_1", "model": "gpt-5", "batch": False,
             "service_tier": "default"},
            {"object": "organization.usage.completions.result", "input_tokens": 10, "output_tokens": 1,
             "num_model_requests": 1, "project_id": "proj_1", "model": None}]}],
}  # fmt: skip
ANTHROPIC = {"data": [{"starting_at": "2026-11-20T00:00:00Z", "ending_at": "2026-11-21T00:00:00Z", "results": [
    {"uncached_input_tokens": 4_000, "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 2_000},
     "cache_read_input_tokens": 4_000, "output_tokens": 1_000, "server_tool_use": {"web_search_requests": 2},
     "api_key_id": None, "workspace_id": "wrkspc_1", "model": "claude-haiku-4-5-20251001", "service_tier": "batch",
     "context_window": "0-200k"}]}], "has_more": False}  # fmt: skip
TABLE = {"usage_date_utc": "2026-11-20", "model_version": "claude-sonnet-4-5-20250929", "api_key": "ci", "workspace": "ops",
         "usage_type": "standard", "context_window": "0-200k", "usage_input_tokens_no_cache": "900,000",
         "usage_input_tokens_cache_write_5m": "0", "usage_input_tokens_cache_write_1h": "10",
         "usage_input_tokens_cache_read": "5", "usage_output_tokens": "7", "web_search_count": "1"}  # fmt: skip


def only(row: dict[str, Any], **options: str) -> Any:
    [found] = list(read_document(row, Options(**options)))
    return found


def test_a_row_of_litellm_has_its_own_id_and_team_and_the_counts_of_the_provider() -> None:
    record = only(LITELLM)
    assert isinstance(record, UsageRecord)
    assert (record.event_key, record.team, record.agent, record.run) == ("chatcmpl-1", "search", "bot", "run-1")
    assert (record.provider, record.occurred_at) == ("anthropic", "2026-11-20T10:00:00.123000+00:00")
    assert (record.usage["prompt_tokens"], record.usage["cache_read_input_tokens"]) == (10_000, 4_000)
    assert record.cost_usd == "0.004200000000"
    as_text = only({**LITELLM, "metadata": '{"user_api_key_team_alias": "search"}', "prompt_tokens": "10000"})
    assert (as_text.team, as_text.usage["prompt_tokens"]) == ("search", 10_000)


@pytest.mark.parametrize(
    "change", [{"cache_hit": "True"}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}]
)
def test_what_cost_nothing_is_counted_as_that(change: dict[str, Any]) -> None:
    assert isinstance(only({**LITELLM, **change}), Skipped)


def test_a_page_of_openai_has_a_record_for_each_result_and_says_what_has_no_model() -> None:
    record, unread = read_document(OPENAI, Options())
    assert isinstance(record, UsageRecord)
    assert (record.team, record.agent, record.model, record.provider) == ("proj_1", "key_1", "gpt-5", "openai")
    assert record.usage["num_model_requests"] == 7
    assert (record.usage["input_cached_tokens"], record.usage["total_tokens"]) == (4_000, 11_000)
    assert record.occurred_at.startswith("2026-11-20T")
    assert isinstance(unread, Unread)
    [_, named] = read_document(OPENAI, Options(model="gpt-5"))
    assert isinstance(named, UsageRecord)
    assert named.event_key != record.event_key


def test_the_old_export_of_openai_is_read_too() -> None:
    tokens = {"n_context_tokens_total": 100, "n_generated_tokens_total": 10, "n_cached_context_tokens_total": 40}
    record = only({"timestamp": 1_795_168_800, "n_requests": 3, "snapshot_id": "gpt-4o-2024-08-06", **tokens})
    assert record.usage == {"input_tokens": 100, "output_tokens": 10, "input_cached_tokens": 40, "num_model_requests": 3,
                            "total_tokens": 110}  # fmt: skip


def test_a_batch_of_openai_is_one() -> None:
    result = {**OPENAI["data"][0]["results"][0], "batch": True, "start_time": 1_795_168_800}  # type: ignore[index]
    assert only(result).usage["service_tier"] == "batch"


def test_a_report_of_anthropic_has_its_cache_beside_the_input() -> None:
    record = only(ANTHROPIC)
    assert (record.team, record.model) == ("wrkspc_1", "claude-haiku-4-5-20251001")
    assert record.usage["input_tokens"] == 4_000
    assert record.usage["cache_creation"] == {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 2_000}
    assert (record.usage["service_tier"], record.usage["server_tool_use"]) == ("batch", {"web_search_requests": 2})


def test_a_table_of_anthropic_is_the_sum_of_short_calls_unless_it_says_long() -> None:
    record = only(TABLE)
    assert (record.team, record.agent, record.occurred_at) == ("ops", "ci", "2026-11-20T00:00:00+00:00")
    assert (record.usage["input_tokens"], record.usage["num_requests"]) == (900_000, 5)
    assert record.usage["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 10}
    assert only({**TABLE, "context_window": "200k-1M"}).usage["num_requests"] == 1


def test_the_next_export_of_a_day_has_the_same_keys_and_other_rows_have_others() -> None:
    keys = {only({**TABLE, **change}).event_key for change in (
        {}, {"usage_output_tokens": "9"}, {"workspace": "other"}, {"usage_date_utc": "2026-11-21"},
        {"usage_type": "batch"}, {"context_window": "200k-1M"})}  # fmt: skip
    assert len(keys) == 5


@pytest.mark.parametrize(
    "row", [{}, {"colour": 3}, {**TABLE, "usage_output_tokens": "many"}, {**TABLE, "usage_date_utc": ""},
            {**TABLE, "usage_date_utc": "yesterday"}, {**TABLE, "usage_output_tokens": "-4"},
            {**LITELLM, "startTime": None}, {**LITELLM, "prompt_tokens": 1.5}]
)  # fmt: skip
def test_a_row_that_says_no_counts_or_no_time_is_told(row: dict[str, Any]) -> None:
    [found] = read_row(row, Options())
    assert isinstance(found, Unread)


def test_what_is_no_object_where_one_should_be_is_told() -> None:
    assert [type(one) for one in read_document({"data": [5, {"results": ["x"]}]}, Options())] == [Unread, Unread]


def test_numbers_and_times_are_read_as_tables_write_them() -> None:
    assert [to_count(value) for value in ("1,234", "12.0", 5, "", None)] == [1_234, 12, 5, 0, 0]
    assert to_time(1_795_168_800_000) == to_time("1795168800") == to_time(1_795_168_800)
    assert to_time("2026-11-20 00:00:00 UTC") == to_time("2026-11-20")
    assert [estimate_calls(tokens) for tokens in (0, 1, 200_000, 200_001)] == [1, 1, 1, 2]
