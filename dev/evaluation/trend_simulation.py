"""Seeded series of errors with known answers, to try trend rules on; the rules never see what made them.

One project of `patterns` patterns at one instant. Each pattern has, drawn once:

- a rate, log-normal: median 4 errors an hour, sigma 1.6, kept within 0.02 and 2,000 an hour (one pattern in five has
  less than one error an hour, one in five more than fifteen);
- a day cycle exp(a cos): a uniform up to 0.8, so up to five times between night and day; seven in ten patterns peak
  at about the project's hour (standard deviation 1.5 h), the others at any hour;
- drift: a log-linear slope (sd 3 % a day) and a random walk (sd 8 % a day);
- noise. In `modelled`, each hour's rate times a gamma variable of variance d, d log-normal with median 0.15 and sigma
  0.7 (counts are then negative binomial, given the rate). In `bursty`, outside the model, each hour's rate times a
  log-normal AR(1) variable (sd uniform 0.2 to 0.6, correlation 0.6 from hour to hour), and errors that come in clumps,
  as retries do, of geometric size (mean uniform 1 to 3);
- a past: one in four is younger than fourteen days (three or more), one in ten had an incident of one to eight hours,
  4 to 20 times its rate, that ended a day or more ago.

On the same series, an injected change multiplies the rate: `x3`, `x5`, `x10` in the last hour, `rise to x3` and
`rise to x5` linearly from nothing over the last six hours. `quiet` is the series without a change.

`weekly x10` has a job of one hour, ten times the rate, now and a week ago; `three times that` is the same, and today
three times as much came. Patterns younger than eight days have neither.

`sparse` and `harsh` are these settings as they were first written down: median 2 an hour, noise of sd 0.2 to 0.7 and
clumps of up to 4. There, too few errors come for any rule to reach the recall asked for, even one that is told the
rate, the cycle and the noise (see `truth`). The first version of Mayday's rule missed it as well; only then were the
numbers above chosen, by what `truth` reaches. A Poisson count of mean 30 or more is a rounded normal one.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOURS = 14 * 24
FINE_HOURS = 7  # hours that are made in buckets of five minutes, since windows slide over them
BUCKETS_PER_HOUR = 12
NORMAL_FROM = 30.0
BURST_MEMORY = 0.6

CHANGES: dict[str, Callable[[float], float]] = {
    "quiet": lambda _: 1.0,
    "x3": lambda hours_ago: 3.0 if hours_ago < 1 else 1.0,
    "x5": lambda hours_ago: 5.0 if hours_ago < 1 else 1.0,
    "x10": lambda hours_ago: 10.0 if hours_ago < 1 else 1.0,
    "rise to x3": lambda hours_ago: 1 + 2 * max(0.0, 1 - hours_ago / 6),
    "rise to x5": lambda hours_ago: 1 + 4 * max(0.0, 1 - hours_ago / 6),
}


# How much more a weekly job brings now than a week ago.
WEEKLY = {"weekly x10": 1.0, "three times that": 3.0}
WEEKLY_FACTOR = 10.0
WEEK_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Setting:
    """`burst_sd` and `clump` are the ranges of bursty noise; without them noise is gamma."""

    median_rate: float
    burst_sd: tuple[float, float] | None = None
    clump: tuple[float, float] = (1.0, 1.0)


SETTINGS = {
    "modelled": Setting(4.0),
    "bursty": Setting(4.0, (0.2, 0.6), (1, 3)),
    "sparse": Setting(2.0),
    "harsh": Setting(2.0, (0.2, 0.7), (1, 4)),
}


@dataclass(frozen=True, slots=True)
class Series:
    """What a rule may see. `hourly`: errors per clock hour, oldest first, the last one the hour that `now` is in."""

    hourly: tuple[int, ...]
    last_hour: int
    last_six_hours: int


@dataclass(frozen=True, slots=True)
class Truth:
    """Expected errors of the quiet series in a window, and their variance's part beyond the mean, over mean^2."""

    mean: float
    dispersion: float


@dataclass(frozen=True, slots=True)
class SimulatedPattern:
    first_seen: datetime
    by_change: dict[str, Series]
    weekly: dict[str, Series]  # empty where the pattern is too young
    last_hour: Truth
    last_six_hours: Truth


@dataclass(frozen=True, slots=True)
class SimulatedProject:
    now: datetime
    patterns: tuple[SimulatedPattern, ...]


@dataclass(frozen=True, slots=True)
class _Traits:
    rate: float
    amplitude: float
    peak_hour: float
    slope_per_hour: float
    is_bursty: bool
    noise: float  # variance of the gamma variable, or standard deviation of the log-normal one
    clump: float
    incident: range
    incident_factor: float
    hours: int


