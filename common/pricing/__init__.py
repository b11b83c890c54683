"""What tokens cost: the one place that knows the price catalog.

Pure: counts, a model, a time and overrides in; a price or the reason why there is none out. A price is Decimal USD.
Nothing here is ever 0 because something was not known: that is `unpriced`, and its `usd` is None.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from common.pricing.catalog import load_catalog, name_model
from common.pricing.charging import Price, charge, charge_listed, charge_others, to_micro_usd
from common.pricing.counts import (
    ASSUMED_OUTPUT_SHARE,
    Extras,
    Pass,
    Processing,
    Rates,
    TokenCounts,
    UnknownProcessing,
    parse_processing,
    split_total,
)
from common.pricing.listed import find_rates
from common.pricing.naming import is_free
from common.pricing.overrides import RateOverride, find_doubtful_rates, find_override

__all__ = [
    "Extras",
    "Pass",
    "Price",
    "Processing",
    "RateOverride",
    "Rates",
    "TokenCounts",
    "UnknownProcessing",
    "charge",
    "find_doubtful_rates",
    "load_catalog",
    "makes_no_output",
    "name_model",
    "parse_processing",
    "price_tokens",
    "price_total",
    "show_usd",
    "split_total",
    "to_micro_usd",
]


def price_tokens(
    counts: TokenCounts,
    *,
    provider: str,
    model: str,
    occurred_at: datetime,
    processing: Processing | str = Processing.standard,
    overrides: Iterable[RateOverride] = (),
    extras: Extras | None = None,
) -> Price:
    """Price one call at the rates of the moment it happened.

    `provider` may be empty: it then follows from the model. Raises UnknownProcessing, and ValueError on a time
    without a zone.
    """
    if occurred_at.tzinfo is None:
        raise ValueError("occurred_at needs a time zone")
    mode = parse_processing(processing)
    if extras and extras.passes:
        return price_passes(counts, extras, provider, model, occurred_at, mode, tuple(overrides))
    return price_pass(counts, extras, provider, model, occurred_at, mode, overrides)


def price_passes(
    counts: TokenCounts,
    extras: Extras,
    provider: str,
    model: str,
    at: datetime,
    mode: Processing,
    overrides: tuple[RateOverride, ...],
) -> Price:
    """A call and the passes beside it: each is in a tier of its own, and may be of another model."""
    rest = replace(extras, passes=())
    price = price_pass(subtract_passes(counts, extras.passes), rest, provider, model, at, mode, overrides)
    beside = Extras(geo=extras.geo)
    for one in extras.passes:
        other = price_pass(one.counts, beside, provider, one.model or model, at, mode, overrides)
        if price.usd is None or other.usd is None:
            return price if price.usd is None else other
        price = replace(price, usd=price.usd + other.usd).noting(other.reason)
    return price


def subtract_passes(counts: TokenCounts, passes: Iterable[Pass]) -> TokenCounts:
    """What is left of a call without the passes that are in its counts."""
    left = {name: getattr(counts, name) for name in TokenCounts.__dataclass_fields__}
    for one in passes:
        left = {name: number - getattr(one.counts, name) for name, number in left.items()}
    return TokenCounts(**left)


def price_pass(
    counts: TokenCounts,
    extras: Extras | None,
    provider: str,
    model: str,
    at: datetime,
    mode: Processing,
    overrides: Iterable[RateOverride],
) -> Price:
    """One pass: by an override, which has rates of tokens alone, else by the catalog; nothing where the name says free."""
    override = find_override(overrides, provider, model, at, mode)
    if override is None and is_free(model):
        return Price(Decimal(0), "catalog", "free")
    listed = None if override and not extras else find_rates(provider, model, at, mode)
    if override:
        price = charge(counts, override.rates, "override")
        if extras and price.usd is not None and listed is not None and not isinstance(listed, str):
            others, unknown = charge_others(extras, listed, counts.input)
            return replace(price, usd=price.usd + others).noting(*unknown)
        return price
    if listed is None or isinstance(listed, str):
        return Price(None, "unpriced", listed or "model_unknown")
    if extras is None and not listed.has_more_than_text:
        price = charge(counts, listed.of(counts.input), "catalog")
        return price.noting(listed.note) if listed.note else price
    return charge_listed(counts, extras or Extras(), listed).noting(listed.note)


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


def makes_no_output(provider: str, model: str, at: datetime) -> bool:
    """Whether the catalog has a rate for a model's input and none for output: all of its tokens are input."""
    listed = find_rates(provider, model, at, Processing.standard)
    return not isinstance(listed, str) and listed.base.output is None and listed.base.input is not None


def show_usd(usd: Decimal | None) -> str:
    """As people read it: $0.037. Three decimals, half up; below a tenth of a cent two digits, so never $0.000."""
    if usd is None:
        return "unpriced"
    if usd and abs(usd) < Decimal("0.001"):
        return f"${usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1), ROUND_HALF_UP):f}"
    return f"${usd.quantize(Decimal('0.001'), ROUND_HALF_UP):,f}"
