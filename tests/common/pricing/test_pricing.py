"""A price is right at its moment, or said to be missing: nothing is 0 by accident."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.types import ModelInfo, Provider
from hypothesis import given
from hypothesis import strategies as st

from common import pricing
from common.pricing import (
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
        ("openrouter", "agentica-org/deepcoder-14b-preview:free", "rate_missing"),
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
@pytest.mark.parametrize("mode", Processing)
def test_every_anthropic_and_openai_model_has_a_price_or_is_unpriced(name: str, mode: Processing) -> None:
    provider, model = CHAT[name]
    for counts in (TokenCounts(1_000, 500), TokenCounts(300_000, 500, 20_000, 10_000, 0, 5_000), TokenCounts(1, 1)):
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
    return model.calc_price(usage, provider, genai_request_timestamp=NOW, price_context=context).total_price


@given(
    st.sampled_from(sorted(set(CHAT) - {f"openai:{name}" for name in PRICELESS})),
    st.tuples(*[st.integers(0, 400_000)] * 5),
    st.sampled_from(Processing),
)
def test_prices_are_those_of_the_library(name: str, parts: tuple[int, ...], mode: Processing) -> None:
    provider, model = CHAT[name]
    plain, cached, written, kept, output = parts
    counts = TokenCounts(plain + cached + written + kept, output, cached, written + kept, 0, kept)
    found = price_tokens(
        counts, provider=provider.id, model=REAL_NAMES.get(model.id, model.id), occurred_at=NOW, processing=mode
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
    with pytest.raises(UnknownProcessing, match="standard or batch, not 'bacth'"):
        price_tokens(counts, provider="", model="claude-haiku-4-5", occurred_at=NOW, processing="bacth")


def test_a_batch_without_a_rate_of_its_own_says_that_it_was_charged_as_standard() -> None:
    early = datetime(2026, 2, 1, tzinfo=UTC)  # the catalog knows batch rates of this model from October 2026 on
    found = price_tokens(
        TokenCounts(1_000_000, 0), provider="", model="claude-haiku-4-5", occurred_at=early, processing="batch"
    )
    assert (found.usd, found.reason) == (Decimal(1), "batch_rate_unknown")


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
