"""What the catalog charges for a model at a moment, remembered: a batch asks the same a thousand times. Pure.

Prices of nearly all models change at midnight UTC only and are remembered by the UTC day; those of models with cheaper
hours are looked up for each call.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from common.pricing.catalog import find_model
from common.pricing.counts import Processing, Rates

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

Unlisted = Literal["provider_unknown", "model_unknown"]

_KEYS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


@dataclass(frozen=True, slots=True)
class ListedRates:
    """Rates of the catalog for a model, a mode and a moment; `base` is what they are below every tier.

    `lacks_batch_rate`: a batch, for which the catalog has no rate of its own at that time and gives the standard one.
    """

    base: Rates
    tiers: "tuple[tuple[str, TieredPrices], ...]" = ()
    lacks_batch_rate: bool = False

    def of(self, input_tokens: int) -> Rates:
        """A tier counts for the whole call once its input passes the tier's start."""
        if not self.tiers:
            return self.base
        return replace(self.base, **{kind: pick_tier(price, input_tokens) for kind, price in self.tiers})


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
    standard = found.get_prices(at)
    is_batch = processing is not Processing.standard
    prices = found.get_prices(at, {"processing": processing.value}) if is_batch else standard
    listed = {kind: getattr(prices, key) for kind, key in _KEYS.items()}
    return ListedRates(
        Rates(**{kind: read_base(price) for kind, price in listed.items()}),
        tuple((kind, price) for kind, price in listed.items() if not is_flat(price)),
        lacks_batch_rate=is_batch and bool(prices == standard),
    )


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


def read_base(price: object) -> Decimal | None:
    """The rate below every tier. Raises TypeError on a kind of price that is not known here."""
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
