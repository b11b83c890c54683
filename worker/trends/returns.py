"""Whether a pattern that was silent is back, or only as rare as ever: judged by its own gaps. Pure."""

from collections.abc import Sequence
from itertools import takewhile

SILENCE_HOURS = 7 * 24  # a shorter one is none
HIGHEST_P = 0.003  # of a silence as long, for a pattern that goes on as it did
MEMORY_DAYS = 92


def hours_since_return(hourly: Sequence[int], most_hours: int) -> int:
    """For how many of the last hours it is back: from the first of `most_hours` that has errors; 0 where none has."""
    last = hourly[-most_hours:]
    return len(last) - len(list(takewhile(lambda count: not count, last)))


def is_back_from_silence(
    hourly: Sequence[int], back_for_hours: int, earlier_days: Sequence[int], age_hours: float
) -> bool:
    """Whether the silence before the last `back_for_hours` is one that a pattern with these errors would not have kept by
    chance: seven days or more, and p at most 0.003; of one that was not seen for as long as can be looked back, seven days.

    `hourly`: errors per clock hour, the newest last. `earlier_days`: on which days before these hours it was seen, as days
    before now. `age_hours`: since it was first seen. It is taken to come on so many days in so long a time, at a rate that
    nobody knows: seen on n days within T, it keeps silent for s days with the probability (T / (T + s))^n, that of a Poisson
    process under a gamma posterior. So what came every day for ten days is back after eight more; what comes every ten days or
    once a month never was away; and what came on one day has no ways yet.
    """
    busy = [hours_ago for hours_ago, count in enumerate(reversed(hourly)) if count and hours_ago >= back_for_hours]
    days = sorted({hours_ago // 24 for hours_ago in busy} | set(earlier_days))
    if not days:
        return min(age_hours, len(hourly)) >= back_for_hours + SILENCE_HOURS
    silent_hours = (busy[0] if busy else days[0] * 24) - back_for_hours
    span_days = days[-1] - days[0] + 1
    p_value = (span_days / (span_days + silent_hours / 24)) ** len(days)
    return silent_hours >= SILENCE_HOURS and p_value <= HIGHEST_P
