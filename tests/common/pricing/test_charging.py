"""What has a rate of its own is charged at that and once; the library that has the catalog comes to the same."""

from datetime import UTC, datetime
from decimal import Decimal

from genai_prices import Usage
from hypothesis import given
from hypothesis import strategies as st

from common.pricing.catalog import find_model, find_provider
from common.pricing.charging import Price, charge_listed, charge_others, list_parts
from common.pricing.counts import Extras, Processing, TokenCounts
from common.pricing.listed import ListedRates, find_rates

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MANY = (("openai", "gpt-realtime"), ("openai", "gpt-audio-mini"), ("google", "gemini-2.5-flash"),
        ("google", "gemini-3.8-live"), ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-image-1"))  # fmt: skip


def listed_of(provider: str, model: str) -> ListedRates:
    listed = find_rates(provider, model, NOW, Processing.standard)
    assert isinstance(listed, ListedRates)
    return listed


@given(st.sampled_from(MANY), st.tuples(*[st.integers(0, 50_000)] * 8), st.integers(0, 9))
def test_modalities_caches_and_searches_cost_what_the_library_says(
    which: tuple[str, str], parts: tuple[int, ...], searches: int
) -> None:
    text, audio, image, cached_text, cached_audio, cached_image, out_text, out_audio = parts
    cached = cached_text + cached_audio + cached_image
    counts = TokenCounts(text + audio + image + cached, out_text + out_audio, cached)
    units = {
        "input_audio_tokens": audio + cached_audio, "cache_audio_read_tokens": cached_audio,
        "input_image_tokens": image + cached_image, "cache_image_read_tokens": cached_image,
        "output_audio_tokens": out_audio,
    }  # fmt: skip
    provider, model = find_provider(which[0]), find_model(*which)
    assert provider
    assert not isinstance(model, str)
    listed = listed_of(*which)
    # where the catalog lacks a cached rate of a modality, it charges the cached rate of all; so do we
    told = charge_listed(counts, Extras({**units, "web_searches": searches}), listed)
    usage = Usage(input_tokens=counts.input, output_tokens=counts.output, cache_read_tokens=cached,
                  web_searches=searches, **units)  # fmt: skip
    expected = model.calc_price(usage, provider, genai_request_timestamp=NOW).total_price
    if told.usd is not None:
        assert told.usd == expected


def test_what_has_no_price_is_named_and_the_fee_of_requests_is_of_each() -> None:
    listed = listed_of("perplexity", "sonar")
    usd, unknown = charge_others(Extras({"code_executions": 1, "input_audio_tokens": 5}, calls=3), listed, 0)
    assert (usd, unknown) == (Decimal("0.036"), ["code_executions_rate_unknown"])


def test_words_stand_beside_a_price_once_and_an_unpriced_call_has_its_reason_alone() -> None:
    assert Price(Decimal(1), "catalog", "free").noting("", "free", "b").reason == "free,b"
    assert Price(None, "unpriced", "model_unknown").noting("b").reason == "model_unknown"


def test_the_parts_of_a_call_are_named_as_the_catalog_has_them() -> None:
    parts = {unit: number for unit, _, number in list_parts(TokenCounts(9, 9, 3, 0, 4), {"input_audio_tokens": 5})}
    assert (parts["input_audio_tokens"], parts["output_reasoning_tokens"], parts["cache_audio_read_tokens"]) == (
        5,
        4,
        0,
    )
