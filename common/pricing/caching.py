"""What a provider's cache is worth in a call: the same tokens priced without it, and with more of it. Pure.

Prices are asked for by a function of counts and extras, so that all of one call are at one moment's rates of one seller.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from common.pricing.charging import Price
from common.pricing.counts import Extras, TokenCounts

Ask = Callable[[TokenCounts, Extras | None], Price]


@dataclass(frozen=True, slots=True)
class CacheWorth:
    """USD of one call. `reads_saved_usd`: what the cached tokens would have cost more as plain input. `writes_added_usd`:
    what the written ones cost more than as plain input; where writing is free it is 0."""

    cost_usd: Decimal
    reads_saved_usd: Decimal
    writes_added_usd: Decimal

    @property
    def uncached_usd(self) -> Decimal:
        """What the call would have cost without a cache."""
        return self.cost_usd + self.reads_saved_usd - self.writes_added_usd


def measure_caching(counts: TokenCounts, extras: Extras | None, ask: Ask) -> CacheWorth | None:
    """What caching was worth in a call; None where it has no price."""
    price = ask(counts, extras).usd
    if price is None:
        return None
    if not (counts.cached or counts.cache_write):
        return CacheWorth(price, Decimal(0), Decimal(0))
    unread = ask(drop_reads(counts), drop_cached_units(extras, drop_reads)).usd
    uncached = ask(drop_cache(counts), drop_cached_units(extras, drop_cache)).usd
    if unread is None or uncached is None:
        return None
    return CacheWorth(price, unread - price, unread - uncached)


def measure_more_reads(counts: TokenCounts, extras: Extras | None, tokens: int, ask: Ask) -> Decimal:
    """USD that a call would have cost less had so many more tokens of its input come out of the cache; taken from its plain
    input first, then from what it wrote. 0 where that has no price, or would have cost more."""
    rewritten = max(0, tokens - (counts.input - counts.cached - counts.cache_write))
    write = counts.cache_write - rewritten
    more = replace(
        counts, cached=counts.cached + tokens, cache_write=write, cache_write_1h=min(counts.cache_write_1h, write)
    )
    now, then = ask(counts, extras).usd, ask(more, extras).usd
    return Decimal(0) if now is None or then is None else max(Decimal(0), now - then)


def drop_reads(counts: TokenCounts) -> TokenCounts:
    return replace(counts, cached=0)


def drop_cache(counts: TokenCounts) -> TokenCounts:
    return replace(counts, cached=0, cache_write=0, cache_write_1h=0)


def drop_cached_units(extras: Extras | None, drop: Callable[[TokenCounts], TokenCounts]) -> Extras | None:
    """The same of what stands beside the counts: cached audio is plain audio, and passes lose their cache too."""
    if extras is None:
        return None
    units = {
        name: number
        for name, number in extras.units.items()
        if not (name.startswith("cache_") and name.endswith("_read_tokens"))
    }
    return replace(extras, units=units, passes=tuple(replace(one, counts=drop(one.counts)) for one in extras.passes))
