"""What a day of spend looks like: its level, weekday factors, noise and drift. The base of a projection; pure."""

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import fmean, stdev

from worker.spending.month_shape import MonthShape, fit_month
from worker.spending.spend_changes import PAUSE_DAYS, SHORT_DAYS, Growth, comes_in_runs, find_growth, find_pauses

HALF_LIFE_DAYS, HALF_LIFE_OF_RUNS = 14.0, 90.0
WEEKDAY_WINDOW_DAYS = 70
NOISE_WINDOW_DAYS = 90
DRIFT_PER_DAY, DRIFT_WHILE_MOVING = 0.015, 0.06
MOVE_WINDOWS_DAYS = (4, 7, 10, 14, 21, 28)
BEFORE_MOVE_DAYS = 28
MOVE_SCORES, MOVE_SHARE = 3.5, 0.15
MOVING_DAYS = 14
BEFORE_MOVE_WEIGHT = 0.03
QUIET_FACTOR = 0.1
LONG_PAUSE_DAYS = 5
CORRELATED_DAYS = 7
_WEEKEND = (5, 6)
_FITTED = 3  # the level and the two groups of weekdays

Days = Sequence[tuple[date, int]]


@dataclass(frozen=True, slots=True)
class SpendLevel:
    """A day's expected spend is its level times the factors of its weekday and of its place in the month.

    `last`: the day that `level` is of. `noise`: standard deviation of a day, relative to its expectation. `error`: relative
    standard error of the level. `drift`: relative standard deviation that the level moves by per day. `moved`: how many
    days ago the level clearly moved. `growth`: where it grows steadily. `paused`: days that an unusual silence has lasted.
    """

    last: date
    level: float
    factors: tuple[float, ...]
    month: MonthShape
    noise: float
    error: float
    drift: float
    moved: int | None = None
    growth: Growth | None = None
    paused: int = 0

    @property
    def is_moving(self) -> bool:
        """Whether the last days are clearly off the weeks before them."""
        is_new = self.growth is not None and self.growth.days <= SHORT_DAYS
        return is_new or self.paused > 0 or (self.moved is not None and self.moved <= MOVING_DAYS)

    def expect(self, day: date) -> float:
        """Expected spend of a whole day after the last one, should no pause hold on."""
        carried = self.growth.carry((day - self.last).days) if self.growth else 1.0
        return self.level * self.factors[day.weekday()] * self.month.factor(day) * carried

    def returned(self, day: date) -> float:
        """Chance that a pause is over by that day: what has lasted k days lasts over n more in k of k + n cases."""
        ahead = (day - self.last).days
        return ahead / (self.paused + ahead) if self.paused else 1.0


def fit_level(days: Days, month: MonthShape | None = None) -> SpendLevel:
    """Fit to consecutive complete days, oldest first, at least seven; `month` says where months begin.

    Where the level moved, what came before the move hardly counts. A long pause counts for nothing, unless pauses are a
    habit: then they are noise, in runs, and no move.
    """
    month = month or MonthShape()
    factors = fit_weekday_factors(days[-WEEKDAY_WINDOW_DAYS:])
    told = [float(factors[day.weekday()] > QUIET_FACTOR) for day, _ in days]
    ratios = list_ratios(days, factors, month)
    pauses = find_pauses(ratios, told)
    in_runs = comes_in_runs(pauses, len(days))
    paused = 0
    if not in_runs:
        paused = leave_out_pauses(pauses, told)
        if any(end - first >= LONG_PAUSE_DAYS for first, end in pauses):
            kept = [n for n in range(len(days)) if not any(first <= n < end for first, end in pauses)]
            if len({days[n][0].weekday() for n in kept[-WEEKDAY_WINDOW_DAYS:]}) == 7:
                factors = fit_weekday_factors([days[n] for n in kept[-WEEKDAY_WINDOW_DAYS:]])
        month = fit_month([day for day, _ in days], list_ratios(days, factors, month), told, month)
        if not month.is_plain:
            plain = [(day, amount / (month.factor(day) or 1)) for day, amount in days]
            factors = fit_weekday_factors(plain[-WEEKDAY_WINDOW_DAYS:])
        ratios = list_ratios(days, factors, month)
    said = [one * min(1.0, factors[day.weekday()]) for one, (day, _) in zip(told, days, strict=True)]
    growth = None if in_runs else find_growth(ratios, said)
    moved = None if in_runs or growth else find_move(ratios, told)
    left_out = [n for first, end in pauses for n in range(first, end) if not any(told[first:end])]
    return weigh_days(days, factors, month, moved, growth, paused, in_runs, set(left_out))


def leave_out_pauses(pauses: Sequence[tuple[int, int]], told: list[float]) -> int:
    """Take their weight (in `told`, changed in place) from the days of long pauses, and of one that lasts; gives how many days
    that one has lasted, 0 for none."""
    paused = 0
    for first, end in pauses:
        silent = sum(told[first:end])
        if end == len(told) and silent >= PAUSE_DAYS and first >= 7:
            paused = end - first
        elif silent < LONG_PAUSE_DAYS:
            continue
        told[first:end] = [0.0] * (end - first)
    return paused


