"""Rates that a project sets itself: which one counts for a call, and which ones look like a slip. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from common.pricing.catalog import find_model
from common.pricing.counts import Processing, Rates
from common.pricing.listed import find_rates
from common.pricing.naming import list_spellings, spell

OFF_BY = 10
PLAUSIBLE_USD_PER_MILLION = (Decimal("0.001"), Decimal(1000))


@dataclass(frozen=True, slots=True)
class RateOverride:
    """Rates that win over the catalog from `starts_at` until before `ends_at` (None: for good).

    An empty `provider` means any. A batch call takes batch overrides only, a standard one standard ones only.
    """

    model: str
    rates: Rates
    starts_at: datetime
    ends_at: datetime | None = None
    provider: str = ""
    processing: Processing = Processing.standard


def find_override(
    overrides: Iterable[RateOverride], provider: str, model: str, at: datetime, processing: Processing
) -> RateOverride | None:
    """The override of that moment; of several the one that began last."""
    names = list_names(provider, model)
    provider = spell(provider)
    fitting = [
        one
        for one in overrides
        if one.starts_at <= at
        and (one.ends_at is None or at < one.ends_at)
        and one.processing is processing
        and spell(one.provider) in ("", provider)
        and not names.isdisjoint(list_spellings(one.model))
    ]
    return max(fitting, key=lambda one: one.starts_at, default=None)


def find_doubtful_rates(override: RateOverride) -> tuple[str, ...]:
    """Why an override needs `confirm`: rates ten times off the catalog's at its start, zero, or out of all bounds.

    Empty: nothing to confirm.
    """
    listed = find_rates(override.provider, override.model, override.starts_at, override.processing)
    known = None if isinstance(listed, str) else listed.base
    doubts = []
    for name in ("input", "output", "cached", "cache_write", "cache_write_1h"):
        rate, usual = getattr(override.rates, name), getattr(known, name, None)
        doubt = None if rate is None else doubt_rate(rate, usual)
        if doubt:
            doubts.append(f"{name}: {doubt}")
    return tuple(doubts)


def doubt_rate(rate: Decimal, usual: Decimal | None) -> str:
    """What is odd about a rate, or nothing. Raises ValueError on one that is negative or no number."""
    if not rate.is_finite() or rate < 0:
        raise ValueError(f"a rate is a number that is not negative, not {rate}")
    if rate == 0:
        return "free"
    if usual and (rate >= OFF_BY * usual or rate * OFF_BY <= usual):
        return f"{rate} USD per million where the catalog has {usual}"
    low, high = PLAUSIBLE_USD_PER_MILLION
    return "" if usual or low <= rate <= high else f"{rate} USD per million is outside {low} to {high}"


@lru_cache(maxsize=2048)
def list_names(provider: str, model: str) -> frozenset[str]:
    """Every name that an override may call a model by: its spellings and the catalog's id."""
    found = find_model(provider, model)
    return frozenset([*list_spellings(model), *([] if isinstance(found, str) else [found.id])])
