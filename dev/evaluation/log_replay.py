"""A project's day made of labelled log sets: the messages that real systems wrote, in the bursts in which they wrote them.

Each set is a service. A day of it is its file, begun at a place that the seed draws, its messages spread over the day by a
curve with a peak in the afternoon; each message stands for a Poisson number of errors. Fourteen days of that are the past, so the
bursts of the file are habits by then, and one more is today. What our own grouping makes of the messages are the patterns.
"""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dev.evaluation.grouping import group_messages, read_set
from dev.evaluation.trend_simulation import Lived

PAST_DAYS, QUARTERS_OF_A_DAY = 14, 96
ERRORS_A_MESSAGE = 2.0
SWING, PEAK_HOUR = 0.6, 15.0
TITLE_CHARS = 200
LogSets = Sequence[tuple[list[int], list[str]]]
MIDNIGHT = datetime(2026, 3, 18, tzinfo=UTC)


def read_sets(folder: Path) -> list[tuple[list[int], list[str]]]:
    """For each CSV file of the folder its messages as numbers of groups, in file order, and a title of each group."""
    sets = []
    for path in sorted(folder.glob("*.csv")):
        messages = [content for _, content in read_set(path)]
        titles: dict[object, str] = {}
        numbers: dict[object, int] = {}
        groups = group_messages(messages)
        for group, message in zip(groups, messages, strict=True):
            numbers.setdefault(group, len(numbers))
            titles.setdefault(group, message[:TITLE_CHARS])
        sets.append(([numbers[group] for group in groups], list(titles.values())))
    return sets


def replay_day(seed: int, sets: LogSets) -> tuple[list[Lived], list[str], list[str]]:
    """What each pattern of all sets did, with its past, its title and its service; the same for the same arguments."""
    draw, lived, titles, services = random.Random(f"replay {seed}"), [], [], []
    for place, (groups, names) in enumerate(sets):
        days = [live_file(draw, groups, len(names)) for _ in range(PAST_DAYS + 1)]
        for number, name in enumerate(names):
            hourly = [
                sum(day[number][start : start + 4]) for day in days[:-1] for start in range(0, QUARTERS_OF_A_DAY, 4)
            ]
            lived.append(Lived(MIDNIGHT, hourly, days[-1][number]))
            titles.append(name)
            services.append(f"service-{place}")
    return lived, titles, services


def live_file(draw: random.Random, groups: Sequence[int], count: int) -> list[list[int]]:
    """Errors of each group by quarter of an hour in one day of a file that is begun anywhere."""
    begun, counts = draw.randrange(len(groups)), [[0] * QUARTERS_OF_A_DAY for _ in range(count)]
    quarters = [quarter for quarter, share in enumerate(shares_of(len(groups))) for _ in range(share)]
    for place, quarter in enumerate(quarters):
        counts[groups[(begun + place) % len(groups)]][quarter] += draw_poisson(draw, ERRORS_A_MESSAGE)
    return counts


def shares_of(messages: int) -> list[int]:
    """How many messages come in each quarter of an hour: all of them, most in the afternoon."""
    heights = [1 + SWING * math.cos((quarter / 4 - PEAK_HOUR) / 24 * math.tau) for quarter in range(QUARTERS_OF_A_DAY)]
    ends = [round(messages * sum(heights[: one + 1]) / sum(heights)) for one in range(QUARTERS_OF_A_DAY)]
    return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]


def draw_poisson(draw: random.Random, mean: float) -> int:
    """Knuth's way: for small means."""
    count, left, end = 0, draw.random(), math.exp(-mean)
    while left > end:
        count, left = count + 1, left * draw.random()
    return count
