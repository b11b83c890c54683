"""What a day of spend looks like: its level, weekday factors, noise and drift. The base of a projection; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

HALF_LIFE_DAYS = 10.0
WEEKDAY_WINDOW_DAYS = 70
DRIFT_PER_DAY = 0.015
RECENT_DAYS = 7
MOVED_SCORES, MOVED_SHARE = 3.0, 0.2
_WEEKEND = (5, 6)

Days = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class SpendLevel:
    """A day's expected spend is `level * factors[weekday]`.

    `noise`: standard deviation of a day, relative to its expectation. `error`: relative standard error of the level.
    `drift`: relative standard deviation that the level moves by per day. `is_moving`: the last week is clearly off
    the weeks before it.
    """

    level: float
    factors: tuple[float, ...]
    noise: float
    error: float
    drift: float
    is_moving: bool

    def expect(self, day: date) -> float:
        """Expected spend of a whole day."""
        return self.level * self.factors[day.weekday()]


def fit_level(days: Days) -> SpendLevel:
    """Fit to consecutive complete days, oldest first, at least seven."""
    factors = fit_weekday_factors(days[-WEEKDAY_WINDOW_DAYS:])
    weights = [0.5 ** (age / HALF_LIFE_DAYS) for age in range(len(days) - 1, -1, -1)]
    level = weigh_level(days, factors, weights)
    if level == 0:
        return SpendLevel(0.0, factors, 0.0, 0.0, DRIFT_PER_DAY, is_moving=False)
    noise = measure_noise(days, factors, level, weights)
    shares = [weight * factors[day.weekday()] for (day, _), weight in zip(days, weights, strict=True)]
    error = noise * math.sqrt(sum(share**2 for share in shares)) / sum(shares)
    return SpendLevel(level, factors, noise, error, DRIFT_PER_DAY, has_moved(days, factors, noise))


def weigh_level(days: Days, factors: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted spend over weighted factors: a quiet weekday counts for little, where a mean of ratios would shout."""
    spend = sum(weight * amount for (_, amount), weight in zip(days, weights, strict=True))
    expected = sum(weight * factors[day.weekday()] for (day, _), weight in zip(days, weights, strict=True))
    return spend / expected if expected else 0.0


def measure_noise(days: Days, factors: Sequence[float], level: float, weights: Sequence[float]) -> float:
    """Standard deviation of a day relative to its expectation, weighted as the level is; days in groups by size."""
    squares = expected = used = 0.0
    for (day, amount), weight in zip(days, weights, strict=True):
        mean = level * factors[day.weekday()]
        squares += weight * (amount - mean) ** 2
        expected += weight * mean**2
        used += weight**2
    count = sum(weights) ** 2 / used
    return math.sqrt(squares / expected * count / max(count - 1, 1))


def fit_weekday_factors(days: Days) -> tuple[float, ...]:
    """Seven factors with mean 1, Monday first.

    Each weekday's mean is drawn to its group's (workdays, weekend), and the groups' to the whole, as far as the noise
    within them explains the difference (empirical Bayes, James and Stein 1961): a team that works every day alike
    gets ones, one that rests at weekends gets nearly what it showed.
    """
    whole = fmean(amount for _, amount in days)
    if whole == 0:
        return (1.0,) * 7
    ratios: list[list[float]] = [[] for _ in range(7)]
    for day, amount in days:
        ratios[day.weekday()].append(amount / whole)
    groups = [[n for n in range(7) if n not in _WEEKEND], list(_WEEKEND)]
    group_values = [[ratio for n in group for ratio in ratios[n]] for group in groups]
    group_means = draw_to_centre(group_values, [5, 2])
    factors = [0.0] * 7
    for group, mean in zip(groups, group_means, strict=True):
        for n, one in zip(group, draw_to_centre([ratios[n] for n in group], [1] * len(group)), strict=True):
            factors[n] = max(0.0, mean + one - fmean([r for k in group for r in ratios[k]]))
    total = sum(factors)
    return tuple(7 * factor / total for factor in factors)


def draw_to_centre(samples: Sequence[Sequence[float]], sizes: Sequence[int]) -> list[float]:
    """Means of the samples, drawn to their common centre by the share of their spread that noise explains."""
    means = [fmean(sample) for sample in samples]
    centre = sum(mean * size for mean, size in zip(means, sizes, strict=True)) / sum(sizes)
    freedom = sum(len(sample) - 1 for sample in samples)
    if freedom < 1:
        return [centre] * len(samples)
    within = sum((value - mean) ** 2 for sample, mean in zip(samples, means, strict=True) for value in sample) / freedom
    spread = sum(len(s) * (mean - centre) ** 2 for s, mean in zip(samples, means, strict=True)) / (len(samples) - 1)
    kept = max(0.0, 1 - within / spread) if spread else 0.0
    return [centre + kept * (mean - centre) for mean in means]


def has_moved(days: Days, factors: Sequence[float], noise: float) -> bool:
    """Whether the last week's level is off that of the four weeks before it, by size and against the noise."""
    recent, before = days[-RECENT_DAYS:], days[-5 * RECENT_DAYS : -RECENT_DAYS]
    if len(before) < RECENT_DAYS:
        return False
    new, old = (weigh_level(part, factors, [1.0] * len(part)) for part in (recent, before))
    if old == 0:
        return new > 0
    change = new / old - 1
    scatter = noise * math.sqrt(1 / len(recent) + 1 / len(before))
    return abs(change) > MOVED_SHARE and abs(change) > MOVED_SCORES * scatter
