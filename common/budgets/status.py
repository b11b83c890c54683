"""What a budget's figures mean: used, reserve, state, thresholds, and the band of tokens per deliverable. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

DEFAULT_THRESHOLDS = (Decimal(80), Decimal(90), Decimal(100))
BAND_OK_MAX_TOKENS, BAND_WATCH_MAX_TOKENS = 5_000, 6_000

Amount = int | Decimal


class BudgetState(StrEnum):
    """Where a budget stands: under its thresholds, over one, over the last one below 100 %, at the limit or over."""

    ok = "ok"
    warn = "warn"
    critical = "critical"
    exceeded = "exceeded"


class Band(StrEnum):
    """How many tokens a finished deliverable took: up to 5K, up to 6K, more."""

    ok = "ok"
    watch = "watch"
    alert = "alert"


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget's figures. Percents are exact; `reserve_percent` is 0 where more than the limit was used."""

    used: Amount
    limit: Amount
    used_percent: Decimal
    reserve_percent: Decimal
    state: BudgetState
    crossed: tuple[Decimal, ...]


def read_status(used: Amount, limit: Amount, thresholds: Sequence[Decimal] = DEFAULT_THRESHOLDS) -> BudgetStatus:
    """The figures of a budget; `used` and `limit` are of one unit, tokens or USD.

    Raises ValueError where the limit is not positive, the use negative or a threshold out of place.
    """
    check_thresholds(thresholds)
    if limit <= 0 or used < 0:
        raise ValueError(f"a limit is positive and its use not negative: {used} of {limit}")
    percent = 100 * Decimal(used) / Decimal(limit)
    return BudgetStatus(
        used=used,
        limit=limit,
        used_percent=percent,
        reserve_percent=max(Decimal(0), 100 - percent),
        state=name_state(used, limit, thresholds),
        crossed=list_crossed(used, limit, thresholds),
    )


def list_crossed(used: Amount, limit: Amount, thresholds: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """The thresholds that are reached, lowest first. By multiplication, so that 80 % of a limit is 80 % exactly."""
    return tuple(sorted(one for one in thresholds if 100 * Decimal(used) >= one * Decimal(limit)))


def name_state(used: Amount, limit: Amount, thresholds: Sequence[Decimal]) -> BudgetState:
    """One word for where a budget stands."""
    crossed = list_crossed(used, limit, thresholds)
    if used >= limit:
        return BudgetState.exceeded
    return name_level(crossed[-1], thresholds) if crossed else BudgetState.ok


def name_level(threshold: Decimal, thresholds: Sequence[Decimal]) -> BudgetState:
    """The state that crossing a threshold leads to: exceeded from 100 on, critical at the last of several before it."""
    before = sorted(one for one in thresholds if one < 100)
    if threshold >= 100:
        return BudgetState.exceeded
    return BudgetState.critical if len(before) > 1 and threshold == before[-1] else BudgetState.warn


def check_thresholds(thresholds: Sequence[Decimal]) -> None:
    """Raises ValueError unless there are one to ten thresholds, each over 0 and up to 1000 percent, none twice."""
    if not 1 <= len(thresholds) <= 10 or len(set(thresholds)) < len(thresholds):
        raise ValueError("a budget has one to ten thresholds, each once")
    if not all(one.is_finite() and 0 < one <= 1000 for one in thresholds):
        raise ValueError("a threshold is a percentage over 0 and up to 1000")


def name_band(
    tokens_per_deliverable: Amount,
    ok_max: int = BAND_OK_MAX_TOKENS,
    watch_max: int = BAND_WATCH_MAX_TOKENS,
) -> Band:
    """The band, judged before any rounding: 6,000 is watch, one token more in the mean is alert."""
    if tokens_per_deliverable <= ok_max:
        return Band.ok
    return Band.watch if tokens_per_deliverable <= watch_max else Band.alert


def divide_tokens(tokens: int, deliverables: int) -> Decimal | None:
    """Tokens per deliverable, None where nothing was finished."""
    return Decimal(tokens) / deliverables if deliverables else None


def show_percent(percent: Decimal) -> str:
    """63.3 %: one decimal, half up; never 100.0 where the limit is not reached, nor 0.0 where something is left."""
    shown = percent.quantize(Decimal("0.1"), ROUND_HALF_UP)
    if percent < 100 <= shown:
        shown = Decimal("99.9")
    if percent > 0 == shown:
        shown = Decimal("0.1")
    return f"{shown:f} %"


def show_kilo(tokens: Amount) -> str:
    """3.1K: thousands with one decimal, half up; under a thousand as it is."""
    if tokens < 1000:
        return f"{Decimal(tokens).quantize(Decimal(1), ROUND_HALF_UP):f}"
    return f"{(Decimal(tokens) / 1000).quantize(Decimal('0.1'), ROUND_HALF_UP):,f}K"
