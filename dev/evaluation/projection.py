"""How well the projection foresees the end of a month, beside three common rules, on made series.

    mayday bench projection [--json FILE] [--series N] [--set-aside]

`--set-aside` takes other seeds, by which nothing was chosen. Where statsforecast can be imported (it is no dependency),
its AutoETS of weeks stands beside the others, for `--ets N` series of each kind.

Each series is 90 days of history and a month of 30; it is looked at on noon
of days 7, 10, 15 and 20, when half of the day is over. MAPE: mean of |projected - real end| / real end.
"""

import argparse
import importlib
import importlib.util
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

from dev.evaluation.spend_kinds import CHANGING, HISTORY_DAYS, MONTH_DAYS, Shape
from dev.figures import write_figures
from worker.spending.projection import Projection, SpendPeriod, project_spend

SERIES, SEED, SET_ASIDE_SEED = 200, 20261, 773
LEVEL, DAYS = 1_000_000, (7, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class Series:
    """Daily spend of the history and the month, the month's first day, and a limit drawn without looking at it."""

    start: date
    amounts: tuple[int, ...]
    limit: int

    @property
    def total(self) -> int:
        """What the month really came to."""
        return sum(self.amounts[HISTORY_DAYS:])


def _noise(rng: random.Random, sigma: float) -> float:
    return math.exp(rng.gauss(0, sigma) - sigma**2 / 2)


def _walk(rng: random.Random, step: float) -> list[float]:
    """A level that drifts by `step` a day, relative."""
    level, levels = 1.0, []
    for _ in range(HISTORY_DAYS + MONTH_DAYS):
        level *= math.exp(rng.gauss(0, step))
        levels.append(level)
    return levels


def make_steady(rng: random.Random, _first: date) -> list[float]:
    """Every day alike, 20 % of noise."""
    return [level * _noise(rng, 0.2) for level in _walk(rng, 0.01)]


def make_weekday(rng: random.Random, first: date) -> list[float]:
    """A team that works Monday to Friday, 30 % of noise, little at weekends."""
    factors = [rng.uniform(0.8, 1.2) for _ in range(5)] + [rng.uniform(0.05, 0.3) for _ in range(2)]
    levels = _walk(rng, 0.01)
    return [level * factors[(first + timedelta(days=n)).weekday()] * _noise(rng, 0.3) for n, level in enumerate(levels)]


def make_bursty(rng: random.Random, _first: date) -> list[float]:
    """Much noise, one day in ten silent, one in twenty three to six times as big."""

    def swing() -> float:
        chance = rng.random()
        return 0.0 if chance < 0.1 else rng.uniform(3, 6) if chance > 0.95 else 1.0

    return [level * swing() * _noise(rng, 0.6) for level in _walk(rng, 0.01)]


def make_ramp(rng: random.Random, _first: date) -> list[float]:
    """Steady, then 3 % more each day of the month."""
    return [level * _noise(rng, 0.2) * 1.03 ** max(0, n - HISTORY_DAYS) for n, level in enumerate(_walk(rng, 0.01))]


def make_step(rng: random.Random, _first: date) -> list[float]:
    """Steady, then 2.5 times as much (or 0.4) from a day between the 3rd and the 20th on."""
    at, by = HISTORY_DAYS + rng.randint(2, 19), rng.choice([2.5, 0.4])
    return [level * _noise(rng, 0.2) * (by if n >= at else 1) for n, level in enumerate(_walk(rng, 0.01))]


SHAPES: dict[str, Shape] = {
    "steady": make_steady,
    "weekday": make_weekday,
    "bursty": make_bursty,
    "ramp": make_ramp,
    "step": make_step,
    **CHANGING,
}


def make_series(kind: str, count: int, seed: int = SEED) -> list[Series]:
    """`count` series of a kind, the same ones at each call with the same seed."""
    made = []
    for number in range(count):
        rng = random.Random(f"{seed}-{kind}-{number}")
        start = date(2026, 1, 1) + timedelta(days=rng.randrange(365))
        shape = SHAPES[kind](rng, start - timedelta(days=HISTORY_DAYS))
        scale = LEVEL * math.exp(rng.gauss(0, 1))
        amounts = tuple(round(scale * value) for value in shape)
        limit = round(MONTH_DAYS * fmean(amounts[:HISTORY_DAYS]) * rng.uniform(0.8, 1.3))
        made.append(Series(start, amounts, max(1, limit)))
    return made


@dataclass(frozen=True, slots=True)
class View:
    """A series as it is known at noon of a day of the month (1 is the first)."""

    series: Series
    day: int
    half: int

    @property
    def known(self) -> list[int]:
        """Complete days, history included."""
        return list(self.series.amounts[: HISTORY_DAYS + self.day - 1])

    @property
    def spent(self) -> int:
        """Spend of the month so far."""
        return sum(self.known[HISTORY_DAYS:]) + self.half

    def project(self) -> Projection:
        """The projection that Mayday makes."""
        start = self.series.start
        first = start - timedelta(days=HISTORY_DAYS)
        today = start + timedelta(days=self.day - 1)
        history = [(first + timedelta(days=n), amount) for n, amount in enumerate(self.known)]
        period = SpendPeriod(start, start + timedelta(days=MONTH_DAYS), today, 0.5)
        found = project_spend([*history, (today, self.half)], period, self.series.limit)
        if not isinstance(found, Projection):
            raise TypeError("the series have months of history")
        return found

    def run_rate(self) -> float:
        """What the month brought so far, carried on at the same rate."""
        return self.spent / (self.day - 0.5) * MONTH_DAYS

    def mean_28(self) -> float:
        """Spent so far, then the mean of the last 28 complete days."""
        return self.spent + fmean(self.known[-28:]) * (MONTH_DAYS - self.day + 0.5)

    def gateway(self) -> float:
        """The rule of LLM gateways: spend + spend / (day - 1) x remaining days."""
        return self.spent + self.spent / (self.day - 1) * (MONTH_DAYS - self.day)


def look(series: Series, day: int) -> View:
    """The series at noon of that day; between 35 and 65 % of the day's spend has come."""
    share = random.Random(f"{series.amounts[0]}-{day}").uniform(0.35, 0.65)
    return View(series, day, round(series.amounts[HISTORY_DAYS + day - 1] * share))


@dataclass(frozen=True, slots=True)
class Row:
    """Figures of one kind of series at one day; errors and shares in percent."""

    kind: str
    day: int
    mape: float
    run_rate: float
    mean_28: float
    gateway: float
    coverage: float
    pages: int
    right_pages: int
    low_confidence: float


def measure(kind: str, day: int, series: Sequence[Series]) -> Row:
    """All figures of one kind at one day."""
    views = [look(one, day) for one in series]
    found = [view.project() for view in views]
    totals = [one.total for one in series]
    paged = [
        one.total >= one.limit
        for one, made in zip(series, found, strict=True)
        if made.spent < one.limit and made.breach_chance >= 0.8
    ]
    return Row(
        kind=kind,
        day=day,
        mape=mape((made.projected for made in found), totals),
        run_rate=mape((view.run_rate() for view in views), totals),
        mean_28=mape((view.mean_28() for view in views), totals),
        gateway=mape((view.gateway() for view in views), totals),
        coverage=100 * fmean(made.low <= total <= made.high for made, total in zip(found, totals, strict=True)),
        pages=len(paged),
        right_pages=sum(paged),
        low_confidence=100 * fmean(made.confidence == "low" for made in found),
    )


def mape(projected: Iterable[float], totals: Sequence[int]) -> float:
    """Mean absolute error relative to the real end, in percent."""
    return 100 * fmean(abs(one - total) / total for one, total in zip(projected, totals, strict=True))


def run(count: int = SERIES, seed: int = SEED) -> list[Row]:
    """Every kind at every day, on `count` series each."""
    made = {kind: make_series(kind, count, seed) for kind in SHAPES}
    return [measure(kind, day, series) for kind, series in made.items() for day in DAYS]


def measure_autoets(count: int, seed: int) -> dict[tuple[str, int], float] | None:
    """MAPE of statsforecast's AutoETS with weeks, by kind and day; None where it cannot be imported."""
    if not count or importlib.util.find_spec("statsforecast") is None:
        return None
    models: Any = importlib.import_module("statsforecast.models")
    numpy: Any = importlib.import_module("numpy")
    errors = {}
    for kind in SHAPES:
        for day in DAYS:
            views = [look(one, day) for one in make_series(kind, count, seed)]
            projected = []
            for view in views:
                known = numpy.array(view.known, dtype=float)
                ahead = models.AutoETS(season_length=7).forecast(known, h=MONTH_DAYS - day + 1)["mean"]
                projected.append(view.spent + float(ahead[0]) / 2 + float(ahead[1:].sum()))
            errors[kind, day] = mape(projected, [view.series.total for view in views])
    return errors


def print_means(rows: Sequence[Row], ets: dict[tuple[str, int], float] | None, count: int) -> None:
    """The mean over all kinds by day, beside the others'."""
    print("\nmean of all kinds")
    for day in DAYS:
        at = [row for row in rows if row.day == day]
        told = [f"{name} {fmean(getattr(row, name) for row in at):.2f} %" for name in ("mape", "run_rate", "mean_28")]
        beside = f"AutoETS {fmean(ets[kind, day] for kind in SHAPES):.2f} % (of {count} series)" if ets else "AutoETS -"
        print(f"day {day}: {', '.join(told)}, {beside}")


def page_precision(rows: Iterable[Row]) -> float:
    """Share of pages (chance of breach at 0.8) after which the month did end over its limit."""
    rows = list(rows)
    pages = sum(row.pages for row in rows)
    return sum(row.right_pages for row in rows) / pages if pages else math.nan


def print_table(rows: Sequence[Row]) -> None:
    """The table of docs/budgets.md."""
    print(
        "| series | day | MAPE | run-rate | 28-day mean | gateway | 80 % range holds | pages right | low confidence |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        errors = " | ".join(f"{value:.2f} %" for value in (row.mape, row.run_rate, row.mean_28, row.gateway))
        print(
            f"| {row.kind} | {row.day} | {errors} | {row.coverage:.0f} % "
            f"| {row.right_pages} of {row.pages} | {row.low_confidence:.0f} % |"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(prog="mayday bench projection", description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--series", type=int, default=SERIES, help="series of each kind")
    parser.add_argument("--set-aside", action="store_true", help="series by which nothing was chosen")
    parser.add_argument(
        "--ets", type=int, default=0, help="series of each kind for AutoETS, where statsforecast is there"
    )
    options = parser.parse_args(arguments)
    seed = SET_ASIDE_SEED if options.set_aside else SEED
    rows = run(options.series, seed)
    print_table(rows)
    print_means(rows, measure_autoets(options.ets, seed), options.ets)
    kinds = {kind: page_precision(row for row in rows if row.kind == kind) for kind in SHAPES}
    print("\nprecision of pages: " + ", ".join(f"{kind} {value:.3f}" for kind, value in kinds.items()))
    print(f"all: {page_precision(rows):.3f}")
    figures: dict[str, Any] = {"series": options.series, "rows": [_as_dict(row) for row in rows]}
    figures["precision"] = {**kinds, "all": page_precision(rows)}
    write_figures(options.json, figures)


def _as_dict(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


if __name__ == "__main__":
    main()
