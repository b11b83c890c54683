"""What a day of spend looks like: its level, weekday factors, noise and drift. The base of a projection; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean, stdev

HALF_LIFE_DAYS = 14.0
WEEKDAY_WINDOW_DAYS = 70
NOISE_WINDOW_DAYS = 90
DRIFT_PER_DAY, DRIFT_WHILE_MOVING = 0.015, 0.06
MOVE_WINDOWS_DAYS = (4, 7, 10, 14)
BEFORE_MOVE_DAYS = 28
MOVE_SCORES, MOVE_SHARE = 3.5, 0.15
BEFORE_MOVE_WEIGHT = 0.03
QUIET_FACTOR = 0.1
_WEEKEND = (5, 6)
_FITTED = 3  # the level and the two groups of weekdays

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
    """Fit to consecutive complete days, oldest first, at least seven.

    Where the level moved a few days ago, what came before the move hardly counts.
    """
    factors = fit_weekday_factors(days[-WEEKDAY_WINDOW_DAYS:])
    moved = find_move(days, factors)
    weights = [
        0.5 ** (age / HALF_LIFE_DAYS) * (1 if moved is None or age < moved else BEFORE_MOVE_WEIGHT)
        for age in range(len(days) - 1, -1, -1)
    ]
    level = weigh_level(days, factors, weights)
    drift = DRIFT_PER_DAY if moved is None else DRIFT_WHILE_MOVING
    if level == 0:
        return SpendLevel(0.0, factors, 0.0, 0.0, drift, moved is not None)
    recent = days[-NOISE_WINDOW_DAYS:] if moved is None else days[-max(moved, 7) :]
    noise = measure_noise(recent, factors, weigh_level(recent, factors, [1.0] * len(recent)))
    shares = [weight * factors[day.weekday()] for (day, _), weight in zip(days, weights, strict=True)]
    error = noise * math.sqrt(sum(share**2 for share in shares)) / sum(shares)
    return SpendLevel(level, factors, noise, error, drift, moved is not None)


def weigh_level(days: Days, factors: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted spend over weighted factors: a quiet weekday counts for little, where a mean of ratios would shout."""
    spend = sum(weight * amount for (_, amount), weight in zip(days, weights, strict=True))
    expected = sum(weight * factors[day.weekday()] for (day, _), weight in zip(days, weights, strict=True))
    return spend / expected if expected else 0.0


def measure_noise(days: Days, factors: Sequence[float], level: float) -> float:
    """Standard deviation of a day relative to its expectation, with one standard error of its variance on top.

    Big days weigh more, as they do in what is spent. The standard error of a variance is its size times
    sqrt((kurtosis - 1) / n): few days and rare bursts make a sample look calmer than its source is.
    """
    means = [level * factors[day.weekday()] for day, _ in days]
    squares = [(amount - mean) ** 2 for (_, amount), mean in zip(days, means, strict=True)]
    expected, total = sum(mean**2 for mean in means), sum(squares)
    if expected == 0 or total == 0:
        return 0.0
    kurtosis = max(3.0, len(days) * sum(square**2 for square in squares) / total**2)
    variance = total / expected * len(days) / (len(days) - _FITTED)
    return math.sqrt(variance * (1 + math.sqrt((kurtosis - 1) / len(days))))


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
    """Means of the samples, drawn to their common centre by the share of their spread that noise explains.

    The noise is taken one standard error larger than it looks, so that a few days prove no weekday.
    """
    means = [fmean(sample) for sample in samples]
    centre = sum(mean * size for mean, size in zip(means, sizes, strict=True)) / sum(sizes)
    freedom = sum(len(sample) - 1 for sample in samples)
    if freedom < 1:
        return [centre] * len(samples)
    within = sum((value - mean) ** 2 for sample, mean in zip(samples, means, strict=True) for value in sample) / freedom
    spread = sum(len(s) * (mean - centre) ** 2 for s, mean in zip(samples, means, strict=True)) / (len(samples) - 1)
    unsure = 1 + math.sqrt(2 / freedom)
    kept = max(0.0, 1 - unsure * within / spread) if spread else 0.0
    return [centre + kept * (mean - centre) for mean in means]


def find_move(days: Days, factors: Sequence[float]) -> int | None:
    """How many days ago the level clearly left that of the four weeks before, or None.

    Compares means of square roots, which a single burst moves little, over several windows; the clearest one counts.
    Weekdays that are nearly silent say nothing.
    """
    roots = {
        age: math.sqrt(amount / factors[day.weekday()])
        for age, (day, amount) in enumerate(reversed(days))
        if factors[day.weekday()] > QUIET_FACTOR
    }
    best, found = MOVE_SCORES, None
    for window in MOVE_WINDOWS_DAYS:
        recent = [root for age, root in roots.items() if age < window]
        before = [root for age, root in roots.items() if window <= age < window + BEFORE_MOVE_DAYS]
        if len(recent) < 3 or len(before) < 10:
            continue
        change, score = compare_means(before, recent)
        if change > MOVE_SHARE and score > best:
            best, found = score, window
    return found


def compare_means(before: Sequence[float], recent: Sequence[float]) -> tuple[float, float]:
    """How far the level moved, relative (the roots squared), and the t score of that against the noise before.

    The recent day that is furthest off is left out: one burst is no move.
    """
    old = fmean(before)
    rest = sorted(recent, key=lambda root: abs(root - old))[:-1]
    new = fmean(rest)
    if old == 0:
        return (math.inf, math.inf) if new > 0 else (0.0, 0.0)
    scatter = stdev(before) * math.sqrt(1 / len(before) + 1 / len(rest))
    change = abs((new / old) ** 2 - 1)
    return change, abs(new - old) / scatter if scatter else math.inf
