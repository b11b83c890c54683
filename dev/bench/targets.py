"""What is asked of the figures, and whether they meet it: computed here and nowhere else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dev.bench.beside import HALF, STEADY

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """A figure beside what was asked of it."""

    name: str
    measured: float
    asked: float
    unit: str = "x"
    is_most: bool = False  # the most that it may be, not the least that it must be

    @property
    def is_met(self) -> bool:
        return self.measured <= self.asked if self.is_most else self.measured >= self.asked

    def row(self) -> list[str]:
        bound = "at most" if self.is_most else "at least"
        verdict = "met" if self.is_met else "**missed**"
        return [self.name, f"{bound} {self.asked:g} {self.unit}", f"{self.measured:.3g} {self.unit}", verdict]


def cpu(row: Figures) -> float:
    """Microseconds of the service and Postgres together."""
    return float(row["server_us"] + row["postgres_us"])


def write_targets(ingest: Figures) -> list[Target]:
    """What is asked of the write path. A row's ratio is Mayday's rate over that variant's."""
    batch, single, one = ingest["batch"], ingest["single"], ingest["one_connection"]
    own = cpu(batch["mayday"])
    rates = [
        Target(f"batch: rate over {name}", batch[name]["ratio"], asked)
        for name, asked in (("copy", 0.45), ("add_all", 3), ("source", 2), ("naive", 15))
    ]
    costs = [
        Target(f"batch: CPU an error of {name} over Mayday's", cpu(batch[name]) / own, asked)
        for name, asked in (("add_all", 3), ("source", 2), ("naive", 15))
    ]
    return [
        *rates,
        *costs,
        Target("single, 64 connections: rate over insert", single["insert"]["ratio"], 0.5),
        Target("single, 64 connections: rate over naive", single["naive"]["ratio"], 10),
        Target("single: p95 over naive's", single["mayday"]["p95_ms"] / single["naive"]["p95_ms"], 0.25, is_most=True),
        Target("single, one connection: rate over one_insert", one["one_insert"]["ratio"], 1),
        Target("CPU of API and Postgres an error, batch", own, 60, "µs", is_most=True),
        Target("CPU of API and Postgres an error, single", cpu(single["mayday"]), 300, "µs", is_most=True),
        Target("memory of the API after the load", ingest["memory"]["after_bytes"] / 1e6, 150, "MB", is_most=True),
    ]


def read_targets(reads: Figures) -> list[Target]:
    """What is asked of hot answers."""
    return [
        target
        for name, table in reads["hot"].items()
        for target in (
            Target(f"{name}: rate over Starlette's", table["mayday"]["of_starlette"], 0.9),
            Target(f"{name}, 304: rate over Starlette's", table["mayday 304"]["of_starlette"], 1),
        )
    ]


def beside_targets(beside: Figures) -> list[Target]:
    """What is asked of reads while errors come in."""
    steady = beside["rows"][STEADY]
    return [
        Target(f"recent {STEADY}: hits", 100 * steady["hit_share"], 99, "%"),
        Target(f"recent {STEADY}: most age", steady["age_most_seconds"], 1.2, "s", is_most=True),
        Target(f"recent {HALF}: p95 over idle", beside["p95_over_idle"], 3, is_most=True),
    ]


def curve_targets(curve: Sequence[Figures]) -> list[Target]:
    """What is asked of the largest log, beside a young one."""
    last = curve[-1]
    size = f"{last['errors'] / 1e6:.3g} million errors"
    return [
        *(
            Target(f"{size}: {name} over a young log's", last[name]["of_young"], 0.8)
            for name in ("ingest", "recent", "patterns")
        ),
        *(
            Target(f"{size}: {name}, uncached, median", last["misses"][name]["p50_ms"], 10, "ms", is_most=True)
            for name in ("recent", "pattern")
        ),
    ]


def memory_targets(memory: Figures) -> list[Target]:
    """What is asked of memory."""
    later = memory["later_bytes"] / memory["idle_bytes"]
    return [
        Target("memory of the API after a burst", memory["after_bytes"] / 1e6, 150, "MB", is_most=True),
        Target(f"{memory['minutes']:g} minutes later over idle", later, 1.1, is_most=True),
        Target(f"Redis for {memory['cached_errors']:,} errors", memory["redis_bytes"] / 1e6, 20, "MB", is_most=True),
    ]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of the table that the source prints of itself, with our figures; improvements in percent."""

    name: str
    before: float
    after: float
    unit: str
    stated: float

    @property
    def improvement(self) -> float:
        return 100 * (1 - self.after / self.before)


def source_rows(ingest: Figures, reads: Figures) -> Iterator[SourceRow]:
    """The source's operations, before in the naive service."""
    before, hot = reads["before"], reads["hot"]
    recent, patterns, single, batch = before["recent"], before["patterns"], ingest["single"], ingest["batch"]

    def compare(name: str, table: Figures, key: str, stated: float, parts: int = 1) -> SourceRow:
        return SourceRow(name, table["naive"][key] / parts, table["mayday"][key] / parts, "ms", stated)

    yield compare("recent, p95, one reader", recent, "p95_ms", 77)
    yield compare("log, p95, 64 connections", single, "p95_ms", 90)
    yield compare("batch, an error, one of eight connections", batch, "p50_ms", 90, parts=100)
    yield compare("patterns, p95, one reader", patterns, "p95_ms", 83)
    whole, packed = (hot[f"patterns {coding}"]["bytes"] for coding in ("identity", "zstd"))
    yield SourceRow("bytes of patterns, zstd", whole, packed, "bytes", 60)


def source_targets(ingest: Figures, reads: Figures) -> list[Target]:
    """What the source states of itself, asked of us."""
    return [Target(f"better: {row.name}", row.improvement, row.stated, "%") for row in source_rows(ingest, reads)]


def find_targets(figures: Figures) -> list[Target]:
    """All that is asked of those benches that were run; figures by the name of their bench."""
    beside = figures.get("reads", {}).get("beside")
    return [
        *(write_targets(figures["ingest"]) if "ingest" in figures else ()),
        *(read_targets(figures["reads"]) if "reads" in figures else ()),
        *(beside_targets(beside) if beside else ()),
        *(curve_targets(figures["curve"]) if "curve" in figures else ()),
        *(source_targets(figures["ingest"], figures["reads"]) if {"ingest", "reads"} <= set(figures) else ()),
        *(memory_targets(figures["memory"]) if "memory" in figures else ()),
    ]
