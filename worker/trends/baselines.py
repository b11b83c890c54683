"""What a pattern's past lets one expect: a level that drifts, a shape of the day, and how much hours differ. Pure.

Two steps: `summarize_past` looks at one pattern alone; `learn_habits` takes what the patterns of a run have in common,
and `Baseline.of` shrinks the pattern's own shape and dispersion towards that, the more the less it has shown itself.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from operator import mul

DAY = 24
SIX_HOURS = 6
KERNEL = (1 / 9, 2 / 9, 3 / 9)  # weight of an hour two away, one away, and its own
KERNEL_HOURS = 81 / 19  # independent hours that the kernel's mean is worth
CAP_DEVIATIONS = 3.0
CAP_DISPERSION = 0.4
DAILY_DRIFT = 0.1  # standard deviation of the level's change from day to day, as a share
DISPERSION = 0.2  # where no pattern has shown its own
LEAST_DISPERSION = 0.01
NOISE_ROUNDS = 3
LONE_RATIO = 3.0
DISPERSION_SPREAD = 0.7  # of patterns around the common dispersion, as a share of it
SHAPE_VARIANCE = 0.05  # of a pattern's smooth shape around the common one, before it is seen


@dataclass(frozen=True, slots=True)
class Past:
    """One pattern's past hours, outliers cut. `by_hour` is the mean of each UTC hour of the day; `day_totals` are
    whole days, oldest first, each ending where the past ends."""

    hours: int
    mean: float
    by_hour: tuple[float, ...]
    day_totals: tuple[float, ...]
    dispersion: float | None
    block_dispersion: float | None

    def variance(self, hours: float, dispersion: float) -> float:
        """The relative variance (variance over squared mean) of the count of so many hours, for this dispersion."""
        return 1 / (max(self.mean, 0.5 / self.hours) * hours) + dispersion


@dataclass(frozen=True, slots=True)
class Noise:
    """How much counts vary beyond Poisson: variance = mean (1 + clumping) + dispersion mean^2."""

    dispersion: float
    clumping: float

    def at(self, mean: float) -> float:
        return self.dispersion + self.clumping / max(mean, 0.01)


@dataclass(frozen=True, slots=True)
class Habits:
    """What a run's patterns have in common. `shape` is by UTC hour, mean 1."""

    shape: tuple[float, ...]
    noise: Noise
    block_noise: Noise


def summarize_past(hourly: Sequence[int], next_hour: int) -> Past:
    """`hourly`: counts of whole hours, oldest first; `next_hour`: the UTC hour of the day that follows them."""
    newest_first = hourly[::-1]
    kept = _forgive_incident(newest_first)
    columns = [kept[start::DAY] for start in range(min(DAY, len(kept)))]
    mean = sum(kept) / len(kept)
    by_hour = [mean] * DAY
    for start, column in enumerate(columns):
        by_hour[(next_hour - 1 - start) % DAY] = sum(column) / len(column)
    blocks = [sum(kept[start : start + SIX_HOURS]) for start in range(0, len(kept) - SIX_HOURS + 1, SIX_HOURS)]
    days = [sum(kept[start : start + DAY]) for start in range(0, len(kept) - DAY + 1, DAY)]
    return Past(
        len(kept),
        mean,
        tuple(by_hour),
        tuple(reversed(days)),
        _dispersion(columns),
        _dispersion([blocks[start::4] for start in range(min(4, len(blocks)))]),
    )


