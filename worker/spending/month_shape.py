"""Months that begin or end with more spend than they have between: seen in months that are over, drawn to none. Pure."""

import calendar
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import fmean

EDGE_DAYS = 5
TESTED_DAYS = 3  # of each edge, by which it is decided whether there is anything
LEAST_MONTHS = 2
EDGE_SCORES, EDGE_SHARE = 3.0, 0.2
_LEAST_MIDDLE = 8
PLAIN = (1.0,) * EDGE_DAYS


@dataclass(frozen=True, slots=True)
class MonthShape:
    """Factors of the first days of a month, the first one first, and of its last days, the last one first.

    `begins_on` is the day of the month that months begin on, the last one where a month is shorter. `looked_at`: first day
    and end of the month that is projected, which may end otherwise. `error`: standard error of an edge's factor.
    """

    begins_on: int = 1
    looked_at: tuple[date, date] | None = None
    first: tuple[float, ...] = PLAIN
    last: tuple[float, ...] = PLAIN
    error: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether all of the month is alike."""
        return self.first == self.last == PLAIN

    def factor(self, day: date) -> float:
        """How much more than between its edges the month spends on that day."""
        if self.is_plain:
            return 1.0
        start, end = self.month_of(day)
        begun, left = (day - start).days, (end - day).days
        if begun < EDGE_DAYS:
            return self.first[begun]
        return self.last[left - 1] if left <= EDGE_DAYS else 1.0

    def error_of(self, day: date) -> float:
        """Standard error of the day's factor, relative to it."""
        factor = self.factor(day)
        return self.error / factor if factor not in (0.0, 1.0) else 0.0

    def month_of(self, day: date) -> tuple[date, date]:
        """First day of the day's month, and that of the next one."""
        if self.looked_at is not None and self.looked_at[0] <= day < self.looked_at[1]:
            return self.looked_at
        start = begin_month(day.year, day.month, self.begins_on)
        if day < start:
            return begin_month(day.year, day.month - 1, self.begins_on), start
        return start, begin_month(day.year, day.month + 1, self.begins_on)


def begin_month(year: int, month: int, begins_on: int) -> date:
    """The first day of a month that begins on that day; `month` may be 0 or 13."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(begins_on, calendar.monthrange(year, month)[1]))


def fit_month(days: Sequence[date], ratios: Sequence[float], weights: Sequence[float], blank: MonthShape) -> MonthShape:
    """Factors of a month's edges, from spend over what its weekday makes expected; days of weight 0 say nothing.

    An edge counts where at least two months show it, all of them the same way, by over a fifth and three standard errors
    of the middle's noise. Each of its days is drawn to 1 by the share of its distance that noise explains (James and
    Stein, 1961).
    """
    firsts: dict[date, dict[int, float]] = {}
    lasts: dict[date, dict[int, float]] = {}
    middles: dict[date, list[float]] = {}
    for day, ratio, weight in zip(days, ratios, weights, strict=True):
        if not weight:
            continue
        start, end = blank.month_of(day)
        begun, left = (day - start).days, (end - day).days
        if begun < EDGE_DAYS:
            firsts.setdefault(start, {})[begun] = ratio
        elif left <= EDGE_DAYS:
            # The last days of a month are compared with its middle, and where that is unknown with the next one's.
            lasts.setdefault(start, {})[left - 1] = ratio
        else:
            middles.setdefault(start, []).append(ratio)
    means = {start: fmean(middle) for start, middle in middles.items() if len(middle) >= _LEAST_MIDDLE}
    means = {start: mean for start, mean in means.items() if mean > 0}
    off = [(ratio / mean - 1) ** 2 for start, mean in means.items() for ratio in middles[start]]
    if len(off) < 2 * _LEAST_MIDDLE:
        return blank
    noise = math.sqrt(sum(off) / (len(off) - len(means)))
    first, last = fit_edge(firsts, means, noise), fit_edge(lasts, means, noise)
    return replace(blank, first=first, last=last, error=noise / math.sqrt(len(means)))


def fit_edge(edges: Mapping[date, Mapping[int, float]], means: Mapping[date, float], noise: float) -> tuple[float, ...]:
    """Factors of one edge, from ratios by month and place and the means of the months' middles; ones where it is not shown."""
    found = [
        {place: ratio / means[start] for place, ratio in edge.items()}
        for start, edge in edges.items()
        if start in means
    ]
    tested = [[edge[place] for place in range(TESTED_DAYS) if place in edge] for edge in found]
    shown = [fmean(edge) for edge in tested if edge]
    if len(shown) < LEAST_MONTHS:
        return PLAIN
    off = fmean(shown) - 1
    error = noise * math.sqrt(fmean(1 / len(edge) + 1 / _LEAST_MIDDLE for edge in tested if edge) / len(shown))
    alike = all(one > 1 for one in shown) or all(one < 1 for one in shown)
    if not alike or abs(off) < max(EDGE_SHARE, EDGE_SCORES * error):
        return PLAIN
    factors = []
    for place in range(EDGE_DAYS):
        at = [edge[place] for edge in found if place in edge]
        own = fmean(at) - 1 if at else 0.0
        kept = max(0.0, 1 - noise**2 / len(at) / own**2) if own else 0.0
        factors.append(max(0.0, 1 + kept * own))
    return tuple(factors)