def simulate_project(seed: int, patterns: int, setting_name: str) -> SimulatedProject:
    """The same project for the same arguments, on every machine."""
    draw, setting = random.Random(f"{seed} {patterns} {setting_name}"), SETTINGS[setting_name]
    aside = random.Random(f"weekly {seed} {patterns} {setting_name}")  # so that all else is drawn as without it
    now = datetime(2026, 3, 18, tzinfo=UTC) + timedelta(minutes=5 * draw.randrange(24 * BUCKETS_PER_HOUR))
    peak_hour = draw.uniform(0, 24)
    made = (_simulate_pattern(draw, aside, now, _draw_traits(draw, peak_hour, setting)) for _ in range(patterns))
    return SimulatedProject(now, tuple(made))


NOISY_SETTINGS = ("modelled", "bursty")
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Lived:
    """A pattern's past by the hour up to `midnight`, oldest first (empty where it was not there), and the day after it by
    quarters of an hour."""

    midnight: datetime
    hourly: list[int]
    today: list[int]

    def has_come(self, quarter: int) -> bool:
        """Whether it was seen by the end of a quarter."""
        return bool(self.hourly) or any(self.today[: quarter + 1])


def live_day(seed: int, patterns: int, setting_name: str) -> list[Lived]:
    """A day of a project without any change, with its past; the same for the same arguments."""
    draw, setting = random.Random(f"day {seed} {patterns} {setting_name}"), SETTINGS[setting_name]
    midnight = datetime(2026, 3, 18, tzinfo=UTC)
    peak_hour, lived = draw.uniform(0, 24), []
    for _ in range(patterns):
        traits = _draw_traits(draw, peak_hour, setting)
        calm = _calm_rates(draw, midnight + timedelta(hours=DAY_HOURS - 1), traits)
        rates = [rate * noise for rate, noise in zip(calm, _draw_noise(draw, traits), strict=True)]
        past = [_draw_errors(draw, rate, traits.clump) for rate in rates[:-DAY_HOURS]]
        today = [_draw_errors(draw, rate / 4, traits.clump) for rate in rates[-DAY_HOURS:] for _ in range(4)]
        lived.append(Lived(midnight, past, today))
    return lived


def _draw_traits(draw: random.Random, project_peak: float, setting: Setting) -> _Traits:
    hours = HOURS if draw.random() < 0.75 else draw.randrange(3 * 24, HOURS)
    had_incident = draw.random() < 0.1
    length = draw.randint(1, 8) if had_incident else 0
    start = draw.randrange(0, hours - 24 - FINE_HOURS - length)
    gamma_noise = draw.lognormvariate(math.log(0.15), 0.7)
    return _Traits(
        rate=min(2_000.0, max(0.02, draw.lognormvariate(math.log(setting.median_rate), 1.6))),
        amplitude=draw.uniform(0, 0.8),
        peak_hour=draw.gauss(project_peak, 1.5) if draw.random() < 0.7 else draw.uniform(0, 24),
        slope_per_hour=draw.gauss(0, 0.03) / 24,
        is_bursty=setting.burst_sd is not None,
        noise=draw.uniform(*setting.burst_sd) if setting.burst_sd else gamma_noise,
        clump=draw.uniform(*setting.clump),
        incident=range(start, start + length),
        incident_factor=math.exp(draw.uniform(math.log(4), math.log(20))),
        hours=hours,
    )


