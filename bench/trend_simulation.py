"""Seeded series of errors with known answers, to try trend rules on; the rules never see what made them.

One project of `patterns` patterns at one instant. Each pattern has, drawn once:

- a rate, log-normal: median 2 errors an hour, sigma 1.6, kept within 0.02 and 2,000 an hour (one in twenty patterns
  has less than one error in seven hours, one in twenty more than 28 an hour);
- a day cycle exp(a cos): a uniform up to 0.8, so up to five times between night and day; seven in ten patterns peak
  at about the project's hour (standard deviation 1.5 h), the others at any hour;
- drift: a log-linear slope (sd 3 % a day) and a random walk (sd 8 % a day);
- noise that differs by setting. `modelled`: each hour's rate times a gamma variable of variance d, d log-normal with
  median 0.15 and sigma 0.7 (counts are then negative binomial, given the rate). `bursty`, outside the model: each
  hour's rate times a log-normal AR(1) variable (sd uniform 0.2 to 0.7, correlation 0.6 from hour to hour), and errors
  that come in clumps, as retries do, of geometric size (mean uniform 1 to 4);
- a past: one in four is younger than fourteen days (three or more), one in ten had an incident of one to eight hours,
  4 to 20 times its rate, that ended a day or more ago.

On the same series, an injected change multiplies the rate: `x3`, `x5`, `x10` in the last hour, `rise to x3` and
`rise to x5` linearly from nothing over the last six hours. `quiet` is the series without a change. Numbers were
chosen before any rule was tried on them. A Poisson count of mean 30 or more is a rounded normal one.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Setting = Literal["modelled", "bursty"]

HOURS = 14 * 24
FINE_HOURS = 7  # hours that are made in buckets of five minutes, since windows slide over them
BUCKETS_PER_HOUR = 12
NORMAL_FROM = 30.0

CHANGES: dict[str, Callable[[float], float]] = {
    "quiet": lambda _: 1.0,
    "x3": lambda hours_ago: 3.0 if hours_ago < 1 else 1.0,
    "x5": lambda hours_ago: 5.0 if hours_ago < 1 else 1.0,
    "x10": lambda hours_ago: 10.0 if hours_ago < 1 else 1.0,
    "rise to x3": lambda hours_ago: 1 + 2 * max(0.0, 1 - hours_ago / 6),
    "rise to x5": lambda hours_ago: 1 + 4 * max(0.0, 1 - hours_ago / 6),
}


@dataclass(frozen=True, slots=True)
class Series:
    """What a rule may see. `hourly`: errors per clock hour, oldest first, the last one the hour that `now` is in."""

    hourly: tuple[int, ...]
    last_hour: int
    last_six_hours: int


@dataclass(frozen=True, slots=True)
class SimulatedPattern:
    first_seen: datetime
    by_change: dict[str, Series]


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
    dispersion: float
    clump: float
    incident: range
    incident_factor: float
    hours: int


def simulate_project(seed: int, patterns: int, setting: Setting) -> SimulatedProject:
    """The same project for the same arguments, on every machine."""
    draw = random.Random(f"{seed} {patterns} {setting}")
    minutes = 5 * draw.randrange(24 * BUCKETS_PER_HOUR)
    now = datetime(2026, 3, 18, tzinfo=UTC) + timedelta(minutes=minutes)
    peak_hour = draw.uniform(0, 24)
    made = (_simulate_pattern(draw, now, _draw_traits(draw, peak_hour, setting), setting) for _ in range(patterns))
    return SimulatedProject(now, tuple(made))


def _draw_traits(draw: random.Random, project_peak: float, setting: Setting) -> _Traits:
    hours = HOURS if draw.random() < 0.75 else draw.randrange(3 * 24, HOURS)
    had_incident = draw.random() < 0.1
    length = draw.randint(1, 8) if had_incident else 0
    start = draw.randrange(0, hours - 24 - FINE_HOURS - length)
    return _Traits(
        rate=min(2_000.0, max(0.02, draw.lognormvariate(math.log(2), 1.6))),
        amplitude=draw.uniform(0, 0.8),
        peak_hour=draw.gauss(project_peak, 1.5) if draw.random() < 0.7 else draw.uniform(0, 24),
        slope_per_hour=draw.gauss(0, 0.03) / 24,
        dispersion=draw.lognormvariate(math.log(0.15), 0.7) if setting == "modelled" else draw.uniform(0.2, 0.7),
        clump=1.0 if setting == "modelled" else draw.uniform(1, 4),
        incident=range(start, start + length),
        incident_factor=math.exp(draw.uniform(math.log(4), math.log(20))),
        hours=hours,
    )


def _simulate_pattern(draw: random.Random, now: datetime, traits: _Traits, setting: Setting) -> SimulatedPattern:
    rates = list(_hourly_rates(draw, now, traits, setting))
    coarse = [_draw_errors(draw, rate, traits.clump) for rate in rates[:-FINE_HOURS]]
    past = BUCKETS_PER_HOUR * (FINE_HOURS - 1) + now.minute // 5  # buckets of the fine hours that are over
    fine_rates = [rates[bucket // BUCKETS_PER_HOUR - FINE_HOURS] / BUCKETS_PER_HOUR for bucket in range(past)]
    quiet = [_draw_errors(draw, rate, traits.clump) for rate in fine_rates]
    by_change = {}
    for name, factor in CHANGES.items():
        extra = [
            _draw_errors(draw, rate * (factor((past - bucket - 0.5) / BUCKETS_PER_HOUR) - 1), traits.clump)
            for bucket, rate in enumerate(fine_rates)
        ]
        by_change[name] = _series(coarse, [one + more for one, more in zip(quiet, extra, strict=True)])
    return SimulatedPattern(now - timedelta(hours=traits.hours - 1), by_change)


def _series(coarse: list[int], fine: list[int]) -> Series:
    hours = (sum(fine[start : start + BUCKETS_PER_HOUR]) for start in range(0, FINE_HOURS * 12, BUCKETS_PER_HOUR))
    return Series((*coarse, *hours), sum(fine[-BUCKETS_PER_HOUR:]), sum(fine[-6 * BUCKETS_PER_HOUR :]))


def _hourly_rates(draw: random.Random, now: datetime, traits: _Traits, setting: Setting) -> Iterator[float]:
    """Errors an hour, oldest hour first, with cycle, drift, past incident and the hour's noise in them."""
    level, burst = 0.0, draw.gauss(0, 1)
    for hour in range(traits.hours):
        level += traits.slope_per_hour + draw.gauss(0, 0.08 / math.sqrt(24))
        of_day = now.hour - (traits.hours - 1 - hour)
        cycle = traits.amplitude * math.cos((of_day - traits.peak_hour) * math.tau / 24)
        if setting == "modelled":
            noise = draw.gammavariate(1 / traits.dispersion, traits.dispersion)
        else:
            burst = 0.6 * burst + 0.8 * draw.gauss(0, 1)
            noise = math.exp(traits.dispersion * burst - traits.dispersion**2 / 2)
        incident = traits.incident_factor if hour in traits.incident else 1.0
        yield traits.rate * math.exp(level + cycle) * noise * incident


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
