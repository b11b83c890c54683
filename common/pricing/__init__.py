"""What tokens cost: the one place that knows the price catalog.

Pure: counts, a model, a time and overrides in; a price or the reason why there is none out. A price is Decimal USD.
Nothing here is ever 0 because something was not known: that is `unpriced`, and its `usd` is None.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Literal

from common.pricing.catalog import load_catalog, name_model
from common.pricing.counts import (
    ASSUMED_OUTPUT_SHARE,
    Processing,
    Rates,
    TokenCounts,
    UnknownProcessing,
    parse_processing,
    split_total,
)
from common.pricing.listed import find_rates
from common.pricing.overrides import RateOverride, find_doubtful_rates, find_override

__all__ = [
    "Price",
    "Processing",
    "RateOverride",
    "Rates",
    "TokenCounts",
    "UnknownProcessing",
    "find_doubtful_rates",
    "load_catalog",
    "name_model",
    "parse_processing",
    "price_tokens",
    "price_total",
    "show_usd",
    "split_total",
    "to_micro_usd",
]

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """What a call cost, or with `usd` None why that is not known.

    `reason` of an unpriced call is one of provider_unknown, model_unknown, rate_missing, rate_zero; of a priced one it
    is empty, or batch_rate_unknown where a batch had to be charged as a standard call. `assumed_output_share` is
    set where the split of the tokens was assumed.
    """

    usd: Decimal | None
    source: Literal["catalog", "override", "unpriced"]
    reason: str = ""
    rates: Rates | None = None
    assumed_output_share: Decimal | None = None

    @property
    def is_estimated(self) -> bool:
        """Whether the split of the tokens was assumed."""
        return self.assumed_output_share is not None

    @property
    def micro_usd(self) -> int | None:
        """Whole micro-USD; see `to_micro_usd`."""
        return None if self.usd is None else to_micro_usd(self.usd)


def price_tokens(
    counts: TokenCounts,
    *,
    provider: str,
    model: str,
    occurred_at: datetime,
    processing: Processing | str = Processing.standard,
    overrides: Iterable[RateOverride] = (),
) -> Price:
    """Price one call at the rates of the moment it happened.

    `provider` may be empty: it then follows from the model. Raises UnknownProcessing, and ValueError on a time
    without a zone.
    """
    if occurred_at.tzinfo is None:
        raise ValueError("occurred_at needs a time zone")
    mode = parse_processing(processing)
    override = find_override(overrides, provider, model, occurred_at, mode)
    if override:
        return charge(counts, override.rates, "override")
    listed = find_rates(provider, model, occurred_at, mode)
    if isinstance(listed, str):
        return Price(None, "unpriced", listed)
    price = charge(counts, listed.of(counts.input), "catalog")
    if price.usd and listed.lacks_batch_rate:
        return replace(price, reason="batch_rate_unknown")
    return price


def price_total(
    total: int,
    *,
    provider: str,
    model: str,
    occurred_at: datetime,
    processing: Processing | str = Processing.standard,
    overrides: Iterable[RateOverride] = (),
    output_share: Decimal = ASSUMED_OUTPUT_SHARE,
) -> Price:
    """Price a total whose split is not known: `output_share` of it, rounded up, is taken as output. Estimated."""
    price = price_tokens(
        split_total(total, output_share),
        provider=provider,
        model=model,
        occurred_at=occurred_at,
        processing=processing,
        overrides=overrides,
    )
    return replace(price, assumed_output_share=output_share)


def charge(counts: TokenCounts, rates: Rates, source: Literal["catalog", "override"]) -> Price:
    """Counts times rates. Unpriced where a rate is missing, or where the catalog has only zeros for what was spent."""
    usd = Decimal(0)
    for tokens, rate in pair_rates(counts, rates):
        if rate is None:
            return Price(None, "unpriced", "rate_missing", rates)
        usd += tokens * rate / MILLION
    if usd == 0 and counts.total and source == "catalog":
        return Price(None, "unpriced", "rate_zero", rates)
    return Price(usd, source, rates=rates)


def pair_rates(counts: TokenCounts, rates: Rates) -> Iterator[tuple[int, Decimal | None]]:
    """Each kind of token that was spent, with its rate."""
    cached = rates.input if rates.cached is None else rates.cached
    written = rates.input if rates.cache_write is None else rates.cache_write
    kept = written if rates.cache_write_1h is None else rates.cache_write_1h
    pairs = (
        (counts.input - counts.cached - counts.cache_write, rates.input),
        (counts.cached, cached),
        (counts.cache_write - counts.cache_write_1h, written),
        (counts.cache_write_1h, kept),
        (counts.output, rates.output),
    )
    return ((tokens, rate) for tokens, rate in pairs if tokens)


def to_micro_usd(usd: Decimal) -> int:
    """Whole micro-USD, half to even; a positive amount is at least 1. Convert sums, not the parts of a sum."""
    rounded = int((usd * MILLION).to_integral_value(ROUND_HALF_EVEN))
    return max(1, rounded) if usd > 0 else rounded


def show_usd(usd: Decimal | None) -> str:
    """As people read it: $0.037. Three decimals, half up; below a tenth of a cent two digits, so never $0.000."""
    if usd is None:
        return "unpriced"
    if usd and abs(usd) < Decimal("0.001"):
        return f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1), ROUND_HALF_UP):f}"
    return f"${usd.quantize(Decimal('0.001'), ROUND_HALF_UP):,f}"
