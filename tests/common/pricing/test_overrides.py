"""Rates of a project's own win at their moment, and those that look like a slip are told."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from common.pricing import Processing, RateOverride, Rates, TokenCounts, find_doubtful_rates, price_tokens

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


def override(starts: int, rate: str, ends: int | None = None, model: str = "claude-haiku-4-5") -> RateOverride:
    return RateOverride(
        model,
        Rates(Decimal(rate), Decimal(rate)),
        datetime(2026, 2, starts, tzinfo=UTC),
        None if ends is None else datetime(2026, 2, ends, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("day", "usd", "source"), [(9, "1", "catalog"), (10, "2", "override"), (15, "3", "override"), (20, "2", "override")]
)
def test_dated_overrides_win_and_the_later_one_first(day: int, usd: str, source: str) -> None:
    found = price_tokens(
        TokenCounts(1_000_000, 0),
        provider="anthropic",
        model="claude-haiku-4-5-20251001",
        occurred_at=datetime(2026, 2, day, tzinfo=UTC),
        overrides=[override(10, "2"), override(15, "3", ends=20, model="haiku-4-5")],
    )
    assert (found.usd, found.source) == (Decimal(usd), source)


def test_an_override_prices_what_the_catalog_does_not_know_and_may_be_free() -> None:
    def cost(model: str, rate: str, mode: Processing = Processing.standard) -> Decimal | None:
        return price_tokens(
            TokenCounts(1_000_000, 0),
            provider="our-gateway",
            model=model,
            occurred_at=NOW,
            processing=mode,
            overrides=[override(1, rate, model="Our Model")],
        ).usd

    assert cost("our-model", "7") == Decimal(7)
    assert cost("our_model", "0") == Decimal(0)
    assert cost("our-model-2", "7") is None
    assert cost("our-model", "7", Processing.batch) is None


def test_a_rate_ten_times_off_needs_confirmation() -> None:
    assert find_doubtful_rates(override(1, "2.5")) == ()
    assert find_doubtful_rates(override(1, "10")) == ("input: 10 USD per million where the catalog has 1",)
    assert find_doubtful_rates(override(1, "0.5")) == ("output: 0.5 USD per million where the catalog has 5",)
    assert find_doubtful_rates(override(1, "0")) == ("input: free", "output: free")
    assert find_doubtful_rates(override(1, "50", model="ours")) == ()
    assert find_doubtful_rates(override(1, "0.000003", model="ours"))[0].endswith("is outside 0.001 to 1000")
    with pytest.raises(ValueError, match="not negative"):
        find_doubtful_rates(override(1, "-1"))
