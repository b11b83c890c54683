"""What is remembered of the catalog is what the catalog says of exactly that moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from genai_prices.types import ModelInfo, StartDateConstraint, TimeOfDateConstraint

from common.pricing import Processing, TokenCounts, price_tokens
from common.pricing.catalog import load_catalog
from common.pricing.listed import changes_within_days, find_rates, list_rates, list_rates_of_day

MOMENT = timedelta(microseconds=1)
MODELS = [(provider.id, model) for provider in load_catalog() for model in provider.models]


def list_constraints(model: ModelInfo) -> Iterator[object]:
    dated = [*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ())]
    return (one.constraint for one in dated)


def list_turns(model: ModelInfo) -> Iterator[datetime]:
    """The moments at which a price of the model may change, as its constraints say."""
    day = datetime(2026, 10, 5, tzinfo=UTC)
    for one in list_constraints(model):
        if isinstance(one, StartDateConstraint):
            yield datetime.combine(one.start_date, time(), UTC)
        elif isinstance(one, TimeOfDateConstraint):
            yield from (datetime.combine(day, at) for at in (one.start_time, one.end_time))


def test_around_every_change_of_every_model_the_rates_are_those_of_the_moment() -> None:
    looked_at = 0
    for provider, model in MODELS:
        for turn in list_turns(model):
            for at in (turn - MOMENT, turn, turn + timedelta(hours=5), turn + timedelta(days=1) - MOMENT):
                for mode in Processing:
                    assert find_rates(provider, model.id, at, mode) == list_rates(provider, model.id, at, mode)
                    looked_at += 1
    assert looked_at > 1_000


def test_a_price_change_at_midnight_utc_counts_from_that_moment_on_whatever_zone_the_time_is_in() -> None:
    turns = ((provider, model, turn) for provider, model in MODELS for turn in list_turns(model)
             if not changes_within_days(provider, model.id))  # fmt: skip
    changed = 0
    for provider, model, turn in turns:
        for moment in (turn - MOMENT, turn):
            there = moment.astimezone(timezone(timedelta(hours=9)))
            told = find_rates(provider, model.id, there, Processing.standard)
            assert told == list_rates(provider, model.id, moment, Processing.standard)
        changed += told != find_rates(provider, model.id, turn - MOMENT, Processing.standard)
    assert changed > 10


@pytest.mark.parametrize(("hour", "usd"), [("00:29:59", "0.685"), ("00:30:00", "1.37"), ("16:30:00", "0.685")])
def test_a_model_with_cheaper_hours_is_priced_by_the_hour(hour: str, usd: str) -> None:
    at = datetime.fromisoformat(f"2025-06-03T{hour}+00:00")
    price = price_tokens(TokenCounts(10**6, 10**6), provider="deepseek", model="deepseek-chat", occurred_at=at)
    assert price.usd == Decimal(usd)
    assert changes_within_days("deepseek", "deepseek-chat")


def test_a_thousand_calls_of_a_day_ask_the_catalog_once() -> None:
    list_rates_of_day.cache_clear()
    for second in range(1_000):
        at = datetime(2026, 2, 3, 10, tzinfo=UTC) + timedelta(seconds=second)
        price_tokens(TokenCounts(second, 1), provider="", model="claude-haiku-4-5", occurred_at=at)
    assert list_rates_of_day.cache_info().misses == 1


def test_what_is_remembered_is_bounded() -> None:
    for number in range(5_000):
        find_rates("", f"made-up-{number}", datetime(2026, 2, 3, tzinfo=UTC), Processing.standard)
    assert list_rates_of_day.cache_info().currsize <= 4_096
    assert changes_within_days.cache_info().currsize <= 4_096
