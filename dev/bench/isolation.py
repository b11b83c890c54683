"""Whether API and worker slow each other: full load on the one beside the other at rest, and beside it at full work.

`mayday bench isolation [--errors N] [--seconds S] [--rounds N] [--steady S] [--json FILE]` starts servers of its own and
stores N errors. Then these take turns: batches alone, hot reads alone, a worker alone that recomputes patterns and
trends without a pause, and each load beside that worker. Last, the worker program at its own periods runs beside
batches at full rate for the steady stretch, and it is looked how old counts and patterns get. Every answer is checked,
and at the end all counts must be those of the acknowledged errors.
"""

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import asyncpg
import uvloop

from dev.bench.command import measure
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import Check, Load, ask_batches, ask_recent, drive
from dev.bench.processes import Server, run_server, run_worker
from dev.bench.recompute import Recomputer
from dev.bench.steady import describe_ages, watching
from dev.bench.stores import Home, Stores, execute, furnish
from dev.bench.turns import Slice, Turn, describe, ratio, take_turns

SEED = 17
SAMPLE = 20_000
BATCH = 100
CONNECTIONS = {"batches": 8, "reads": 16}
CATCH_UP_SECONDS = 10.0
ONE_RUN_SECONDS = 0.001

# What was stored, and what is counted of it: all must be the same.
COUNTS = """
    SELECT (SELECT count(*) FROM errors) AS errors, (SELECT sum(count)::bigint FROM rollups) AS rollups,
           (SELECT sum(count)::bigint FROM hourly_rollups) AS hourly_rollups,
           (SELECT sum(count)::bigint FROM fingerprints) AS fingerprints,
           (SELECT (convert_from(body, 'UTF8')::jsonb -> 'total')::bigint FROM snapshots WHERE window_hours = 24) AS patterns
"""


@dataclass(slots=True)
class Bench:
    """What runs, what the loads send, and how many errors were acknowledged."""

    stores: Stores
    home: Home
    api: Server
    worker: Recomputer
    loads: dict[str, tuple[Iterator[bytes], Check]]
    seconds: float
    acknowledged: int = 0
    beside: dict[str, list[Slice]] = field(default_factory=dict)

    async def load(self, name: str, seconds: float) -> Slice:
        """A stretch of load on the API."""
        before = self.api.cpu_seconds, self.stores.postgres_cpu_seconds
        requests, check = self.loads[name]
        load = await drive(self.api.port, requests, check, connections=CONNECTIONS[name], seconds=seconds)
        if name == "batches":
            self.acknowledged += load.done
        return Slice(load, self.api.cpu_seconds - before[0], self.stores.postgres_cpu_seconds - before[1])

    async def recompute(self) -> Slice:
        """A stretch of the worker; what is done is its runs, and their times are the latencies."""
        before = self.stores.postgres_cpu_seconds
        worked = await self.worker.work(self.seconds)
        load = Load(done=len(worked["runs"]), seconds=sum(worked["runs"]) + sum(worked["folds"]))
        load.latencies_seconds.extend(worked["runs"])
        return Slice(load, worked["cpu_seconds"], self.stores.postgres_cpu_seconds - before)

    async def both(self, name: str) -> Slice:
        """The load's slice; the worker's goes to `beside`."""
        taken, worked = await asyncio.gather(self.load(name, self.seconds), self.recompute())
        self.beside.setdefault(f"worker beside {name}", []).append(worked)
        return taken

    def turns(self) -> dict[str, Turn]:
        turns: dict[str, Turn] = {"worker": self.recompute}
        for name in self.loads:
            turns[name] = partial(self.load, name, self.seconds)
            turns[f"{name} beside worker"] = partial(self.both, name)
        return turns


def compare(slices: dict[str, list[Slice]]) -> dict[str, Any]:
    """Each variant's figures; those of two together also as shares of the same alone."""
    result: dict[str, Any] = {name: describe(taken) for name, taken in slices.items()}
    for name in CONNECTIONS:
        result[f"{name} beside worker"]["rate_of_alone"] = ratio(slices, f"{name} beside worker", name)
        pairs = zip(slices[f"worker beside {name}"], slices["worker"], strict=True)
        result[f"worker beside {name}"]["run_of_alone"] = round(
            median(median(a.load.latencies_seconds) / median(b.load.latencies_seconds) for a, b in pairs), 3
        )
    return result