def _simulate_pattern(draw: random.Random, aside: random.Random, now: datetime, traits: _Traits) -> SimulatedPattern:
    calm = list(_calm_rates(draw, now, traits))
    rates = [rate * noise for rate, noise in zip(calm, _draw_noise(draw, traits), strict=True)]
    coarse = [_draw_errors(draw, rate, traits.clump) for rate in rates[:-FINE_HOURS]]
    over = BUCKETS_PER_HOUR * (FINE_HOURS - 1) + now.minute // 5  # buckets of the fine hours that are over
    hour_of = [bucket // BUCKETS_PER_HOUR - FINE_HOURS for bucket in range(over)]
    quiet = [_draw_errors(draw, rates[hour] / BUCKETS_PER_HOUR, traits.clump) for hour in hour_of]
    by_change = {}
    for name, factor in CHANGES.items():
        factors = [factor((over - bucket - 0.5) / BUCKETS_PER_HOUR) - 1 for bucket in range(over)]
        extra = [
            _draw_errors(draw, rates[hour] * more / BUCKETS_PER_HOUR, traits.clump)
            for hour, more in zip(hour_of, factors, strict=True)
        ]
        by_change[name] = _series(coarse, [one + more for one, more in zip(quiet, extra, strict=True)])
    truths = (_truth(calm, hour_of[-length:], traits) for length in (BUCKETS_PER_HOUR, 6 * BUCKETS_PER_HOUR))
    is_old = traits.hours > WEEK_HOURS + 2 * FINE_HOURS
    weekly = _add_weekly_job(aside, coarse, quiet, rates, hour_of[-BUCKETS_PER_HOUR:], traits.clump) if is_old else {}
    return SimulatedPattern(now - timedelta(hours=traits.hours - 1), by_change, weekly, *truths)


def _add_weekly_job(
    draw: random.Random, coarse: list[int], fine: list[int], rates: list[float], last: list[int], clump: float
) -> dict[str, Series]:
    """The series with the job in its last buckets, whose hours are `last` (-1: the newest), and in those a week ago."""
    past = list(coarse)
    for hour in last:
        rate = rates[hour - WEEK_HOURS] * (WEEKLY_FACTOR - 1) / BUCKETS_PER_HOUR
        past[hour - WEEK_HOURS + FINE_HOURS] += _draw_errors(draw, rate, clump)
    made = {}
    for name, times in WEEKLY.items():
        more = [
            _draw_errors(draw, rates[hour] * (WEEKLY_FACTOR * times - 1) / BUCKETS_PER_HOUR, clump) for hour in last
        ]
        made[name] = _series(
            past, [*fine[: -len(last)], *(a + b for a, b in zip(fine[-len(last) :], more, strict=True))]
        )
    return made


def _series(coarse: list[int], fine: list[int]) -> Series:
    hours = (sum(fine[start : start + BUCKETS_PER_HOUR]) for start in range(0, FINE_HOURS * 12, BUCKETS_PER_HOUR))
    return Series((*coarse, *hours), sum(fine[-BUCKETS_PER_HOUR:]), sum(fine[-6 * BUCKETS_PER_HOUR :]))


def _truth(calm: list[float], buckets: list[int], traits: _Traits) -> Truth:
    """What a window's errors are drawn from; `buckets` are the hours that its buckets lie in."""
    means = {hour: calm[hour] * buckets.count(hour) / BUCKETS_PER_HOUR for hour in set(buckets)}
    mean = sum(means.values())
    shared = sum(a * b * _noise_covariance(traits, abs(i - j)) for i, a in means.items() for j, b in means.items())
    return Truth(mean, shared / mean**2 + 2 * (traits.clump - 1) / mean)


def _noise_covariance(traits: _Traits, hours_apart: int) -> float:
    if traits.is_bursty:
        return math.expm1(traits.noise**2 * BURST_MEMORY**hours_apart)
    return traits.noise if hours_apart == 0 else 0.0


def _calm_rates(draw: random.Random, now: datetime, traits: _Traits) -> Iterator[float]:
    """Errors an hour, oldest hour first, with cycle, drift and past incident."""
    level = 0.0
    for hour in range(traits.hours):
        level += traits.slope_per_hour + draw.gauss(0, 0.08 / math.sqrt(24))
        of_day = now.hour - (traits.hours - 1 - hour)
        cycle = traits.amplitude * math.cos((of_day - traits.peak_hour) * math.tau / 24)
        incident = traits.incident_factor if hour in traits.incident else 1.0
        yield traits.rate * math.exp(level + cycle) * incident


def _draw_noise(draw: random.Random, traits: _Traits) -> Iterator[float]:
    """A factor of mean 1 for each hour."""
    burst = draw.gauss(0, 1)
    for _ in range(traits.hours):
        if not traits.is_bursty:
            yield draw.gammavariate(1 / traits.noise, traits.noise)
            continue
        burst = BURST_MEMORY * burst + math.sqrt(1 - BURST_MEMORY**2) * draw.gauss(0, 1)
        yield math.exp(traits.noise * burst - traits.noise**2 / 2)


def _draw_errors(draw: random.Random, mean: float, clump: float) -> int:
    """A Poisson count; with a clump above 1, of clumps of geometric size, so that the mean stays."""
    events = _draw_poisson(draw, mean / clump)
    if clump == 1.0 or events == 0:
        return events
    log_more = math.log(1 - 1 / clump)
    return sum(1 + int(math.log(1 - draw.random()) / log_more) for _ in range(events))


def _draw_poisson(draw: random.Random, mean: float) -> int:
    if mean >= NORMAL_FROM:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, draw.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= draw.random()
    return count
