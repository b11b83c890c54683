"""How a level of spend changes: it moves, it grows, it pauses, it comes in runs. Pure; the base of `spend_level`.

All take `ratios`: spend of consecutive days, oldest first, over the factors of weekday and month, so that an even level
gives equal ratios; `weights`: how much each day says, 0 for one that is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

SILENT_SHARE = 0.15
RUN_DAYS = 2
INTERMITTENT_RUNS, INTERMITTENT_SHARE = 3, 0.15
PAUSE_DAYS = 3
GROWTH_WINDOWS_DAYS = (84, 56, 28, 21)
GROWTH_SCORES, SHORT_DAYS, SHORT_SCORES = 3.0, 28, 3.5
WANDERING_PER_DAY = 0.015
_STEPS, _MOST_PER_DAY, _LEAST_OF_STEP, _CLOSE = 6, 0.1, 3, 2e-5


@dataclass(frozen=True, slots=True)
class Growth:
    """Relative growth a day, its standard error, and over how many days it was steady."""

    per_day: float
    error: float
    days: int

    def carry(self, ahead: int) -> float:
        """The level `ahead` days after the last one, relative: growth of n days is expected to wane over as many."""
        kept = 1 - 1 / self.days
        return math.exp(self.per_day * kept * (1 - kept**ahead) * self.days)


def find_pauses(ratios: Sequence[float], weights: Sequence[float]) -> list[tuple[int, int]]:
    """Runs of silent days as (first, end): under 15 % of a busy day. Days without weight belong to what is around them."""
    told = [ratio for ratio, weight in zip(ratios, weights, strict=True) if weight > 0]
    if not told or not any(told):
        return []
    half = fmean(told) / 2
    silent = SILENT_SHARE * fmean(ratio for ratio in told if ratio > half)
    runs: list[tuple[int, int]] = []
    begun = None
    for n, (ratio, weight) in enumerate(zip(ratios, weights, strict=True)):
        if weight > 0 and ratio >= silent:
            if begun is not None:
                runs.append((begun, n))
            begun = None
        elif begun is None and weight > 0:
            begun = n
    if begun is not None:
        runs.append((begun, len(ratios)))
    return [(first, end) for first, end in runs if end - first >= RUN_DAYS]


def comes_in_runs(pauses: Sequence[tuple[int, int]], days: int) -> bool:
    """Whether silence is a habit: several pauses, and a good part of the days."""
    silent = sum(end - first for first, end in pauses)
    return len(pauses) >= INTERMITTENT_RUNS and silent >= INTERMITTENT_SHARE * days


def find_growth(ratios: Sequence[float], weights: Sequence[float]) -> Growth | None:
    """Growth that is steady: clearly more than noise, and than what a wandering level shows by chance.

    The slope of a log-linear fit (quasi-likelihood, variance by the square of the mean: McCullagh and Nelder, 1989). A level
    that wanders by s a day shows a slope of s x sqrt(6 / 5 / n) over n days by chance alone. A window that one
    step explains as well is no growth. The longest window that shows it counts.
    """
    for window in GROWTH_WINDOWS_DAYS:
        if len(ratios) < window:
            continue
        part, weight = ratios[-window:], weights[-window:]
        slope, noise, spread = fit_slope(part, weight)
        if spread == 0:
            continue
        error = math.hypot(
            noise * math.sqrt(window / (window - 2) / spread), WANDERING_PER_DAY * math.sqrt(1.2 / window)
        )
        if abs(slope) < (GROWTH_SCORES if window > SHORT_DAYS else SHORT_SCORES) * error:
            continue
        if not is_step(part, weight):
            kept = 1 - (error / slope) ** 2
            return Growth(slope * kept, error, window)
    return None


def fit_slope(ratios: Sequence[float], weights: Sequence[float]) -> tuple[float, float, float]:
    """Relative growth a day, the noise around it, and the weighted sum of squares of time."""
    whole = sum(weights)
    level = sum(w * r for w, r in zip(weights, ratios, strict=True)) / whole if whole else 0.0
    if level <= 0:
        return 0.0, 0.0, 0.0
    centre = sum(w * n for n, w in enumerate(weights)) / whole
    spread = sum(w * (n - centre) ** 2 for n, w in enumerate(weights))
    if spread == 0:
        return 0.0, 0.0, 0.0
    slope = 0.0
    off: list[float] = []
    for _ in range(_STEPS):
        grown = [level * math.exp(slope * (n - centre)) for n in range(len(ratios))]
        off = [ratio / mean - 1 for ratio, mean in zip(ratios, grown, strict=True)]
        level *= math.exp(max(-1.0, min(1.0, sum(w * o for w, o in zip(weights, off, strict=True)) / whole)))
        change = sum(w * o * (n - centre) for n, (w, o) in enumerate(zip(weights, off, strict=True))) / spread
        slope = max(-_MOST_PER_DAY, min(_MOST_PER_DAY, slope + change))
        if abs(change) < _CLOSE:
            break
    noise = math.sqrt(sum(w * o**2 for w, o in zip(weights, off, strict=True)) / whole)
    return slope, noise, spread


def is_step(ratios: Sequence[float], weights: Sequence[float]) -> bool:
    """Whether one step explains clearly better than a line: by the criterion of Schwarz (1978), the step's day is fitted too.

    Of square roots, which a burst moves little.
    """
    roots = [math.sqrt(ratio) for ratio in ratios]
    sums = [(0.0, 0.0, 0.0)]
    for root, weight in zip(roots, weights, strict=True):
        whole, one, two = sums[-1]
        sums.append((whole + weight, one + weight * root, two + weight * root**2))
    step = min(
        _scatter(sums[0], sums[at]) + _scatter(sums[at], sums[-1])
        for at in range(_LEAST_OF_STEP, len(roots) - _LEAST_OF_STEP + 1)
    )
    whole, one, _ = sums[-1]
    if whole == 0:
        return False
    centre = sum(weight * n for n, weight in enumerate(weights)) / whole
    spread = sum(weight * (n - centre) ** 2 for n, weight in enumerate(weights))
    along = sum(weight * (n - centre) * root for n, (root, weight) in enumerate(zip(roots, weights, strict=True)))
    line = max(0.0, _scatter(sums[0], sums[-1]) - along**2 / spread if spread else 0.0)
    return line > step * math.pow(len(roots), 1 / len(roots))


def _scatter(before: tuple[float, float, float], after: tuple[float, float, float]) -> float:
    weight, one, two = (b - a for a, b in zip(before, after, strict=True))
    return max(0.0, two - one**2 / weight) if weight > 0 else 0.0