async def run_steady(bench: Bench, seconds: float) -> dict[str, Any]:
    """Batches at full rate beside the worker program; looked at once it has caught up."""
    with run_worker(bench.home.environment):
        await bench.load("batches", CATCH_UP_SECONDS)
        async with watching(bench.home) as seen:
            taken = await bench.load("batches", seconds)
    return {"seconds": seconds, **describe([taken]), **describe_ages(seen, bench.home.settings)}


async def check_counts(bench: Bench) -> dict[str, int]:
    """Exit when anything counts other than the acknowledged errors."""
    connection = await asyncpg.connect(bench.home.settings.database_url)
    counts = dict(await connection.fetchrow(COUNTS) or {})
    await connection.close()
    if set(counts.values()) != {bench.acknowledged}:
        raise SystemExit(f"acknowledged {bench.acknowledged}, and there are {counts}")
    return counts


async def take_all(stores: Stores, home: Home, api: Server, options: argparse.Namespace) -> dict[str, Any]:
    bodies = batch_bodies([encode(error) for error in make_errors(SAMPLE, SEED)], BATCH)
    loads = {"batches": ask_batches(bodies, home.ingest_key, BATCH), "reads": ask_recent(home.read_key)}
    bench = Bench(stores, home, api, await Recomputer.start(home), loads, options.seconds)
    while bench.acknowledged < options.errors:
        await bench.load("batches", 2.0)
    stored = bench.acknowledged
    await bench.worker.work(ONE_RUN_SECONDS)
    await execute(home.settings.database_url, "VACUUM ANALYZE")  # as autovacuum would, a minute later
    slices = await take_turns(bench.turns(), options.rounds)
    # the first of each was of the round that does not count
    table = compare(slices | {name: taken[1:] for name, taken in bench.beside.items()})
    steady = await run_steady(bench, options.steady)
    await bench.worker.work(ONE_RUN_SECONDS)  # what came last is counted too
    await bench.worker.end()
    return {"stored_before": stored, "table": table, "steady": steady, "counts": await check_counts(bench)}


def run(stores: Stores, options: argparse.Namespace) -> dict[str, Any]:
    home = furnish(stores, "isolation_bench")
    with run_server("cli", "api", environment=home.environment) as api:
        return uvloop.run(take_all(stores, home, api, options))


def show(result: dict[str, Any]) -> None:
    """As Markdown, for docs/scaling.md."""
    print(f"{result['stored_before']:,} errors stored before\n")
    print("| | per second | p50 ms | p99 ms | beside / alone | its CPU µs | Postgres µs |\n| --- |" + " ---: |" * 6)
    for name, row in result["table"].items():
        times = f"{row['p50_ms']:.1f} | {row['p99_ms']:.1f}"
        costs = f"{row['server_us']:,.0f} | {row['postgres_us']:,.0f}"
        print(f"| {name} | {row['rate']:,.1f} | {times} | {tell_share(row)} | {costs} |")
    steady = result["steady"]
    print(f"\nthe worker at its periods beside {steady['rate']:,.0f} errors/s for {steady['seconds']:g} s: p50 "
          f"{steady['p50_ms']:.1f} ms, p99 {steady['p99_ms']:.1f} ms; the oldest delta waited "
          f"{steady['oldest_delta_seconds']:.1f} s")  # fmt: skip
    for job, row in steady["jobs"].items():
        print(f"{job}: {row['runs']} runs, median {row['median_seconds']:.2f} s, longest {row['longest_seconds']:.2f} s, "
              f"last success at most {row['oldest_seconds']:.1f} s ago (late: {row['late_after_seconds']:g} s)")  # fmt: skip
    print(f"counted at the end: {result['counts']}")


def tell_share(row: dict[str, Any]) -> str:
    """Of the same alone: the rate of a load, the time of a run."""
    if "rate_of_alone" in row:
        return f"rate {row['rate_of_alone']:.2f} x"
    return f"time {row['run_of_alone']:.2f} x" if "run_of_alone" in row else ""


def main(arguments: Sequence[str] | None = None) -> None:
    measure("isolation", __doc__, run, show, arguments, errors=300_000, seconds=3.0, rounds=5, steady=75.0)


if __name__ == "__main__":
    main()
