"""A call priced elsewhere: by hand from the catalog's rates, and what is not the same there is named.

USD per million. claude-sonnet-4-5: 3 input, 0.30 cached, 3.75 written, 15 output; claude-haiku-4-5: a third; gpt-4o: 2.50,
1.25 cached, none for written, 10.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from common.pricing import Extras, Pass, Processing, TokenCounts
from common.pricing.supposing import Elsewhere, Supposed, suppose_price

CALL = TokenCounts(input=10_000, cached=4_000, cache_write=1_000, output=2_000)
AT = datetime(2026, 11, 3, tzinfo=UTC)


def suppose(elsewhere: Elsewhere, counts: TokenCounts = CALL, extras: Extras | None = None, **others: Any) -> Supposed:
    source = {"provider": "anthropic", "model": "claude-sonnet-4-5", "processing": "standard", **others}
    return suppose_price(counts, extras, elsewhere, occurred_at=AT, **source)


@pytest.mark.parametrize(
    ("elsewhere", "usd", "doubts"),
    [
        (Elsewhere(), "0.04995", ()),  # 5,000 x 3 + 4,000 x 0.30 + 1,000 x 3.75 + 2,000 x 15
        (Elsewhere(model="claude-haiku-4-5"), "0.01665", ()),
        (Elsewhere(model="Claude Haiku 4.5", processing=Processing.batch), "0.008325", ()),
        # 5,000 x 2.50 + 4,000 x 1.25 + 1,000 x 2.50 + 2,000 x 10
        (Elsewhere(model="gpt-4o"), "0.04", ("cache_write_as_input",)),
        (Elsewhere(provider="aws"), "0.054945", ()),  # a region of Bedrock: a tenth more
        (Elsewhere(processing=Processing.flex), "0.04995", ("flex_rate_unknown",)),
        (Elsewhere(model="some/model:free"), "0", ("free",)),
    ],
)
def test_a_call_costs_what_its_tokens_do_elsewhere(elsewhere: Elsewhere, usd: str, doubts: tuple[str, ...]) -> None:
    supposed = suppose(elsewhere)
    assert (supposed.price.usd, supposed.doubts) == (Decimal(usd), doubts)


def test_classes_without_a_rate_are_named() -> None:
    # gpt-4-turbo: 10 and 30, no cache at all
    supposed = suppose(Elsewhere(model="gpt-4-turbo"))
    assert (supposed.price.usd, supposed.doubts) == (Decimal("0.16"), ("cached_as_input", "cache_write_as_input"))
    audio = Extras(units={"input_audio_tokens": 100})
    spoken = suppose(Elsewhere(model="gpt-4-turbo"), TokenCounts(input=1_000, output=0), audio)
    assert (spoken.price.usd, spoken.doubts) == (Decimal("0.01"), ("input_audio_tokens_as_text",))


def test_a_call_that_is_too_long_for_the_other_model_says_so_and_the_sum_of_many_calls_does_not() -> None:
    long = TokenCounts(input=150_000, output=0)  # gpt-4-turbo reads 128,000
    assert suppose(Elsewhere(model="gpt-4-turbo"), long).doubts == ("over_context_window",)
    assert suppose(Elsewhere(model="gpt-4-turbo"), long, Extras(calls=2)).doubts == ()


@pytest.mark.parametrize(
    ("elsewhere", "reason"),
    [
        (Elsewhere(model="acme-9"), "model_unknown"),
        (Elsewhere(provider="nobody"), "provider_unknown"),
        (Elsewhere(provider="deepseek"), "model_unknown"),
    ],
)
def test_what_is_not_sold_there_has_no_price_and_a_reason(elsewhere: Elsewhere, reason: str) -> None:
    supposed = suppose(elsewhere)
    assert (supposed.price.usd, supposed.price.reason) == (None, reason)


def test_passes_of_another_model_go_along_to_the_other_one() -> None:
    extras = Extras(passes=(Pass(TokenCounts(input=1_000, output=0), "claude-opus-4-6"),))
    counts = TokenCounts(input=3_000, output=0)
    assert suppose(Elsewhere(), counts, extras).price.usd == Decimal("0.011")  # 2,000 x 3 + 1,000 x 5
    assert suppose(Elsewhere(model="claude-haiku-4-5"), counts, extras).price.usd == Decimal("0.003")
