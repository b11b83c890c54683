"""What tokens cost: the one place that knows the price catalog (`genai-prices`, its data as installed, never updated).

Pure: counts, a model, a time and overrides in; a price or the reason why there is none out. A price is Decimal USD.
Nothing here is ever 0 because something was not known: that is `unpriced`, and its `usd` is None.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, Provider

MILLION = Decimal(1_000_000)
MODEL_MAX_CHARS = 200
OFF_BY = 10
PLAUSIBLE_USD_PER_MILLION = (Decimal("0.001"), Decimal(1000))
ASSUMED_OUTPUT_SHARE = Decimal("0.5")
_GATEWAYS = frozenset({"", "litellm"})
_CLAUDE_FAMILY = re.compile(r"(?:haiku|sonnet|opus|fable|mythos)-")
_BEDROCK_CLAUDE = re.compile(r"(?:[a-z-]+\.)?anthropic\.(claude-[^:]+?)(?:-v\d+)?(?::\d+)?$")


class UnknownProcessing(ValueError):
    """A processing mode that is not standard or batch. The catalog would take it and give the full price."""


class Processing(StrEnum):
    """How the provider worked the call off."""

    standard = "standard"
    batch = "batch"


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of one call. `input` holds `cached` and `cache_write`; `output` holds `reasoning`.

    `cache_write_1h` is the part of `cache_write` that is kept for an hour, which some providers charge more for.
    Raises ValueError where a part is negative or larger than its whole.
    """

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} tokens are negative: {getattr(self, name)}")
        if self.cached + self.cache_write > self.input:
            raise ValueError(f"{self.cached} cached and {self.cache_write} written tokens do not fit in {self.input}")
        if self.reasoning > self.output:
            raise ValueError(f"{self.reasoning} reasoning tokens do not fit in {self.output} of output")
        if self.cache_write_1h > self.cache_write:
            raise ValueError(f"{self.cache_write_1h} tokens kept an hour do not fit in {self.cache_write} written")

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens; None where there is no rate. Without a cache rate, cached input costs what input does."""

    input: Decimal | None
    output: Decimal | None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None


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


@dataclass(frozen=True, slots=True)
class Price:
    """What a call cost, or with `usd` None why that is not known.

    `reason` of an unpriced call is one of provider_unknown, model_unknown, rate_missing, rate_zero; of a priced one it
    is empty, or batch_rate_unknown where a batch had to be charged as a standard call. `is_estimated`: the split of
    the tokens was assumed.
    """

    usd: Decimal | None
    source: Literal["catalog", "override", "unpriced"]
    reason: str = ""
    rates: Rates | None = None
    is_estimated: bool = False

    @property
    def micro_usd(self) -> int | None:
        """Whole micro-USD; see `to_micro_usd`."""
        return None if self.usd is None else to_micro_usd(self.usd)


def parse_processing(text: str) -> Processing:
    """The mode of that name. Raises UnknownProcessing, which names the two that there are."""
    try:
        return Processing(text)
    except ValueError as error:
        raise UnknownProcessing(f"processing is standard or batch, not {text[:40]!r}") from error


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
    found = find_model(provider, model)
    if isinstance(found, str):
        return Price(None, "unpriced", found)
    price = charge(counts, read_rates(found, occurred_at, mode, counts.input), "catalog")
    if price.usd and mode is Processing.batch and not has_batch_rate(found, occurred_at):
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
    return replace(price, is_estimated=True)


def split_total(total: int, output_share: Decimal = ASSUMED_OUTPUT_SHARE) -> TokenCounts:
    """Counts of a total at an assumed share of output, 0 to 1. Raises ValueError outside of that."""
    if not 0 <= output_share <= 1:
        raise ValueError(f"a share is from 0 to 1, not {output_share}")
    output = int((total * output_share).to_integral_value(ROUND_HALF_UP))
    return TokenCounts(input=total - output, output=output)


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


def find_override(
    overrides: Iterable[RateOverride], provider: str, model: str, at: datetime, processing: Processing
) -> RateOverride | None:
    """The override of that moment; of several the one that began last."""
    names = frozenset(list_names(provider, model))
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
    found = find_model(override.provider, override.model)
    known = None if isinstance(found, str) else read_rates(found, override.starts_at, override.processing, 0)
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


def read_rates(model: "ModelInfo", at: datetime, processing: Processing, input_tokens: int) -> Rates:
    """Rates of the catalog at that time; a tier counts for the whole call once its input passes the tier's start."""
    context = {"processing": processing.value} if processing is not Processing.standard else None
    prices = model.get_prices(at.astimezone(UTC), context)
    flat = {
        name: pick_tier(getattr(prices, f"{key}_mtok"), input_tokens)
        for name, key in (
            ("input", "input"),
            ("output", "output"),
            ("cached", "cache_read"),
            ("cache_write", "cache_write"),
            ("cache_write_1h", "cache_write_1h"),
        )
    }
    return Rates(**flat)


