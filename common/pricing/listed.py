"""What the catalog charges for a model at a moment, remembered: a batch asks the same a thousand times. Pure.

Prices of nearly all models change at midnight UTC only and are remembered by the UTC day; those of models with cheaper
hours are looked up for each call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from common.pricing.catalog import find_home, find_model
from common.pricing.counts import Processing, Rates
from common.pricing.supplement import find_mode_factor

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

Unlisted = Literal["provider_unknown", "model_unknown"]

_KEYS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}
_OF_RATES = frozenset(_KEYS.values())
# What the catalog calls each mode: providers have several words for one.
_CONTEXTS: dict[Processing, dict[str, str]] = {
    Processing.batch: {"processing": "batch"},
    Processing.flex: {"service_tier": "flex"},
    Processing.priority: {"service_tier": "priority"},
    Processing.fast: {"speed": "fast", "service_tier": "fast"},
}


@dataclass(frozen=True, slots=True)
class ListedRates:
    """Rates of the catalog for a model, a mode and a moment; `base` is what they are below every tier.

    `units` are the prices of what is no plain text token, each for one unit, by the catalog's names of them.
    `note`: what is not sure about the mode: batch_rate_unknown (there is none, so these are the standard ones) or
    batch_rate_assumed (the catalog knows the mode's rates from a later day on), and so for each mode.
    """

    base: Rates
    tiers: "tuple[tuple[str, TieredPrices], ...]" = ()
    note: str = ""
    provider: str = ""
    units: "Mapping[str, Decimal | TieredPrices]" = field(default_factory=dict)

    def of(self, input_tokens: int) -> Rates:
        """A tier counts for the whole call once its input passes the tier's start."""
        if not self.tiers:
            return self.base
        return replace(self.base, **{kind: pick_tier(price, input_tokens) for kind, price in self.tiers})

    def price_unit(self, unit: str, input_tokens: int) -> Decimal | None:
        """USD for one of a unit; None where the catalog has no price of its own for it."""
        price = self.units.get(unit)
        return price if price is None or isinstance(price, Decimal) else pick_tier(price, input_tokens)

    @property
    def has_more_than_text(self) -> bool:
        """Whether a call of nothing but text may cost more than its tokens at these rates: a fee for each request, a rate
        of its own for reasoning."""
        return "requests" in self.units or "output_reasoning_tokens" in self.units


def find_rates(provider: str, model: str, at: datetime, processing: Processing) -> ListedRates | Unlisted:
    """The catalog's rates for any spelling of a model, or why there are none."""
    at = at.astimezone(UTC)
    if changes_within_days(provider, model):
        return list_rates(provider, model, at, processing)
    return list_rates_of_day(provider, model, at.date(), processing)


@lru_cache(maxsize=4096)
def list_rates_of_day(provider: str, model: str, day: date, processing: Processing) -> ListedRates | Unlisted:
    """The rates from a UTC midnight to the next, of a model whose prices change at no other time."""
    return list_rates(provider, model, datetime.combine(day, time(), UTC), processing)


def list_rates(provider: str, model: str, at: datetime, processing: Processing) -> ListedRates | Unlisted:
    """The rates of exactly that moment."""
    found = find_model(provider, model)
    if isinstance(found, str):
        return found
    prices, note = find_prices(found, at, processing)
    listed = {kind: prices.get(key) for kind, key in _KEYS.items()}
    return ListedRates(
        Rates(**{kind: read_base(price) for kind, price in listed.items()}),
        tuple((kind, price) for kind, price in listed.items() if price is not None and not is_flat(price)),
        note,
        find_home(provider, model),
        dict(list_units(prices)),
    )


def find_prices(found: "ModelInfo", at: datetime, processing: Processing) -> tuple[dict[str, Any], str]:
    """The prices of a model in a mode by the catalog's keys, and what is not sure about them."""
    standard = read_prices(found.get_prices(at))
    if processing is Processing.standard:
        return standard, ""
    own = read_prices(found.get_prices(at, _CONTEXTS[processing]))
    if own != standard:
        return own, ""
    if (factor := find_mode_factor(found.id, processing)) is not None:
        return {key: scale(price, factor) if key in _OF_RATES else price for key, price in standard.items()}, ""
    later = find_later(found, at, processing)
    if not later:
        return standard, f"{processing}_rate_unknown"
    return {key: later.get(key, price) for key, price in standard.items()}, f"{processing}_rate_assumed"


def find_later(found: "ModelInfo", at: datetime, processing: Processing) -> dict[str, Any]:
    """What a mode would have cost before the catalog noted it: in the same proportion to the standard rates as on the first
    day that it knows. Providers had these modes before, and the standard rate would be up to twice too high."""
    from genai_prices.types import StartDateConstraint

    context = _CONTEXTS[processing]
    starts = [
        datetime.combine(one.constraint.start_date, time(), UTC)
        for one in found.price_variants or ()
        if isinstance(one.constraint, StartDateConstraint)
        and all(context.get(key) == value for key, value in one.when.items())
    ]
    first = min((start for start in starts if start > at), default=None)
    if first is None:
        return {}
    standard, own = read_prices(found.get_prices(first)), read_prices(found.get_prices(first, context))
    factors = {key: read_base(own[key]) / base for key in own.keys() & standard if (base := read_base(standard[key]))}
    now = read_prices(found.get_prices(at))
    return {key: scale(price, factors[key]) for key, price in now.items() if factors.get(key, 1) != 1}


def scale(price: Any, factor: Decimal) -> Any:
    """A price times a factor, in each of its tiers."""
    from genai_prices.types import Tier, TieredPrices

    if price is None or isinstance(price, Decimal):
        return price and price * factor
    return TieredPrices(price.base * factor, [Tier(tier.start, tier.price * factor) for tier in price.tiers])


def divide(price: Any, per: int) -> Any:
    """The price of one where that of `per` is listed, in each of its tiers."""
    from genai_prices.types import Tier, TieredPrices

    if isinstance(price, Decimal):
        return price / per
    return TieredPrices(price.base / per, [Tier(tier.start, tier.price / per) for tier in price.tiers])


def read_prices(prices: "ModelPrice") -> dict[str, Any]:
    """What is there of a price, by the catalog's keys."""
    return {key: price for key, price in vars(prices).items() if price is not None and not key.startswith("_")}


def list_units(prices: Mapping[str, Any]) -> "Iterator[tuple[str, Decimal | TieredPrices]]":
    """Name and price of one of each unit that has a price and is no plain text token."""
    units = list_known_units()
    for key, price in prices.items():
        if key not in _OF_RATES and key in units:
            name, per = units[key]
            yield name, divide(price, per)


@cache
def list_known_units() -> dict[str, tuple[str, int]]:
    """Of each key of a price the unit, and how many of it the price is for."""
    from genai_prices.data_units import unit_data

    return {unit["price_key"]: (name, unit["per"]) for name, unit in unit_data.items()}


@lru_cache(maxsize=4096)
def changes_within_days(provider: str, model: str) -> bool:
    """Whether a price of the model depends on more than the UTC day."""
    from genai_prices.types import StartDateConstraint

    found = find_model(provider, model)
    if isinstance(found, str):
        return False
    dated = [*(found.prices if isinstance(found.prices, list) else ()), *(found.price_variants or ())]
    return any(not isinstance(one.constraint, StartDateConstraint | None) for one in dated)


def is_flat(price: object) -> bool:
    return price is None or isinstance(price, Decimal)


def read_base(price: object) -> Any:
    """The rate below every tier, a Decimal or None. Raises TypeError on a kind of price that is not known here."""
    if price is None or isinstance(price, Decimal):
        return price
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        raise TypeError(f"the catalog has a rate of a kind that is not known here: {price!r}")
    return price.base


def pick_tier(price: "TieredPrices", input_tokens: int) -> Decimal:
    """The rate of the tier that the input falls in."""
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base
