"""A model is found under every usual spelling, in the catalog that is installed, and nothing made up is kept."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot

from common.pricing import TokenCounts, name_model, price_tokens
from common.pricing.catalog import find_home, find_model, load_catalog

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("", "haiku-4-5"),
        ("", "Claude Haiku 4.5"),
        ("anthropic", "claude_haiku_4_5"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("", "anthropic/claude-haiku-4.5"),
        ("litellm", "anthropic/claude-haiku-4-5"),
        ("Anthropic", "haiku-4.5"),
        ("", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("aws.bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
        ("vertex_ai", "claude-haiku-4-5@20251001"),
        ("openrouter", "anthropic/claude-haiku-4.5"),
    ],
)
def test_a_model_is_found_under_every_usual_spelling(provider: str, model: str) -> None:
    found = price_tokens(TokenCounts(1_000_000, 0), provider=provider, model=model, occurred_at=NOW)
    assert found.usd in (Decimal(1), Decimal("1.1"))


def test_the_catalog_is_the_one_that_is_installed_and_never_updates_itself() -> None:
    assert get_snapshot().from_auto_update is False


def test_names_that_callers_make_up_are_not_kept_for_ever() -> None:
    for number in range(5_000):
        find_model("", f"claude-haiku-4-5-{number}")
    assert find_model.cache_info().currsize <= 4_096
    assert not get_snapshot()._lookup_cache
    assert not get_snapshot()._provider_misses


MADE = {provider.id: [model.id for model in provider.models] for provider in load_catalog()}
CLAUDES = [
    name
    for name in MADE["anthropic"]
    if name.startswith(("claude-opus-", "claude-sonnet-", "claude-haiku-", "claude-fable"))
]
BEDROCK_FORMS = ("anthropic.{}", "us.anthropic.{}", "eu.anthropic.{}-v1:0", "global.anthropic.{}-v1:0",
                 "bedrock/us.anthropic.{}", "bedrock/converse/anthropic.{}-v1:0",
                 "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.{}")  # fmt: skip
FORMS = ("{}", "anthropic/{}", "openrouter/anthropic/{}", "vertex_ai/{}", "{}@default", "databricks-{}", "azure_ai/{}", "{}[1m]",
         "models/{}", "publishers/anthropic/models/{}", *BEDROCK_FORMS)  # fmt: skip


@pytest.mark.parametrize("name", CLAUDES)
def test_every_claude_is_one_model_in_sums_under_all_of_its_spellings(name: str) -> None:
    dotted = re.sub(r"-(\d)-(\d)$", r"-\1.\2", name)
    spellings = {form.format(one) for form in FORMS for one in (name, dotted)}
    assert {name_model("", spelling) for spelling in spellings} == {name}
    assert name_model("openrouter", f"anthropic/{dotted}:nitro") == name


@pytest.mark.parametrize("maker", ["openai", "google", "mistral", "x-ai", "deepseek", "cohere", "moonshotai"])
def test_every_model_of_a_maker_is_one_model_in_sums_under_the_prefixes_of_gateways(maker: str) -> None:
    differing = {}
    for name in MADE[maker]:
        own = name_model(maker, name)
        told = {
            name_model("", form.format(name)) for form in (f"{maker}/{{}}", f"openrouter/{maker}/{{}}", "litellm/{}")
        }
        if not told <= {own}:
            differing[name] = told
    assert differing == {}


def test_every_entry_of_every_provider_has_the_price_of_that_provider() -> None:
    """But for names that are none that anyone calls a model by, as the catalog's `ft:gpt-4o`, which stands for many."""
    foreign = [
        (provider.id, model.id)
        for provider in load_catalog()
        for model in provider.models
        if provider.find_model(model.id) is not None
        and not any(find_model(provider.id, model.id) is own for own in provider.models)
    ]
    assert foreign == []


# What provider and model may be said as, of an entry at a provider.
SPOKEN = (("{provider}", "{entry}"), ("{provider}", "{provider}/{entry}"), ("", "{provider}/{entry}"),
          ("litellm", "{provider}/{entry}"))  # fmt: skip


def test_every_entry_of_every_provider_is_one_model_at_one_price_however_its_provider_is_said() -> None:
    differing = {}
    for provider in load_catalog():
        for entry in provider.models:
            if provider.find_model(entry.id) is None:
                continue
            said = {"provider": provider.id, "entry": entry.id}
            spoken = [(home.format_map(said), model.format_map(said)) for home, model in SPOKEN]
            if len({(name_model(*one), id(find_model(*one))) for one in spoken}) > 1:
                differing[f"{provider.id}/{entry.id}"] = [name_model(*one) for one in spoken]
    # it has this name and, as another entry, `perplexity/sonar`: that is then the one that is meant
    assert differing.pop("perplexity/sonar") == ["sonar"] * 4
    assert differing == {}


def test_what_aws_and_openrouter_sell_of_a_maker_is_that_makers_model_at_their_own_price() -> None:
    for seller in ("aws", "openrouter", "azure", "databricks", "github-copilot"):
        for entry in MADE[seller]:
            if "claude-" in entry and not entry.endswith("-latest"):
                assert name_model(seller, entry) in MADE["anthropic"], entry
    for name in CLAUDES:
        found = find_model("aws", name)
        assert isinstance(found, str) or found.id.startswith(("regional.", "anthropic.", "global."))


@pytest.mark.parametrize(
    ("provider", "model", "home"),
    [("", "claude-sonnet-4-6", "anthropic"), ("", "us.anthropic.claude-sonnet-4-6", "aws"), ("litellm", "gpt-4o", "openai"),
     ("", "openrouter/openai/gpt-4o", "openrouter"), ("x_ai", "grok-4", "x-ai"), ("", "nobody-1", "")],
)  # fmt: skip
def test_who_sold_a_call_follows_from_provider_and_name(provider: str, model: str, home: str) -> None:
    assert find_home(provider, model) == home