def has_batch_rate(model: "ModelInfo", at: datetime) -> bool:
    """Whether the catalog has a rate of its own for batches at that time; without one it gives the standard rate."""
    at = at.astimezone(UTC)
    return bool(model.get_prices(at, {"processing": "batch"}) != model.get_prices(at))


def pick_tier(price: object, input_tokens: int) -> Decimal | None:
    """A flat rate as it is, of tiers the one that the input falls in."""
    if price is None or isinstance(price, Decimal):
        return price
    from genai_prices.types import TieredPrices

    if not isinstance(price, TieredPrices):
        raise TypeError(f"the catalog has a rate of a kind that is not known here: {price!r}")
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base


@cache
def load_catalog() -> "tuple[Provider, ...]":
    """The providers of the catalog as installed. Takes 0.5 s the first time."""
    from genai_prices.data_snapshot import get_snapshot

    return tuple(get_snapshot().providers)


# bounded, and past the library's own lookup, which remembers every name that it is ever asked for
@lru_cache(maxsize=4096)
def find_model(provider: str, model: str) -> "ModelInfo | Literal['provider_unknown', 'model_unknown']":
    """The catalog's entry for any spelling of a model, or why there is none."""
    if len(model) > MODEL_MAX_CHARS or len(provider) > MODEL_MAX_CHARS:
        return "model_unknown"
    if spell(provider) in _GATEWAYS:
        return find_anywhere(model) or "model_unknown"
    home = find_provider(provider)
    if home is None:
        return "provider_unknown"
    found = (home.find_model(name, all_providers=list(load_catalog())) for name in list_spellings(model))
    return next((one for one in found if one), "model_unknown")


def find_anywhere(model: str) -> "ModelInfo | None":
    """The entry of a model without a provider: of the one that its prefix names, else of the one whose model it is."""
    prefix, _, tail = spell(model).partition("/")
    home = find_provider(prefix) if tail else None
    if home and (found := home.find_model(tail)):
        return found
    for name in list_spellings(model):
        for one in load_catalog():
            if one.model_match and one.model_match.is_match(name) and (found := one.find_model(name)):
                return found
    return None


def find_provider(name: str) -> "Provider | None":
    """The catalog's provider of that name or one of its other names (`bedrock` is `aws`)."""
    from genai_prices.data_snapshot import find_provider_by_id

    return find_provider_by_id(list(load_catalog()), name)


def spell(name: str) -> str:
    """Lower case, hyphens for spaces and underscores."""
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def list_spellings(model: str) -> list[str]:
    """How the catalog may know a model: as written, without a provider's prefix, with `claude-` before its family."""
    names = [spell(model)]
    names += [name.rpartition("/")[2] for name in names if "/" in name]
    names += [match[1] for name in names if (match := _BEDROCK_CLAUDE.match(name))]
    names += [f"claude-{name}" for name in names if _CLAUDE_FAMILY.match(name)]
    return names


def list_names(provider: str, model: str) -> list[str]:
    """Every name that an override may call a model by: its spellings and the catalog's id."""
    found = find_model(provider, model)
    return [*list_spellings(model), *([] if isinstance(found, str) else [found.id])]


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
