"""What a call that was made would have cost elsewhere: on another model, at another provider, in another mode. Pure.

The tokens are those of the call that was made: another model cuts the same text into other tokens and answers at other
length, and nobody knows how before it is tried.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from common.pricing import price_tokens
from common.pricing.catalog import find_model, name_model
from common.pricing.charging import MODALITIES, Price
from common.pricing.counts import Extras, Processing, Rates, TokenCounts
from common.pricing.listed import find_rates
from common.pricing.overrides import RateOverride


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where calls would have gone. What is not said stays as it was, but that of another model without a provider its own
    maker is the seller, and that another provider is asked for the model by the name that all of them know."""

    model: str = ""
    provider: str = ""
    processing: Processing | None = None

    def replace_source(self, provider: str, model: str, processing: str) -> tuple[str, str, Processing]:
        """Provider, model and mode of a call as it would have been made."""
        mode = self.processing or Processing(processing)
        if self.model:
            return self.provider, self.model, mode
        if self.provider:
            return self.provider, name_model(provider, model), mode
        return provider, model, mode


@dataclass(frozen=True, slots=True)
class Supposed:
    """A price, and `doubts`: words for what of the call was priced otherwise than it was spent, each once."""

    price: Price
    doubts: tuple[str, ...] = ()


def suppose_price(
    counts: TokenCounts,
    extras: Extras | None,
    elsewhere: Elsewhere,
    *,
    provider: str,
    model: str,
    processing: str,
    occurred_at: datetime,
    overrides: Iterable[RateOverride] = (),
) -> Supposed:
    """What the same tokens would have cost at that moment. Without a price the reason is that of `Price`.

    Doubts are those of the price, and: `cached_as_input`, `cache_write_as_input`, `cache_write_1h_as_cache_write` where the
    other model has no rate for that class; `input_audio_tokens_as_text` and so on for a modality; `over_context_window`
    where the call is longer than what the other model reads.
    """
    provider, model, mode = elsewhere.replace_source(provider, model, processing)
    if extras and elsewhere.model:
        extras = replace(extras, passes=tuple(replace(one, model="") for one in extras.passes))
    price = price_tokens(
        counts,
        provider=provider,
        model=model,
        occurred_at=occurred_at,
        processing=mode,
        overrides=overrides,
        extras=extras,
    )
    if price.usd is None:
        return Supposed(price)
    doubts = [word for word in price.reason.split(",") if word]
    doubts += list_missing_classes(counts, price.rates)
    if price.source == "catalog":
        doubts += list_missing_modalities(extras, provider, model, occurred_at, mode)
    if is_over_window(counts, extras, provider, model):
        doubts.append("over_context_window")
    return Supposed(price, tuple(dict.fromkeys(doubts)))


def list_missing_classes(counts: TokenCounts, rates: Rates | None) -> Iterator[str]:
    """Which classes of input cost what another one does, for want of a rate of their own."""
    if rates is None:
        return
    if counts.cached and rates.cached is None:
        yield "cached_as_input"
    if counts.cache_write and rates.cache_write is None:
        yield "cache_write_as_input"
    elif counts.cache_write_1h and rates.cache_write_1h is None:
        yield "cache_write_1h_as_cache_write"


def list_missing_modalities(
    extras: Extras | None, provider: str, model: str, at: datetime, mode: Processing
) -> Iterator[str]:
    """Which tokens of audio, images and video cost what text does."""
    listed = find_rates(provider, model, at, mode) if extras else "model_unknown"
    if extras is None or isinstance(listed, str):
        return
    for modality in MODALITIES:
        for unit in (f"input_{modality}_tokens", f"output_{modality}_tokens"):
            if extras.units.get(unit) and listed.price_unit(unit, 0) is None:
                yield f"{unit}_as_text"


def is_over_window(counts: TokenCounts, extras: Extras | None, provider: str, model: str) -> bool:
    """Whether the mean call is longer than the model reads, as far as the catalog says how much that is."""
    found = find_model(provider, model)
    if isinstance(found, str) or not found.context_window:
        return False
    beside = sum(one.counts.input for one in extras.passes) if extras else 0
    return (counts.input - beside) // max(1, extras.calls if extras else 1) > found.context_window
