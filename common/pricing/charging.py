"""Counts times rates: the tokens of text, then what has a rate of its own beside them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from common.pricing.counts import Extras, Rates, TokenCounts
from common.pricing.listed import ListedRates
from common.pricing.supplement import find_geo_factor

MILLION = Decimal(1_000_000)
MODALITIES = ("audio", "image", "video")


@dataclass(frozen=True, slots=True)
class Price:
    """What a call cost, or with `usd` None why that is not known.

    `reason` of an unpriced call is one of provider_unknown, model_unknown, rate_missing, rate_zero. Of a priced one it is
    what is not sure or not usual about the price, words with commas between: `free`; `flex_rate_unknown`, where a mode had to
    be charged as a standard call; `flex_rate_assumed`, where the catalog has its rates from a later day on;
    `web_searches_rate_unknown`, where something is in no price; `geo_rate_unknown`. `assumed_output_share` is set where the
    split of the tokens was assumed.
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

    def noting(self, *words: str) -> "Price":
        """The price with further words of what is not sure about it; one that is unpriced has its reason alone."""
        if self.usd is None or not any(words):
            return self
        return replace(self, reason=",".join(dict.fromkeys(word for word in (self.reason, *words) if word)))


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


def charge_listed(counts: TokenCounts, extras: Extras, listed: ListedRates) -> Price:
    """A call at the catalog's rates: text, modalities and reasoning with rates of their own, where it ran, and then what is
    no token: searches, seconds, the fee of a request."""
    size = counts.input // max(1, extras.calls)
    plain = charge_modalities(counts, extras.units, listed, size)
    if plain.usd is None and not (counts.total == 0 and extras.units):
        return plain
    factor = find_geo_factor(listed.provider, extras.geo)
    others, unknown = charge_others(extras, listed, size)
    usd = (plain.usd or Decimal(0)) * (1 if factor is None else factor) + others
    return replace(plain, usd=usd).noting(*(["geo_rate_unknown"] if factor is None else []), *unknown)


def charge_modalities(counts: TokenCounts, units: Mapping[str, int | Decimal], listed: ListedRates, size: int) -> Price:
    """The tokens of a call, those with a rate of their own at that; where a modality has none it costs what text does.
    `size`: the input by which the tier is found.

    What is taken out of the text costs as if it had been all there was of it, so that a model that has no rate for text
    of a kind that was not spent is priced too.
    """
    usd, text, rates = Decimal(0), counts, listed.of(size)
    for unit, kind, tokens in list_parts(counts, units):
        rate = listed.price_unit(unit, size)
        if rate is None and kind == "cached" and rates.cached is None:
            rate = listed.price_unit(unit.replace("cache_", "input_").replace("_read", ""), size)
        if rate is None or not tokens:
            continue
        taken = min(tokens, getattr(text, kind) - (text.cached + text.cache_write if kind == "input" else 0))
        usd += taken * rate
        text = take_out(text, kind, taken)
    price = charge(text, rates, "catalog")
    if price.reason == "rate_zero" and usd:
        price = Price(Decimal(0), "catalog", rates=rates)
    return price if price.usd is None else replace(price, usd=price.usd + usd)


def take_out(counts: TokenCounts, kind: str, tokens: int) -> TokenCounts:
    """The counts without some tokens of a kind; cached ones are in the input, and reasoning is not looked at any more."""
    if kind == "cached":
        return replace(counts, cached=counts.cached - tokens, input=counts.input - tokens)
    if kind == "output":
        return replace(counts, output=counts.output - tokens, reasoning=0)
    return replace(counts, input=counts.input - tokens)


def list_parts(counts: TokenCounts, units: Mapping[str, int | Decimal]) -> Iterator[tuple[str, str, int]]:
    """The parts of a call that may have a rate of their own: unit, the kind of token that it is a part of, how many."""
    for modality in MODALITIES:
        cached = int(units.get(f"cache_{modality}_read_tokens", 0))
        yield f"cache_{modality}_read_tokens", "cached", cached
        yield f"input_{modality}_tokens", "input", max(0, int(units.get(f"input_{modality}_tokens", 0)) - cached)
        yield f"output_{modality}_tokens", "output", int(units.get(f"output_{modality}_tokens", 0))
    yield "output_reasoning_tokens", "output", counts.reasoning
    yield "output_citation_tokens", "output", int(units.get("output_citation_tokens", 0))


def charge_others(extras: Extras, listed: ListedRates, size: int) -> tuple[Decimal, list[str]]:
    """What is no token, the fee of each request among it, and the words for what of it has no price."""
    usd, unknown = Decimal(0), list[str]()
    for unit, number in extras.units.items():
        if unit.endswith("_tokens") or not number:
            continue
        rate = listed.price_unit(unit, size)
        if rate is None:
            unknown.append(f"{unit}_rate_unknown")
        else:
            usd += number * rate
    return usd + (listed.price_unit("requests", size) or 0) * max(1, extras.calls), unknown


def to_micro_usd(usd: Decimal) -> int:
    """Whole micro-USD, half to even; a positive amount is at least 1. Convert sums, not the parts of a sum."""
    rounded = int((usd * MILLION).to_integral_value(ROUND_HALF_EVEN))
    return max(1, rounded) if usd > 0 else rounded
