"""A model is found under every usual spelling, in the catalog that is installed, and nothing made up is kept."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot

from common.pricing import TokenCounts, price_tokens
from common.pricing.catalog import find_model

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
