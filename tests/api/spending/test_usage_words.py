"""A key is understood by its words, in whichever spelling; one word too many and it is not."""

import pytest

from api.spending.usage_words import (
    Meaning,
    concerns_money,
    find_meaning,
    find_unit,
    is_harmless,
    name_concern,
    split_words,
)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("input_tokens", "input"), ("promptTokenCount", "input"), ("completion_tokens", "output"), ("totalTokens", "total"),
        ("candidatesTokenCount", "output"), ("cached_input_tokens", "cached"), ("cacheReads", "cached"),
        ("cache_creation_input_tokens", "cache_write"), ("thoughtsTokenCount", "reasoning"), ("citation_tokens", "citation"),
        ("toolUsePromptTokenCount", "tool"), ("prompt_cache_miss_tokens", "plain"), ("inputTokens.noCache", "plain"),
        ("completion_tokens_details.accepted_prediction_tokens", "inside"), ("eval_count", "output"), ("total", "total"),
    ],
)  # fmt: skip
def test_every_spelling_has_its_meaning(key: str, kind: str) -> None:
    found = find_meaning(tuple(key.split(".")))
    assert found
    assert found.kind == kind


def test_ages_modalities_and_modes_are_told_apart() -> None:
    assert find_meaning(("cache_creation", "ephemeral_1h_input_tokens")) == Meaning("cache_write", ttl="1h")
    assert find_meaning(("cacheDetails", "5m", "inputTokens")) == Meaning("cache_write", ttl="5m")
    assert find_meaning(("promptTokensDetails", "AUDIO", "tokenCount")) == Meaning("input", "audio")
    assert find_meaning(("input_token_details", "flex_cache_read")) == Meaning("cached", mode="flex")
    assert find_meaning(("input_token_details", "priority")) == Meaning("inside", mode="priority")


@pytest.mark.parametrize(
    "key",
    ["cache_frost_tokens", "tool_calls", "audio_tokens", "cached_output_tokens", "tier_tokens", "cache", "tool_tokens",
     "prompt_tokens_details.lunar_tokens", "input_reasoning_tokens", "colour"],
)  # fmt: skip
def test_what_may_mean_something_else_is_not_understood(key: str) -> None:
    assert find_meaning(tuple(key.split("."))) is None


def test_amounts_that_are_no_tokens_have_the_names_of_the_catalog() -> None:
    named = {key: find_unit(tuple(key.split("."))) for key in (
        "server_tool_use.web_search_requests", "server_tool_use.web_fetch_requests", "num_search_queries",
        "billed_units.search_units", "prompt_audio_seconds", "server_tool_use.moon_requests", "pages_processed")}  # fmt: skip
    assert list(named.values()) == [
        "web_searches", "", "web_searches", "rerank_searches", "audio_seconds", None, "input_document_pages",
    ]  # fmt: skip


def test_what_is_about_money_and_what_is_not() -> None:
    assert [is_harmless((key,)) for key in ("total_time", "eval_duration", "cache_time", "id")] == [
        True,
        True,
        False,
        True,
    ]
    assert concerns_money(("a", "cacheTier"))
    assert not concerns_money(("colour",))
    assert [name_concern(f"not_understood: {key}") for key in ("cache_x", "tier_x", "tool_x", "audio_x", "tokens_x", "x")] == [
        "cache", "tier", "tool", "modality", "tokens", "other",
    ]  # fmt: skip


def test_words_are_split_at_every_joint() -> None:
    assert (
        split_words("cacheReadInputTokens")
        == split_words("cache_read-input.tokens")
        == ("cache", "read", "input", "token")
    )