def weigh_days(
    days: Days,
    factors: tuple[float, ...],
    month: MonthShape,
    moved: int | None,
    growth: Growth | None,
    paused: int,
    in_runs: bool,
    left_out: set[int],
) -> SpendLevel:
    """The level of the last day, its noise and its error, by what is known of its changes."""
    last = len(days) - 1
    half_life = HALF_LIFE_OF_RUNS if in_runs else HALF_LIFE_DAYS
    weights = [
        0.0 if n in left_out else math.pow(0.5, (last - n) / half_life)
        * (1 if moved is None or last - n < moved else BEFORE_MOVE_WEIGHT)
        for n in range(len(days))
    ]  # fmt: skip
    shapes = [factors[day.weekday()] * month.factor(day) for day, _ in days]
    if growth:
        shapes = [shape * math.exp(growth.per_day * (n - last)) for n, shape in enumerate(shapes)]
    amounts = [amount for _, amount in days]
    level = weigh_level(amounts, shapes, weights)
    drift = DRIFT_PER_DAY
    if moved is not None:
        drift = max(DRIFT_PER_DAY, DRIFT_WHILE_MOVING * MOVE_WINDOWS_DAYS[0] / moved)
    made = SpendLevel(days[-1][0], level, factors, month, 0.0, 0.0, drift, moved, growth, paused)
    if level == 0:
        return made
    since = NOISE_WINDOW_DAYS if moved is None else max(moved, 7)
    used = [n for n in range(len(days))[-since:] if n not in left_out]
    if len(used) <= _FITTED:
        used = list(range(len(days)))
    recent, their = [amounts[n] for n in used], [shapes[n] for n in used]
    even = weigh_level(recent, their, [1.0] * len(recent))
    noise = measure_noise(recent, [even * shape for shape in their])
    if in_runs:
        noise *= math.sqrt(measure_runs(recent, [even * shape for shape in their]))
    shares = [weight * shape for weight, shape in zip(weights, shapes, strict=True)]
    error = noise * math.sqrt(sum(share**2 for share in shares)) / sum(shares)
    return replace(made, noise=noise, error=error)


def list_ratios(days: Days, factors: Sequence[float], month: MonthShape) -> list[float]:
    """Spend over the factors of weekday and month; 0 where those are 0."""
    shapes = [factors[day.weekday()] * month.factor(day) for day, _ in days]
    return [amount / shape if shape else 0.0 for (_, amount), shape in zip(days, shapes, strict=True)]


def weigh_level(amounts: Sequence[float], shapes: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted spend over weighted factors: a quiet weekday counts for little, where a mean of ratios would shout."""
    expected = multiply(weights, shapes)
    return multiply(weights, amounts) / expected if expected else 0.0


def multiply(one: Iterable[float], other: Iterable[float]) -> float:
    """The scalar product; of two lengths the shorter one."""
    return math.fsum(map(operator.mul, one, other))


def measure_noise(amounts: Sequence[float], means: Sequence[float]) -> float:
    """Standard deviation of a day relative to its expectation, with one standard error of its variance on top.

    Big days weigh more, as they do in what is spent. The standard error of a variance is its size times
    sqrt((kurtosis - 1) / n): few days and rare bursts make a sample look calmer than its source is.
    """
    squares = [(amount - mean) ** 2 for amount, mean in zip(amounts, means, strict=True)]
    expected, total = sum(mean**2 for mean in means), sum(squares)
    if expected == 0 or total == 0:
        return 0.0
    count = len(amounts)
    kurtosis = max(3.0, count * sum(square**2 for square in squares) / total**2)
    variance = total / expected * count / (count - _FITTED)
    return math.sqrt(variance * (1 + math.sqrt((kurtosis - 1) / count)))


def measure_runs(amounts: Sequence[float], means: Sequence[float]) -> float:
    """How much more a sum of days varies than if each were by itself, at least 1 (Newey and West, 1987).

    With one standard error on top: of days that hang together there are only as many as there are runs.
    """
    off = [amount - mean for amount, mean in zip(amounts, means, strict=True)]
    total = multiply(off, off)
    if total == 0:
        return 1.0
    more = sum(
        (1 - lag / (CORRELATED_DAYS + 1)) * multiply(off[lag:], off[:-lag]) / total
        for lag in range(1, min(CORRELATED_DAYS, len(off) - 1) + 1)
    )
    return max(1.0, 1 + 2 * more) * (1 + math.sqrt(2 * (CORRELATED_DAYS + 1) / len(off)))


def fit_weekday_factors(days: Sequence[tuple[date, float]]) -> tuple[float, ...]:
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


def find_move(ratios: Sequence[float], weights: Sequence[float]) -> int | None:
    """How many days ago the level clearly left that of the four weeks before, or None.

    Compares means of square roots, which a single burst moves little, over several windows; the clearest one counts.
    Days of weight 0 say nothing.
    """
    roots = {
        age: math.sqrt(ratio)
        for age, (ratio, weight) in enumerate(zip(reversed(ratios), reversed(weights), strict=True))
        if weight > 0
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
