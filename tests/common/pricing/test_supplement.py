"""What the catalog lacks is here with its source, and only as long as the catalog lacks it."""

from datetime import UTC, datetime
from decimal import Decimal

from common.pricing.catalog import find_provider
from common.pricing.counts import Processing
from common.pricing.supplement import (
    _FINE_TUNED,
    _MODE_FACTORS,
    find_fine_tuned,
    find_geo_factor,
    find_mode_factor,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_nothing_stands_here_that_the_catalog_has_by_now() -> None:
    openai, anthropic = find_provider("openai"), find_provider("anthropic")
    assert openai
    assert anthropic
    assert [base for base in _FINE_TUNED if openai.find_model(f"ft:{base}-2025-04-14:acme::id")] == []
    for model, mode in _MODE_FACTORS:
        found = anthropic.find_model(model)
        assert found
        assert found.get_prices(NOW, {"speed": mode.value}) == found.get_prices(NOW)


def test_fast_costs_what_openrouter_lists_for_it() -> None:
    openrouter, anthropic = find_provider("openrouter"), find_provider("anthropic")
    assert openrouter
    assert anthropic
    for name in ("4-6", "4-7"):
        fast = openrouter.find_model(f"anthropic/claude-opus-{name.replace('-', '.')}-fast")
        plain = anthropic.find_model(f"claude-opus-{name}")
        assert fast
        assert plain
        factor = find_mode_factor(f"claude-opus-{name}", Processing.fast)
        listed, standard = fast.get_prices(NOW).input_mtok, plain.get_prices(NOW).input_mtok
        assert isinstance(standard, Decimal)
        assert factor
        assert listed == standard * factor


def test_a_place_has_a_factor_or_is_not_known() -> None:
    assert find_geo_factor("anthropic", "us") == Decimal("1.1")
    assert [find_geo_factor("anthropic", geo) for geo in ("", "global", "not_available")] == [1, 1, 1]
    assert find_geo_factor("anthropic", "moon") is None
    assert find_geo_factor("openai", "us") is None


def test_a_model_that_was_trained_further_is_found_by_its_whole_name_alone() -> None:
    found = find_fine_tuned("ft:gpt-4.1-mini-2025-04-14:acme::id")
    assert found
    assert found.id == "ft:gpt-4.1-mini"
    assert find_fine_tuned("ft:gpt-4.1-huge:acme::id") is None
    assert find_fine_tuned("gpt-4.1-mini") is None
