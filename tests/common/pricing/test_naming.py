"""The many names of a model are taken apart into what it is, and what is said beside that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pricing.naming import (
    is_free,
    is_of_bedrock,
    is_of_vertex,
    list_bare_names,
    list_provider_names,
    list_spellings,
    spell,
    strip_bedrock,
    turn_claude,
)


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("us.anthropic.claude-sonnet-4-6-v1:0", "claude-sonnet-4-6"),
        ("anthropic.claude-3-sonnet-20240229-v1:0:200k", "claude-3-sonnet-20240229"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
        ("meta.llama3-3-70b-instruct-v1:0", "llama3-3-70b-instruct"),
        ("gpt-4.1", "gpt-4.1"),
        ("claude-sonnet-4.5", "claude-sonnet-4.5"),
    ],
)
def test_an_id_of_bedrock_has_a_region_a_vendor_and_a_version(name: str, bare: str) -> None:
    assert strip_bedrock(name) == bare
    assert is_of_bedrock(name) == (bare != name)


def test_only_vertex_writes_a_version_behind_an_at() -> None:
    assert is_of_vertex("claude-sonnet-4-5@20250929")
    assert is_of_vertex("publishers/google/models/gemini-2.5-pro")
    assert not is_of_vertex("gpt-4o")
    assert not is_of_vertex("ada@example.com")


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("anthropic/claude-4.5-sonnet-20250929:nitro", "claude-sonnet-4-5-20250929"),
        ("openrouter/anthropic/claude-opus-4.6-fast", "claude-opus-4.6"),
        ("deepseek/deepseek-chat:free", "deepseek-chat"),
        ("Claude Sonnet 4.5", "claude-sonnet-4.5"),
        ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        ("databricks-claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-haiku-4-5-v1:0", "claude-haiku-4-5"),
    ],
)
def test_the_barest_name_is_that_of_the_model_alone(name: str, bare: str) -> None:
    assert bare in list_bare_names(name)


def test_older_models_of_claude_are_called_in_the_older_order() -> None:
    assert turn_claude("claude-4.5-sonnet-20250929") == "claude-sonnet-4-5-20250929"
    assert turn_claude("claude-4-opus") == "claude-opus-4"
    assert turn_claude("claude-3.5-sonnet") == ""
    assert turn_claude("gpt-4o") == ""


@pytest.mark.parametrize(
    ("provider", "known"),
    [("x_ai", "x-ai"), ("gcp.gen_ai", "google"), ("azure.ai.inference", "azure"), ("azure_openai", "azure"),
     ("aws.bedrock", "aws"), ("xai.chat", "xai"), ("openai.responses", "openai"), ("Fireworks AI", "fireworks")],
)  # fmt: skip
def test_a_provider_is_known_by_the_names_that_sdks_and_conventions_have_for_it(provider: str, known: str) -> None:
    assert known in list_provider_names(provider)


def test_free_is_what_the_name_ends_with() -> None:
    assert is_free("deepseek/deepseek-chat:Free")
    assert not is_free("freedom-7b")


@given(st.text(max_size=60))
def test_any_text_has_spellings_and_the_first_is_its_own(name: str) -> None:
    assert list_spellings(name)[0] == spell(name)
