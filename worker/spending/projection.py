"""Where a budget's period will end: a point, an 80 % range, the chance of a breach and the day the limit is reached.

Pure: values in, values out. The worker calls it with a budget's daily spend and stores what comes back.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from statistics import NormalDist
from typing import Literal

from worker.spending.month_shape import MonthShape
from worker.spending.spend_level import SpendLevel, fit_level

Confidence = Literal["high", "medium", "low"]
METHOD = "weekday_level_v2"
NEEDED_DAYS = 7
MOVE_SLACK_DAYS = 3  # the windows that tell the age of a move are that far apart
_Z80 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class Projection:
    """Where a period will end. Amounts are tokens or micro-USD, as the history was."""

    spent: int
    projected: int
    low: int
    high: int
    breach_chance: float
    exhausted_on: date | None
    confidence: Confidence
    doubts: tuple[str, ...]
    complete_days: int
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class InsufficientHistory:
    """Too few complete days for a number: `spent` so far, the days that there are and those that it takes."""

    spent: int
    complete_days: int
    needed_days: int = NEEDED_DAYS
    method: str = "insufficient_history"


@dataclass(frozen=True, slots=True)
class SpendPeriod:
    """A budget's period and where in it we stand. `end` is the first day after it.

    `today` lies in the period; `elapsed_today` is the share of it that is over, 0 to 1. All dates are days in the
    budget's time zone.
    """

    start: date
    end: date
    today: date
    elapsed_today: float

    def __post_init__(self) -> None:
        if not self.start <= self.today < self.end:
            raise ValueError(f"today {self.today} is not in the period {self.start} to {self.end}")
        if not 0 <= self.elapsed_today <= 1:
            raise ValueError(f"elapsed_today is a share from 0 to 1, not {self.elapsed_today}")

    def days_left(self) -> list[tuple[date, float]]:
        """Today and the days after it, each with the share of it that is still to come."""
        later = [self.today + timedelta(days=n) for n in range(1, (self.end - self.today).days)]
        return [(self.today, 1 - self.elapsed_today), *((day, 1.0) for day in later)]

    def month_shape(self) -> MonthShape:
        """Where months begin: as this period does if it is a month, else on the first."""
        if not 28 <= (self.end - self.start).days <= 31:
            return MonthShape()
        is_last = (self.start + timedelta(days=1)).month != self.start.month
        begins_on = max(self.start.day, self.end.day) if is_last else self.start.day
        return MonthShape(begins_on, (self.start, self.end))


def project_spend(
    history: Iterable[tuple[date, int]], period: SpendPeriod, limit: int
) -> Projection | InsufficientHistory:
    """Project the end of `period` from daily spend.

    `history` is (day, amount) in any order, earlier periods included, today's with what it has so far; a day may
    come more than once, and a day that is missing after the first one spent nothing. Days after today are ignored.
    Formulas: docs/budgets.md. Raises ValueError on a negative amount or a limit that is not positive.
    """
    if limit <= 0:
        raise ValueError(f"a limit is positive, not {limit}")
    daily = sum_by_day(history, period.today)
    spent = sum(amount for day, amount in daily.items() if day >= period.start)
    complete = list_complete_days(daily, period.today)
    if len(complete) < NEEDED_DAYS:
        return InsufficientHistory(spent, len(complete))
    level = fit_level(complete, period.month_shape())
    mean, variance = expect_rest(level, period)
    doubts = find_doubts(level, len(complete), (period.today - period.start).days)
    low, high = (round(spent + part) for part in find_range(mean, variance))
    return Projection(
        spent=spent,
        projected=round(spent + mean),
        low=low,
        high=high,
        breach_chance=chance_above(limit - spent, mean, variance),
        exhausted_on=find_exhaustion(daily, level, period, limit),
        confidence=rate_confidence(doubts, spent + mean, high - low),
        doubts=doubts,
        complete_days=len(complete),
    )


def sum_by_day(history: Iterable[tuple[date, int]], today: date) -> dict[date, int]:
    """Spend by day up to today. Raises ValueError on a negative amount."""
    daily: dict[date, int] = {}
    for day, amount in history:
        if amount < 0:
            raise ValueError(f"spend of {day} is negative: {amount}")
        if day <= today:
            daily[day] = daily.get(day, 0) + amount
    return daily


def list_complete_days(daily: Mapping[date, int], today: date) -> list[tuple[date, int]]:
    """Every day from the first spend in `daily` to yesterday, in order, silent ones as 0.

    What comes before the first spend tells nothing of it; seven days are listed where `daily` has as many.
    """
    if not daily:
        return []
    spending = min((day for day, amount in daily.items() if amount > 0), default=today)
    first = max(min(daily), min(spending, today - timedelta(days=NEEDED_DAYS)))
    days = (first + timedelta(days=n) for n in range((today - first).days))
    return [(day, daily.get(day, 0)) for day in days]


def expect_rest(level: SpendLevel, period: SpendPeriod) -> tuple[float, float]:
    """Mean and variance of what is still to be spent in the period.

    The mean is what is expected of the days left; the variance adds the noise of each day, the error of the level and of
    its growth, the drift of the level over the days left, and that nobody knows when a pause ends.
    """
    left = [(day, share) for day, share in period.days_left() if share > 0]
    working = [level.expect(day) * share for day, share in left]
    returned = [level.returned(day) for day, _ in left]
    expected = [one * chance for one, chance in zip(working, returned, strict=True)]
    mean = sum(expected)
    tails = list(accumulate(reversed(expected)))[::-1]
    noise = level.noise**2 * sum(one**2 / share for one, (_, share) in zip(expected, left, strict=True))
    variance = noise + level.error**2 * mean**2 + level.drift**2 * sum(tail**2 for tail in tails)
    variance += sum((one * level.month.error_of(day)) ** 2 for one, (day, _) in zip(expected, left, strict=True))
    if level.growth:
        variance += level.growth.error**2 * sum(one * (n + 1) for n, one in enumerate(expected)) ** 2
    if level.paused:
        after = [*list(accumulate(reversed(working)))[::-1][1:], 0.0]
        squares = sum(c * w * (w + 2 * a) for c, w, a in zip(returned, working, after, strict=True))
        variance += squares - mean**2
    return mean, variance


def find_range(mean: float, variance: float) -> tuple[float, float]:
    """The 80 % range of what is still to be spent; it holds the mean, also where the noise is extreme."""
    return min(mean, quantile(mean, variance, -_Z80)), max(mean, quantile(mean, variance, _Z80))


def quantile(mean: float, variance: float, z: float) -> float:
    """Quantile, as a normal score, of the log-normal with this mean and variance (Fenton, 1960)."""
    if mean <= 0:
        return 0.0
    sigma = math.sqrt(math.log1p(variance / mean**2))
    return mean * math.exp(z * sigma - sigma**2 / 2)


def chance_above(room: float, mean: float, variance: float) -> float:
    """Chance that the same log-normal takes all the `room` that is left; 1 where there is none."""
    if room <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    sigma = math.sqrt(math.log1p(variance / mean**2))
    distance = math.log(room / mean) + sigma**2 / 2
    if sigma == 0:
        return 1.0 if distance <= 0 else 0.0
    return 1 - NormalDist().cdf(distance / sigma)


def find_exhaustion(daily: Mapping[date, int], level: SpendLevel, period: SpendPeriod, limit: int) -> date | None:
    """The day on which the limit was or will be reached, by the point projection; None when not in the period."""
    total = 0.0
    for day in sorted(day for day in daily if day >= period.start):
        total += daily[day]
        if total >= limit:
            return day
    for day, share in period.days_left():
        total += level.expect(day) * level.returned(day) * share
        if total >= limit:
            return day
    return None


def find_doubts(level: SpendLevel, complete_days: int, days_of_period: int) -> tuple[str, ...]:
    """Reasons not to trust the point: the level is moving, moved within the period, grows, or the history is short."""
    doubts = []
    if level.is_moving:
        doubts.append("level_is_moving")
    if level.moved is not None and level.moved <= days_of_period + MOVE_SLACK_DAYS:
        doubts.append("level_moved")
    if level.growth:
        doubts.append("level_is_growing" if level.growth.per_day > 0 else "level_is_falling")
    if level.paused:
        doubts.append("spend_is_paused")
    if complete_days < 2 * NEEDED_DAYS:
        doubts.append("under_two_weeks")
    elif complete_days < 4 * NEEDED_DAYS:
        doubts.append("under_four_weeks")
    return tuple(doubts)


def rate_confidence(doubts: Sequence[str], projected: float, width: float) -> Confidence:
    """One word for how far the point can be trusted; `width` is that of the 80 % range."""
    relative = width / projected if projected else 0.0
    if "level_is_moving" in doubts or "under_two_weeks" in doubts or relative > 0.6:
        return "low"
    return "medium" if doubts or relative > 0.25 else "high"
