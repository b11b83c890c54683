"""Usage objects of every known form give the same counts; what gives no certain counts is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spending.usage_objects import UsageUnreadable, read_usage, read_usage_names
from common.pricing import Processing, TokenCounts

ANTHROPIC = {
    "input_tokens": 2_095,
    "cache_creation_input_tokens": 2_051,
    "cache_read_input_tokens": 1_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 2_000, "ephemeral_1h_input_tokens": 51},
    "output_tokens": 503,
    "output_tokens_details": {"thinking_tokens": 200},
    "server_tool_use": {"web_search_requests": 0},
    "service_tier": "batch",
}
CHAT = {
    "prompt_tokens": 2_006,
    "completion_tokens": 300,
    "total_tokens": 2_306,
    "prompt_tokens_details": {"cached_tokens": 1_920, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 64, "accepted_prediction_tokens": 0},
}
RESPONSES = {
    "input_tokens": 2_006,
    "input_tokens_details": {"cached_tokens": 1_920},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 64},
    "total_tokens": 2_306,
}


def count(raw: dict[str, Any], **about: str) -> TokenCounts:
    return read_usage(raw, **about).counts


def test_anthropic_adds_the_cache_to_its_input() -> None:
    assert count(ANTHROPIC) == TokenCounts(
        input=5_146, output=503, cached=1_000, cache_write=2_051, reasoning=200, cache_write_1h=51
    )
    assert read_usage(ANTHROPIC).processing is Processing.batch
    assert read_usage(CHAT).processing is None


@pytest.mark.parametrize("raw", [CHAT, RESPONSES])
def test_openai_has_the_cache_in_its_input(raw: dict[str, Any]) -> None:
    assert count(raw) == TokenCounts(input=2_006, output=300, cached=1_920, reasoning=64)


def test_openai_cache_writes() -> None:
    assert count({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 4}}) == (
        TokenCounts(10, 0, 3, 4)
    )
    assert count({"prompt_tokens": 10, "prompt_tokens_details": {"cache_write_tokens": 4}}) == TokenCounts(10, 0, 0, 4)


def test_a_gateway_that_speaks_chat_with_the_keys_of_anthropic_counts_the_cache_once() -> None:
    raw = {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 30,
    }
    assert count(raw) == TokenCounts(100, 5, 60, 30)


def test_reasoning_outside_of_completion_tokens_is_added_where_the_total_says_so() -> None:
    raw = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 150,
        "completion_tokens_details": {"reasoning_tokens": 40},
    }
    assert count(raw) == TokenCounts(100, 50, reasoning=40)


def test_plain_counts_are_the_same_in_both_forms_that_have_them() -> None:
    assert count({"input_tokens": 7, "output_tokens": 8}) == TokenCounts(7, 8)
    assert count({"input_tokens": 7, "output_tokens": 8, "cache_read_input_tokens": 0}) == TokenCounts(7, 8)


@pytest.mark.parametrize(
    "raw",
    [
        {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.cache_write.input_tokens": 30,
            "gen_ai.usage.reasoning.output_tokens": 5,
        },
        {
            "gen_ai.usage.input_tokens": "100",
            "gen_ai.usage.output_tokens": "20",
            "gen_ai.usage.cache_read.input_tokens": "60",
            "gen_ai.usage.cache_creation.input_tokens": "30",
            "gen_ai.usage.reasoning.output_tokens": "5",
        },
        {
            "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 20,
            "gen_ai.usage.cache_read_input_tokens": 60,
            "gen_ai.usage.cache_creation_input_tokens": 30,
            "gen_ai.usage.reasoning_tokens": 5,
        },
    ],
)
def test_attributes_of_opentelemetry_old_and_new(raw: dict[str, Any]) -> None:
    assert count(raw) == TokenCounts(100, 20, 60, 30, 5)


def test_a_new_attribute_wins_over_the_old_one_beside_it() -> None:
    raw = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.prompt_tokens": 1, "gen_ai.usage.completion_tokens": 2}
    assert count(raw) == TokenCounts(100, 2)


def test_model_and_provider_of_attributes_old_and_new() -> None:
    old = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}
    new = {"gen_ai.provider.name": "anthropic", "gen_ai.response.model": "claude-haiku-4-5-20251001"}
    assert read_usage_names(old) == ("openai", "gpt-4o")
    assert read_usage_names({**old, **new}) == ("anthropic", "claude-haiku-4-5-20251001")
    assert read_usage_names({}) == ("", "")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "no token counts"),
        ({"input_tokens": None, "output_tokens": None}, "no token counts"),
        ({"gen_ai.system": "openai"}, "no token counts"),
        ({"prompt_tokens": -1}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": True}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": 1.5}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": float("nan")}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": 10**13}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": "9" * 5_000}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": "1,000"}, "prompt_tokens must be a whole number"),
        ({"prompt_tokens": 5, "prompt_tokens_details": [1]}, "prompt_tokens_details must be an object"),
        (
            {"input_tokens": 5, "cache_read_input_tokens": 3, "input_tokens_details": {"cached_tokens": 3}},
            "cache keys of two forms",
        ),
    ],
)
def test_what_gives_no_certain_counts_is_refused(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageUnreadable, match=message):
        read_usage(raw)


GEN_AI = [
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.reasoning_tokens", "llm.token_count.prompt_details.cache_read",
]  # fmt: skip
GEMINI = ["promptTokenCount", "candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount", "promptTokensDetails",
          "iterations", "modality", "tokenCount", "type", "cost", "cached_tokens", "raw", "usage"]  # fmt: skip
KEYS = [*ANTHROPIC, *CHAT, *RESPONSES, *GEN_AI, *GEMINI]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=15),
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8))
def test_any_object_is_read_or_refused(raw: dict[str, Any]) -> None:
    try:
        counts = count(json.loads(json.dumps(raw)))
    except UsageUnreadable:
        return
    assert counts.cached + counts.cache_write <= counts.input
    assert counts.reasoning <= counts.output


@pytest.mark.parametrize("name", ["m" * 201, "m\ufffd"])
def test_a_model_is_not_cut_or_cleaned_into_another_one(name: str) -> None:
    with pytest.raises(UsageUnreadable, match="200 characters"):
        read_usage_names({"gen_ai.request.model": name})