def _forgive_incident(newest_first: Sequence[int]) -> list[float]:
    """The counts with the worst incident of the past cut to what is usual at its hours.

    An hour stands out from the median of its hour of the day and from the pattern's usual level, so a job of every
    night stays. Only the worst stretch of such hours is forgiven: what happens again and again is the pattern's way.
    """
    columns = [sorted(newest_first[start::DAY]) for start in range(min(DAY, len(newest_first)))]
    middles = [column[len(column) // 2] for column in columns]
    usual = sum(middles) / len(middles)
    caps = [_highest_usual(max(middle, usual)) for middle in middles]
    kept = list(map(float, newest_first))
    capped = enumerate(zip(newest_first, cycle(caps), strict=False))
    excess = {hour: count - cap for hour, (count, cap) in capped if count > cap}
    for hour in _lone_incident(excess):
        kept[hour] = min(kept[hour], caps[hour % DAY])
    return kept


def _highest_usual(mean: float) -> float:
    return mean + CAP_DEVIATIONS * math.sqrt(mean * (1 + CAP_DISPERSION * mean)) + 2


def _lone_incident(excess: Mapping[int, float]) -> range:
    """The stretch of hours with the most excess, if it has far more than any other; gaps of two hours count in."""
    stretches: list[tuple[float, int, int]] = []
    for hour, count in excess.items():
        if stretches and hour - stretches[-1][2] <= 3:
            total, first, _ = stretches.pop()
            stretches.append((total + count, first, hour))
        else:
            stretches.append((count, hour, hour))
    *_, (second, _, _), (most, first, last) = sorted([(0.0, 0, -1), (0.0, 0, -1), *stretches])
    return range(first, last + 1) if most > LONE_RATIO * second else range(0)


def _dispersion(columns: Sequence[Sequence[float]]) -> float | None:
    """Moment estimate of d in variance = mean + d mean^2 from counts that share a mean per column; may be negative."""
    counts = sum(map(len, columns))
    freedom = counts - len(columns)
    totals = [sum(column) for column in columns]
    squares = sum(sum(map(mul, column, column)) for column in columns)
    squared_means = sum(total * total / len(column) for total, column in zip(totals, columns, strict=True))
    if freedom < 6 or squared_means == 0:
        return None
    variance = (squares - squared_means) / freedom
    least = sum(totals) ** 2 / counts  # what squared means of noisy columns come to, less their noise
    return (variance * counts - sum(totals)) / max(least, squared_means - variance * len(columns))


def learn_habits(pasts: Iterable[Past]) -> Habits:
    """The common shape and dispersion; exact sums, so that the order of the patterns does not matter."""
    known = list(pasts)
    weights = [1 / (1 + past.mean) * min(1.0, past.hours / (7 * DAY)) for past in known]
    total = math.fsum(past.mean * weight for past, weight in zip(known, weights, strict=True)) + 1.0
    shape = tuple(
        (math.fsum(past.by_hour[hour] * weight for past, weight in zip(known, weights, strict=True)) + 1.0) / total
        for hour in range(DAY)
    )
    noise = _common_noise([(past.dispersion, past.mean, past.hours) for past in known], DISPERSION)
    blocks = [(past.block_dispersion, past.mean * SIX_HOURS, past.hours / SIX_HOURS) for past in known]
    return Habits(tuple(_smooth(shape)), noise, _common_noise(blocks, DISPERSION / 2))


def _common_noise(shown: Iterable[tuple[float | None, float, float]], usual: float) -> Noise:
    """Least squares over (dispersion, mean count, number of counts) of each pattern: of the dispersion on 1 / mean.

    A pattern weighs by how well its dispersion would be known if it were the common one; a few imaginary patterns
    have the usual dispersion and no clumps.
    """
    known = [(value, max(mean, 0.01), counts) for value, mean, counts in shown if value is not None and mean > 0]
    noise = Noise(usual, 0.0)
    for _ in range(NOISE_ROUNDS):
        prior = 3 / (DISPERSION_SPREAD * usual) ** 2
        points = [(usual, 0.1, prior), (usual, 1.0, prior)]
        for value, mean, counts in known:
            common = noise.at(mean)
            weight = 1 / ((DISPERSION_SPREAD * common) ** 2 + _doubt(common, mean, counts))
            points.append((value, 1 / mean, weight))
        noise = _fit_line(points)
    return noise


def _fit_line(points: Sequence[tuple[float, float, float]]) -> Noise:
    """Weighted least squares of y = dispersion + clumping x over (y, x, weight), neither of them negative."""
    total = math.fsum(w for _, _, w in points)
    x_mean = math.fsum(w * x for _, x, w in points) / total
    y_mean = math.fsum(w * y for y, _, w in points) / total
    slope = math.fsum(w * (x - x_mean) * (y - y_mean) for y, x, w in points)
    slope /= math.fsum(w * (x - x_mean) ** 2 for _, x, w in points)
    clumping = min(max(0.0, slope), max(0.0, y_mean - LEAST_DISPERSION) / x_mean)
    return Noise(max(LEAST_DISPERSION, y_mean - clumping * x_mean), clumping)


def _doubt(dispersion: float, mean: float, counts: float) -> float:
    """Variance of a dispersion that was estimated from so many counts of this mean; doubled, since tails are heavy."""
    return 4 * (1 / mean + dispersion) ** 2 / counts


def _shrink(value: float | None, mean: float, counts: float, common: float) -> float:
    """The pattern's own dispersion drawn to the common one, unless it is far above that for sure; plus the standard
    deviation of what is left in doubt, since a dispersion that is too low costs more than one too high."""
    if value is None or mean == 0:
        return common
    doubt, spread = _doubt(max(value, common), mean, counts), (DISPERSION_SPREAD * common) ** 2
    if value > common:
        spread = max(spread, (value - common) ** 2 - doubt)
    shrunk = (max(value, 0.0) * spread + common * doubt) / (spread + doubt)
    return max(LEAST_DISPERSION, shrunk + math.sqrt(spread * doubt / (spread + doubt)))


def _smooth(by_hour: Sequence[float]) -> list[float]:
    """Each hour mixed with the two on either side of it, over midnight too."""
    around = [*by_hour[-2:], *by_hour, *by_hour[:2]]
    far, near, own = KERNEL
    return [
        far * (a + e) + near * (b + d) + own * c
        for a, b, c, d, e in zip(around, around[1:], around[2:], around[3:], around[4:], strict=False)
    ]


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    return sum([(a - b) ** 2 for a, b in zip(one, other, strict=True)]) / len(one)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What to expect of one pattern. `hourly`: errors in each UTC hour of the day; the dispersions are of the counts
    of one hour and of six around that, doubt about the expectation included."""

    hourly: tuple[float, ...]
    dispersion: float
    block_dispersion: float

    @classmethod
    def of(cls, past: Past, habits: Habits) -> "Baseline":
        dispersion = _shrink(past.dispersion, past.mean, past.hours, habits.noise.at(past.mean))
        blocks = past.hours / SIX_HOURS
        block_mean = past.mean * SIX_HOURS
        block_dispersion = _shrink(past.block_dispersion, block_mean, blocks, habits.block_noise.at(block_mean))
        shape, shape_doubt = shape_of_day(past, habits.shape, dispersion, block_dispersion)
        level, level_doubt = follow_level(past, block_dispersion)
        doubt = shape_doubt + level_doubt
        return cls(tuple(level * share for share in shape), dispersion + doubt, block_dispersion + doubt)


def shape_of_day(
    past: Past, common: Sequence[float], dispersion: float, block_dispersion: float
) -> tuple[tuple[float, ...], float]:
    """Share of each UTC hour (mean 1) and its relative variance: own hours where they stand out for sure, else the
    own smooth shape, else the common one (empirical Bayes, twice)."""
    if past.mean == 0:
        return tuple(common), SHAPE_VARIANCE
    own = [count / past.mean for count in past.by_hour]
    days = past.hours / DAY
    hour_doubt = past.variance(1, dispersion) / days
    smooth, smooth_doubt = _smooth(own), past.variance(KERNEL_HOURS, block_dispersion) / days
    apart = _distance(smooth, common) - smooth_doubt
    spread = max(0.0, 6 * apart + 4 * SHAPE_VARIANCE) / 10
    trust = spread / (spread + smooth_doubt)
    shape = [trust * a + (1 - trust) * b for a, b in zip(smooth, common, strict=True)]
    rough = _distance(own, shape) - 1.6 * hour_doubt
    trust_own = max(0.0, rough) / (max(0.0, rough) + hour_doubt)
    mixed = [max(0.02, trust_own * a + (1 - trust_own) * b) for a, b in zip(own, shape, strict=True)]
    return tuple(mixed), trust * smooth_doubt + trust_own * hour_doubt


def follow_level(past: Past, block_dispersion: float) -> tuple[float, float]:
    """Errors an hour now and the variance of that as a share: a local level model over whole days (Kalman filter)."""
    noise = past.variance(SIX_HOURS, block_dispersion) * SIX_HOURS / DAY
    scale = max(past.mean, 0.5 / past.hours)
    level, doubt = 1.0, noise * DAY / past.hours + DAILY_DRIFT**2
    if past.day_totals:
        level, doubt = past.day_totals[0] / DAY / scale, noise
    for total in past.day_totals[1:]:
        doubt += DAILY_DRIFT**2
        gain = doubt / (doubt + noise)
        level += gain * (total / DAY / scale - level)
        doubt *= 1 - gain
    return max(level, 0.5 / past.hours / scale) * scale, min(doubt, 1.0)
