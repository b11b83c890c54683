"""Variants take turns in short slices, so that what else the machine does meets all of them; medians of ratios."""

import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from dev.bench.load import Load


@dataclass(frozen=True, slots=True)
class Slice:
    """One variant's stretch of load, and the CPU that its server and Postgres took for it."""

    load: Load
    server_cpu_seconds: float
    postgres_cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.load.done / self.load.seconds


Turn = Callable[[], Awaitable[Slice]]


async def take_turns(turns: Mapping[str, Turn], rounds: int) -> dict[str, list[Slice]]:
    """Each variant once a round, after one round that is not counted; every second round runs the other way."""
    for name, turn in turns.items():
        print(f"  {name} warms up", file=sys.stderr, flush=True)
        await turn()
    slices: dict[str, list[Slice]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in list(turns)[:: -1 if number % 2 else 1]:
            slices[name].append(await turns[name]())
            print(f"  {name} {slices[name][-1].rate:,.0f}/s", file=sys.stderr, flush=True)
    return slices


def describe(slices: Sequence[Slice]) -> dict[str, Any]:
    """Medians over the slices: done per second, microseconds of CPU for each done, milliseconds of latency."""
    latencies = sorted(second for taken in slices for second in taken.load.latencies_seconds)
    return {
        "rate": round(median(taken.rate for taken in slices), 1),
        "done": sum(taken.load.done for taken in slices),
        "server_us": per_done(slices, "server_cpu_seconds"),
        "postgres_us": per_done(slices, "postgres_cpu_seconds"),
        "generator_us": round(
            1e6 * sum(taken.load.generator_cpu_seconds for taken in slices) / sum(t.load.done for t in slices), 1
        ),
        "p50_ms": quantile(latencies, 0.5),
        "p95_ms": quantile(latencies, 0.95),
        "p99_ms": quantile(latencies, 0.99),
    }


def per_done(slices: Sequence[Slice], name: str) -> float:
    """Microseconds for each thing done, over all slices: ticks are too coarse for one."""
    total: float = sum(getattr(taken, name) for taken in slices)
    return round(1e6 * total / sum(taken.load.done for taken in slices), 1)


def quantile(ordered: Sequence[float], share: float) -> float:
    """In milliseconds."""
    return round(1000 * ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1], 2) if ordered else 0.0


def ratio(slices: Mapping[str, Sequence[Slice]], name: str, other: str) -> float:
    """How many times the rate of `other` the variant has: the median over the rounds."""
    return round(median(a.rate / b.rate for a, b in zip(slices[name], slices[other], strict=True)), 3)
