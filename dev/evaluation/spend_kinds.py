"""Kinds of spend that change: growth, moves, surges of months, runs of agents, pauses, holidays. For `bench projection`.

A kind is a function of a random source and the first day that gives 90 days of history and a month of 30. Each draws its
weekdays, its noise and the wandering of its level anew, so that no constant fits a kind.
"""

import calendar
import math
import random
from collections.abc import Callable
from datetime import date, timedelta

HISTORY_DAYS, MONTH_DAYS = 90, 30
TOTAL_DAYS = HISTORY_DAYS + MONTH_DAYS
Shape = Callable[[random.Random, date], list[float]]


def make_base(rng: random.Random, first: date) -> list[float]:
    """A level that wanders by up to 1 % a day, a week of some shape, noise of some law; mean 1."""
    week, noise = draw_week(rng), draw_noise(rng)
    step, level, days = rng.uniform(0, 0.01), 1.0, []
    for n in range(TOTAL_DAYS):
        level *= math.exp(rng.gauss(0, step))
        days.append(level * week[(first + timedelta(days=n)).weekday()] * noise())
    return days


def draw_week(rng: random.Random) -> list[float]:
    """Seven factors, Monday first: all alike, quiet weekends, or each of its own."""
    shape = rng.choice(["flat", "office", "own"])
    if shape == "flat":
        return [1.0] * 7
    if shape == "office":
        rest = rng.uniform(0, 0.5)
        return [rng.uniform(0.8, 1.2) for _ in range(5)] + [rest * rng.uniform(0.7, 1.3) for _ in range(2)]
    return [rng.uniform(0.5, 1.5) for _ in range(7)]


def draw_noise(rng: random.Random) -> Callable[[], float]:
    """A law of a day's noise with mean 1: log-normal, gamma, even, or with rare bursts."""
    law, size = rng.choice(["lognormal", "gamma", "even", "bursts"]), rng.uniform(0.1, 0.45)
    if law == "lognormal":
        return lambda: rng.lognormvariate(-(size**2) / 2, size)
    if law == "gamma":
        return lambda: rng.gammavariate(1 / size**2, size**2)
    if law == "even":
        return lambda: rng.uniform(1 - 1.7 * size, 1 + 1.7 * size)
    return lambda: rng.lognormvariate(-(size**2) / 2, size) * (rng.uniform(2, 4) if rng.random() < 0.04 else 1)


def make_moved(rng: random.Random, first: date) -> list[float]:
    """The level moved once, two to three weeks before the month."""
    at = HISTORY_DAYS - rng.randint(14, 21)
    by = rng.uniform(1.6, 3) if rng.random() < 0.5 else rng.uniform(0.3, 0.6)
    return [value * (by if n >= at else 1) for n, value in enumerate(make_base(rng, first))]


def make_growth(rng: random.Random, first: date) -> list[float]:
    """About 1.2 % more each day, all the time."""
    rate = rng.uniform(1.008, 1.016)
    return [value * rate**n for n, value in enumerate(make_base(rng, first))]


def make_start_surge(rng: random.Random, first: date) -> list[float]:
    """The first days of each month bring more."""
    length, by = rng.randint(3, 5), rng.uniform(1.5, 3)
    places = find_places(first)
    return [value * (by if places[n][0] < length else 1) for n, value in enumerate(make_base(rng, first))]


def make_end_surge(rng: random.Random, first: date) -> list[float]:
    """The last days of each month bring more."""
    length, by = rng.randint(3, 5), rng.uniform(1.5, 3)
    places = find_places(first)
    return [value * (by if places[n][1] <= length else 1) for n, value in enumerate(make_base(rng, first))]


def find_places(first: date) -> list[tuple[int, int]]:
    """Of each day: how many days its month is old, and how many days until the next one begins.

    Months begin on the day of the month of the period looked at, on the last of months that are shorter.
    """
    start = first + timedelta(days=HISTORY_DAYS)
    starts = [start + timedelta(days=MONTH_DAYS), start]
    for back in range(1, 5):
        year, month = divmod(start.year * 12 + start.month - 1 - back, 12)
        starts.append(date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1])))
    places = []
    for n in range(TOTAL_DAYS):
        day = first + timedelta(days=n)
        begun, ends = max(one for one in starts if one <= day), min(one for one in starts if one > day)
        places.append(((day - begun).days, (ends - day).days))
    return places


def make_agents(rng: random.Random, first: date) -> list[float]:
    """Agents run for some days at a high rate, and rest for some at little or nothing."""
    rest, on, off = rng.choice([0.0, rng.uniform(0, 0.15)]), rng.uniform(2, 7), rng.uniform(2, 10)
    running, left, days = rng.random() < 0.5, 0, []
    for value in make_base(rng, first):
        if left == 0:
            running = not running
            left = max(1, round(rng.gammavariate(4, (on if running else off) / 4)))
        left -= 1
        days.append(value if running else rest * value)
    return days


def make_shutdown_before(rng: random.Random, first: date) -> list[float]:
    """Two weeks of nearly nothing, over before the month begins."""
    return pause(rng, first, HISTORY_DAYS - rng.randint(15, 60))


def make_shutdown_within(rng: random.Random, first: date) -> list[float]:
    """Two weeks of nearly nothing that begin within the month."""
    return pause(rng, first, HISTORY_DAYS + rng.randint(0, 14))


def pause(rng: random.Random, first: date, at: int) -> list[float]:
    """Twelve to sixteen days from `at` on at little or nothing."""
    until, rest = at + rng.randint(12, 16), rng.choice([0.0, rng.uniform(0, 0.1)])
    return [value * (rest if at <= n < until else 1) for n, value in enumerate(make_base(rng, first))]


def make_holidays(rng: random.Random, first: date) -> list[float]:
    """An office's weeks, in which one weekday in fifteen is a holiday."""
    rest = rng.uniform(0, 0.3)
    noise, week = draw_noise(rng), [rng.uniform(0.8, 1.2) for _ in range(5)] + [rest, rest]
    weekdays = [(first + timedelta(days=n)).weekday() for n in range(TOTAL_DAYS)]
    return [(rest if day < 5 and rng.random() < 1 / 15 else week[day]) * noise() for day in weekdays]


def make_ramp_within(rng: random.Random, first: date) -> list[float]:
    """Level until a day near the month's beginning, then 1.5 to 4 % more each day."""
    at, rate = HISTORY_DAYS + rng.randint(-10, 5), rng.uniform(1.015, 1.04)
    return [value * rate ** max(0, n - at) for n, value in enumerate(make_base(rng, first))]


def make_step_within(rng: random.Random, first: date) -> list[float]:
    """The level moves once within the month."""
    at = HISTORY_DAYS + rng.randint(2, 19)
    by = rng.uniform(1.6, 3) if rng.random() < 0.5 else rng.uniform(0.3, 0.6)
    return [value * (by if n >= at else 1) for n, value in enumerate(make_base(rng, first))]


def make_new_budget(rng: random.Random, first: date) -> list[float]:
    """Nothing was ever spent until some day of the three weeks before the month."""
    at = HISTORY_DAYS - rng.randint(1, 20)
    return [value if n >= at else 0.0 for n, value in enumerate(make_base(rng, first))]


CHANGING: dict[str, Shape] = {
    "moved": make_moved,
    "growth": make_growth,
    "month start": make_start_surge,
    "month end": make_end_surge,
    "agents": make_agents,
    "shutdown before": make_shutdown_before,
    "shutdown within": make_shutdown_within,
    "holidays": make_holidays,
    "ramp of any rate": make_ramp_within,
    "step of any size": make_step_within,
    "new budget": make_new_budget,
}
