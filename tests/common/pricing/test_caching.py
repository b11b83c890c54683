"""What a cache is worth in a call, by hand at the rates of claude-sonnet-4-5: 3, 0.30 cached, 3.75 written, 6 for an hour."""

from datetime import UTC, datetime
from decimal import Decimal

from common.pricing import Extras, Price, TokenCounts, price_tokens
from common.pricing.caching import CacheWorth, measure_caching, measure_more_reads


def ask(counts: TokenCounts, extras: Extras | None, model: str = "claude-sonnet-4-5") -> Price:
    return price_tokens(counts, provider="", model=model, occurred_at=datetime(2026, 11, 3, tzinfo=UTC), extras=extras)


def test_reads_save_and_writes_add() -> None:
    counts = TokenCounts(input=10_000, cached=4_000, cache_write=1_000, output=2_000)
    worth = measure_caching(counts, None, ask)
    # 4,000 x 2.70 less 1,000 x 0.75
    assert worth == CacheWorth(Decimal("0.04995"), Decimal("0.0108"), Decimal("0.00075"))
    assert worth is not None
    assert worth.uncached_usd == Decimal("0.06")  # 10,000 x 3 + 2,000 x 15


def test_what_is_written_and_never_read_is_dearer_than_no_cache() -> None:
    worth = measure_caching(TokenCounts(input=1_000, cache_write=1_000, cache_write_1h=1_000, output=0), None, ask)
    assert worth == CacheWorth(Decimal("0.006"), Decimal(0), Decimal("0.003"))


def test_a_call_without_a_cache_saves_nothing_and_one_without_a_price_tells_nothing() -> None:
    plain = TokenCounts(input=1_000, output=0)
    assert measure_caching(plain, None, ask) == CacheWorth(Decimal("0.003"), Decimal(0), Decimal(0))
    assert measure_caching(plain, None, lambda counts, extras: ask(counts, extras, "acme-1")) is None


def test_cached_audio_is_plain_audio_without_a_cache() -> None:
    # gpt-4o-realtime-preview: audio 40, cached 2.50
    extras = Extras(units={"input_audio_tokens": 1_000, "cache_audio_read_tokens": 600})
    counts = TokenCounts(input=1_000, cached=600, output=0)
    worth = measure_caching(counts, extras, lambda some, beside: ask(some, beside, "gpt-4o-realtime-preview"))
    assert worth is not None
    assert (worth.cost_usd, worth.uncached_usd) == (Decimal("0.0175"), Decimal("0.04"))


def test_more_reads_are_taken_from_plain_input_and_then_from_what_was_written() -> None:
    plain = TokenCounts(input=8_000, cached=1_000, output=0)
    assert measure_more_reads(plain, None, 4_000, ask) == Decimal("0.0108")
    written = TokenCounts(input=5_000, cache_write=4_500, output=0)
    # 500 x 2.70 + 3,500 x 3.45
    assert measure_more_reads(written, None, 4_000, ask) == Decimal("0.013425")
