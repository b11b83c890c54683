"""Patterns that come by a calendar or now and then, and that nothing is wrong with: how often the trend rule calls one.

The first table of `mayday bench trends`.

Each pattern lives 150 days, and is asked about half an hour after each of its errors of the last sixty: `called` is the share of
such moments at which it is regressed, spiking or rising, `a day` the calls a pattern and day. Only the patterns of `is back` have
something to tell: a month of errors on every day, three weeks of silence, and the first errors after it.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.trends.jobs import list_earlier_hours
from worker.trends.returns import MEMORY_DAYS
from worker.trends.scores import FRESH_HOURS, HISTORY_HOURS, HOUR, Activity, score_trends

LIFE_HOURS, ASKED_HOURS = 150 * 24, 60 * 24
BEGINNING = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
CALLED = {"regressed", "spiking", "rising"}
Life = dict[int, int]  # errors by hour of life; hours without are not there


@dataclass(frozen=True, slots=True)
class Calls:
    """`moments` that were asked about, at how many of them it was called, and the calls a pattern and day."""

    moments: int
    called: int
    a_day: float

    @property
    def share(self) -> float:
        return self.called / self.moments if self.moments else 0.0


def live_rarely(draw: random.Random) -> Life:
    """One error every two to twenty days, at any time."""
    mean_hours, at, life = draw.uniform(2, 20) * 24, 0.0, Life()
    while (at := at + draw.expovariate(1 / mean_hours)) < LIFE_HOURS:
        life[int(at)] = life.get(int(at), 0) + 1
    return life


def run_every(days: int, late_hours: int = 0) -> Callable[[random.Random], Life]:
    """A job of about forty errors in an hour, so many days apart, up to so many hours late."""

    def live(draw: random.Random) -> Life:
        first = draw.randrange(24 * days)
        return {
            at + draw.randint(0, late_hours): draw.randint(30, 50) for at in range(first, LIFE_HOURS - 8, 24 * days)
        }

    return live


def run_monthly(draw: random.Random) -> Life:
    """The same on one day of every month, at one hour."""
    day, hour = draw.randint(1, 28), draw.randrange(24)
    moments = (BEGINNING + timedelta(hours=hour, days=one) for one in range(LIFE_HOURS // 24))
    return {int((at - BEGINNING) / HOUR): draw.randint(30, 50) for at in moments if at.day == day}


def run_nightly_by_local_time(draw: random.Random) -> Life:
    """The same every night; clocks are set once in the last sixty days, an hour forth or back."""
    hour, changes_on, change = draw.randint(1, 22), draw.randint(95, 145), draw.choice((-1, 1))
    return {
        24 * day + hour + (change if day >= changes_on else 0): draw.randint(30, 50) for day in range(LIFE_HOURS // 24)
    }


def come_back(draw: random.Random) -> Life:
    """Every day of a month or more, then silent for three weeks, then there again."""
    silent_from = LIFE_HOURS - draw.randint(22, 59) * 24
    per_hour = draw.uniform(0.1, 2)
    hours = [hour for hour in range(silent_from) if draw.random() < per_hour / 3]
    return dict.fromkeys([*hours, silent_from + 21 * 24 + draw.randrange(12)], 1)


KINDS: Mapping[str, Callable[[random.Random], Life]] = {
    "rare": live_rarely,
    "weekly, up to an hour late": run_every(7, late_hours=1),
    "every other week": run_every(14),
    "monthly": run_monthly,
    "nightly, clocks set": run_nightly_by_local_time,
    "is back": come_back,
}


def as_activity(life: Life, hour: int) -> Activity:
    """What the worker would know half an hour into an hour of this life, of which the last errors are those of the hour."""
    days = {(hour - at) // 24 for at in life if HISTORY_HOURS <= hour - at < HISTORY_HOURS + MEMORY_DAYS * 24}
    return Activity(
        hourly=[life.get(at, 0) for at in range(hour - HISTORY_HOURS + 1, hour + 1)],
        last_hour=life[hour],
        last_six_hours=sum(life.get(hour - ago, 0) for ago in range(6)),
        first_seen=BEGINNING + min(life) * HOUR,
        received_at=BEGINNING + hour * HOUR,
        earlier={ago: life[hour - ago] for ago in list_earlier_hours(HISTORY_HOURS) if hour - ago in life},
        earlier_days=sorted(days),
    )


def count_calls(kind: str, patterns: int, seed: int) -> Calls:
    """The calls of so many patterns of a kind; the same for the same seed."""
    draw = random.Random(f"{seed} {kind}")
    moments = called = 0
    for _ in range(patterns):
        life = KINDS[kind](draw)
        asked = [hour for hour in sorted(life) if hour >= LIFE_HOURS - ASKED_HOURS]
        back = asked[-1:] if kind == "is back" else asked
        for hour in back:
            now = BEGINNING + (hour + 0.5) * HOUR
            moments += 1
            called += score_trends({"it": as_activity(life, hour)}, now)["it"].trend in CALLED
    return Calls(moments, called, called / patterns / (ASKED_HOURS / FRESH_HOURS))


def run_kinds(patterns: int, seed: int) -> dict[str, Calls]:
    return {kind: count_calls(kind, patterns, seed) for kind in KINDS}
