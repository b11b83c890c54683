"""A price is right at its moment, or said to be missing: nothing is 0 by accident."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from genai_prices import Usage
from genai_prices.types import ModelInfo, Provider
from hypothesis import given
from hypothesis import strategies as st

from common import pricing
from common.pricing import (
    Extras,
    Pass,
    Price,
    Processing,
    Rates,
    TokenCounts,
    UnknownProcessing,
    price_tokens,
    price_total,
    show_usd,
    to_micro_usd,
)
from common.pricing.catalog import load_catalog

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)  # the catalog knows the rates of modes from October on
REAL_NAMES = {"ft:gpt-4o": "ft:gpt-4o-2024-08-06:acme::1", "ft:gpt-4o-mini": "ft:gpt-4o-mini-2024-07-18:acme::1"}
CHAT = {
    f"{provider.id}:{model.id}": (provider, model)
    for provider in load_catalog()
    if provider.id in ("anthropic", "openai")
    for model in provider.models
}
PRICELESS = {
    "gpt-live-1",
    "gpt-live-transcribe",
    "gpt-realtime-translate",
    "gpt-realtime-whisper",
    "gpt-transcribe",
    "moderation",
    "text-embedding-3-large",  # these have no rate for output, and 500 tokens of output are asked for
    "text-embedding-3-small",
    "text-embedding-ada-002",
    "tts-1",
    "tts-1-hd",
    "whisper-1",
}


def price(counts: TokenCounts, model: str = "claude-haiku-4-5", provider: str = "", at: datetime = NOW) -> Price:
    return price_tokens(counts, provider=provider, model=model, occurred_at=at)


@pytest.mark.parametrize(
    ("total", "usd", "shown", "micro"), [(12_450, "0.03735", "$0.037", 37_350), (35_670, "0.10701", "$0.107", 107_010)]
)
def test_golden_totals_of_haiku_half_of_them_output(total: int, usd: str, shown: str, micro: int) -> None:
    found = price_total(total, provider="anthropic", model="haiku-4-5", occurred_at=NOW)
    assert found.usd == Decimal(usd)
    assert found.is_estimated
    assert found.assumed_output_share == Decimal("0.5")
    assert found.micro_usd == micro
    assert show_usd(found.usd) == shown
    assert price(TokenCounts(total // 2, total // 2)).usd == Decimal(usd)


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("anthropic", "claude-haiku-99", "model_unknown"),
        ("", "our-own-model", "model_unknown"),
        ("", "", "model_unknown"),
        ("our-gateway", "claude-haiku-4-5", "provider_unknown"),
        ("openai", "moderation", "rate_missing"),
        ("openai", "text-embedding-3-small", "rate_missing"),
        ("", "x" * 201, "model_unknown"),
    ],
)
def test_what_has_no_price_is_unpriced_with_the_reason(provider: str, model: str, reason: str) -> None:
    found = price(TokenCounts(1_000, 1_000), model, provider)
    assert (found.usd, found.micro_usd, found.source, found.reason) == (None, None, "unpriced", reason)
    assert show_usd(found.usd) == "unpriced"


def test_zeros_of_the_catalog_are_unpriced_and_zeros_of_an_override_are_free() -> None:
    nothing = Rates(Decimal(0), Decimal(0))
    assert pricing.charge(TokenCounts(5, 5), nothing, "catalog").reason == "rate_zero"
    assert pricing.charge(TokenCounts(5, 5), nothing, "override").usd == 0
    assert pricing.charge(TokenCounts(0, 0), nothing, "catalog").usd == 0


@pytest.mark.parametrize("name", sorted(CHAT))
def test_every_anthropic_and_openai_model_has_a_price_or_is_unpriced(name: str) -> None:
    provider, model = CHAT[name]
    sizes = (TokenCounts(1_000, 500), TokenCounts(300_000, 500, 20_000, 10_000, 0, 5_000), TokenCounts(1, 1))
    for counts, mode in product(sizes, Processing):
        for at in (datetime(2024, 1, 1, tzinfo=UTC), NOW, datetime(2026, 11, 1, tzinfo=UTC)):
            found = price_tokens(
                counts, provider=provider.id, model=REAL_NAMES.get(model.id, model.id), occurred_at=at, processing=mode
            )
            assert (found.usd is None) == (model.id in PRICELESS)
            assert found.usd is None or found.usd > 0


def ask_library(provider: Provider, model: ModelInfo, counts: TokenCounts, mode: Processing) -> Decimal:
    usage = Usage(
        input_tokens=counts.input,
        output_tokens=counts.output,
        cache_read_tokens=counts.cached,
        cache_write_tokens=counts.cache_write,
        cache_write_1h_tokens=counts.cache_write_1h,
    )
    context = {"processing": "batch"} if mode is Processing.batch else None
    return model.calc_price(usage, provider, genai_request_timestamp=NOVEMBER, price_context=context).total_price


@given(
    st.sampled_from(sorted(set(CHAT) - {f"openai:{name}" for name in PRICELESS})),
    st.tuples(*[st.integers(0, 400_000)] * 5),
    st.sampled_from((Processing.standard, Processing.batch)),
)
def test_prices_are_those_of_the_library(name: str, parts: tuple[int, ...], mode: Processing) -> None:
    provider, model = CHAT[name]
    plain, cached, written, kept, output = parts
    counts = TokenCounts(plain + cached + written + kept, output, cached, written + kept, 0, kept)
    found = price_tokens(
        counts, provider=provider.id, model=REAL_NAMES.get(model.id, model.id), occurred_at=NOVEMBER, processing=mode
    )
    assert found.usd == ask_library(provider, model, counts, mode)


def test_cached_tokens_are_part_of_the_input() -> None:
    found = price(TokenCounts(input=1_000_000, output=0, cached=600_000, cache_write=300_000, cache_write_1h=100_000))
    assert (
        found.usd
        == Decimal("0.1") * 1 + Decimal("0.6") * Decimal("0.1") + Decimal("0.2") * Decimal("1.25") + Decimal("0.1") * 2
    )


def test_batch_is_cheaper_and_an_unknown_mode_is_refused_before_the_catalog() -> None:
    counts = TokenCounts(1_000_000, 1_000_000)
    later = datetime(2026, 11, 1, tzinfo=UTC)
    batch = price_tokens(counts, provider="", model="claude-haiku-4-5", occurred_at=later, processing="batch")
    assert (batch.usd, batch.reason) == (Decimal(3), "")
    with pytest.raises(UnknownProcessing, match="standard, batch, flex, priority, fast, not 'bacth'"):
        price_tokens(counts, provider="", model="claude-haiku-4-5", occurred_at=NOW, processing="bacth")


def price_mode(model: str, mode: str, at: datetime) -> tuple[object, str]:
    found = price_tokens(TokenCounts(1_000_000, 0), provider="", model=model, occurred_at=at, processing=mode)
    return found.usd, found.reason


def test_a_mode_before_the_catalog_knew_it_costs_its_share_of_the_rate_of_then_and_says_so() -> None:
    assert price_mode("claude-haiku-4-5", "batch", NOW) == (Decimal("0.5"), "batch_rate_assumed")
    assert price_mode("gpt-5-mini", "priority", NOW) == (Decimal("0.45"), "priority_rate_assumed")
    before = datetime(2026, 3, 12, tzinfo=UTC)  # a long context cost twice as much then: so did a batch of it
    assert price_mode("claude-opus-4-6", "batch", before) == (Decimal(5), "batch_rate_assumed")


def test_a_mode_that_the_catalog_does_not_know_is_charged_as_standard_and_says_so() -> None:
    assert price_mode("claude-haiku-4-5", "flex", NOVEMBER) == (Decimal(1), "flex_rate_unknown")
    assert price_mode("gpt-4", "priority", NOVEMBER) == (Decimal(30), "priority_rate_unknown")


AUDIO = Extras({"input_audio_tokens": 600, "cache_audio_read_tokens": 200, "output_audio_tokens": 50})


@pytest.mark.parametrize(
    ("provider", "model", "counts", "extras", "usd", "reason"),
    [
        # 400 text at 4, 400 audio at 32, 200 cached audio at 0.4, 100 cached text at 0.4; 50 text at 16, 50 audio at 64
        ("", "gpt-realtime", TokenCounts(1_100, 100, 300), AUDIO, "0.01852", ""),
        # the modality of cached tokens is not told: text is taken as cached first
        ("", "gpt-realtime", TokenCounts(1_000, 0, 300), Extras({"input_audio_tokens": 600}), "0.01972", ""),
        ("", "gpt-4o", TokenCounts(1_000, 0), Extras({"input_image_tokens": 800}), "0.0025", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(0, 0), Extras({"web_searches": 2}), "0.02", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(1_000, 0), Extras({"code_executions": 2}), "0.003",
         "code_executions_rate_unknown"),
        ("openai", "whisper-1", TokenCounts(0, 0), Extras({"audio_seconds": 90}), "0.009", ""),
        ("perplexity", "sonar-pro", TokenCounts(1_000, 1_000), Extras(), "0.032", ""),
        ("perplexity", "sonar-pro", TokenCounts(1_000, 1_000), Extras(calls=3), "0.060", ""),
        ("perplexity", "sonar-deep-research", TokenCounts(1_000, 10_000, 0, 0, 6_000),
         Extras({"web_searches": 4, "output_citation_tokens": 1_000}), "0.066", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(400_000, 0), Extras(calls=4), "1.2", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(400_000, 0), Extras(), "2.4", ""),
        ("anthropic", "claude-sonnet-4-6", TokenCounts(1_000, 1_000), Extras({"web_searches": 1}, "us"), "0.0298", ""),
        ("anthropic", "claude-sonnet-4-6", TokenCounts(1_000, 1_000), Extras(geo="mars"), "0.018", "geo_rate_unknown"),
        ("openai", "gpt-4o", TokenCounts(1_000, 1_000), Extras(geo="us"), "0.0125", "geo_rate_unknown"),
        # a compaction is a call of its own: both are under the start of the tier that their sum is over
        ("anthropic", "claude-sonnet-4-5", TokenCounts(203_000, 4_500),
         Extras(passes=(Pass(TokenCounts(180_000, 3_500)),)), "0.6765", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(2_000, 200),
         Extras(passes=(Pass(TokenCounts(1_000, 100), "claude-opus-4-8"),)), "0.012", ""),
        ("anthropic", "claude-sonnet-4-5", TokenCounts(2_000, 200),
         Extras(passes=(Pass(TokenCounts(1_000, 100), "claude-opus-99"),)), None, "model_unknown"),
        ("", "openrouter/google/gemma-3-27b-it:free", TokenCounts(5, 5), None, "0", "free"),
    ],
)  # fmt: skip
def test_what_is_no_text_costs_what_it_is(
    provider: str, model: str, counts: TokenCounts, extras: Extras | None, usd: str | None, reason: str
) -> None:
    found = price_tokens(counts, provider=provider, model=model, occurred_at=NOVEMBER, extras=extras)
    assert (found.usd, found.reason) == (None if usd is None else Decimal(usd), reason)


def test_searches_cost_the_same_where_a_project_has_its_own_rates_for_tokens() -> None:
    own = pricing.RateOverride("claude-sonnet-4-5", Rates(Decimal(1), Decimal(1)), datetime(2026, 1, 1, tzinfo=UTC))
    found = price_tokens(
        TokenCounts(1_000, 0), provider="", model="claude-sonnet-4-5", occurred_at=NOVEMBER, overrides=[own],
        extras=Extras({"web_searches": 1}),
    )  # fmt: skip
    assert (found.usd, found.source) == (Decimal("0.011"), "override")


def test_a_price_that_changed_in_the_middle_of_a_month_is_that_of_the_call() -> None:
    counts = TokenCounts(300_000, 0)
    day = datetime(2026, 3, 13, tzinfo=UTC)
    assert price(counts, "claude-opus-4-6", at=day - timedelta(seconds=1)).usd == Decimal(3)
    assert price(counts, "claude-opus-4-6", at=day).usd == Decimal("1.5")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        price(TokenCounts(1, 1), at=datetime(2026, 2, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0.000"),
        ("0.0375", "$0.038"),
        ("0.0365", "$0.037"),
        ("1234.5", "$1,234.500"),
        ("0.00042", "$0.00042"),
        ("0.0000001", "$0.00000010"),
        ("0.0009999", "$0.00100"),
    ],
)
def test_what_is_shown(usd: str, shown: str) -> None:
    assert show_usd(Decimal(usd)) == shown


def test_micro_usd_never_lose_a_positive_amount() -> None:
    assert to_micro_usd(Decimal("0.0000001")) == 1
    assert to_micro_usd(Decimal("0.0000025")) == 2
    assert to_micro_usd(Decimal(0)) == 0
