"""Whether API processes add up: the same load on one, two and three of them, in front of one Postgres.

`mayday bench scaling [--processes 3] [--seconds S] [--rounds N] [--json FILE]` starts servers of its own and that many
API processes, each on a port of its own. One, two... of them take turns under batches from eight connections each, then
under hot reads. What carries over to a larger machine is the CPU that an error costs each program, and the write-ahead
log; and what flushes wait for while they are open, for the API, for the disk, or for each other. Where neither grows with
the processes, they wait for nothing but cores. At the end all must be stored.
"""

import argparse
import asyncio
import os
from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import uvloop

from dev.bench.command import measure
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import Load, ask_batches, ask_recent, drive
from dev.bench.processes import Server, run_server
from dev.bench.stores import Home, Stores, count_rows, furnish
from dev.bench.turns import Slice, Turn, describe, ratio, take_turns
from dev.bench.waits import share_waits, watching_waits

SEED = 18
SAMPLE = 30_000
BATCH = 100
CONNECTIONS = {"batches": 8, "reads": 16}  # to each process
FIND_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


@dataclass(slots=True)
class Bench:
    """What runs, the bodies that are sent, and how many errors were acknowledged."""

    stores: Stores
    home: Home
    apis: list[Server]
    bodies: list[bytes]
    seconds: float
    acknowledged: int = 0
    wal_bytes: dict[str, list[int]] = field(default_factory=dict)
    waits: dict[str, Counter[str]] = field(default_factory=dict)

    def turns(self, kind: str) -> dict[str, Turn]:
        return {name_of(count): self.turn(kind, count) for count in range(1, len(self.apis) + 1)}

    def turn(self, kind: str, count: int) -> Turn:
        async def take() -> Slice:
            used = self.apis[:count]
            before = sum(api.cpu_seconds for api in used), self.stores.postgres_cpu_seconds, await self.find_wal()
            async with watching_waits(self.home.settings.database_url) as waits:
                load = add_up(await asyncio.gather(*[self.drive(kind, api) for api in used]))
            self.waits.setdefault(name_of(count), Counter()).update(waits)
            self.wal_bytes.setdefault(name_of(count), []).append(await self.find_wal() - before[2])
            if kind == "batches":
                self.acknowledged += load.done
            server_cpu_seconds = sum(api.cpu_seconds for api in used) - before[0]
            return Slice(load, server_cpu_seconds, self.stores.postgres_cpu_seconds - before[1])

        return take

    async def drive(self, kind: str, api: Server) -> Load:
        requests, check = (
            ask_batches(self.bodies, self.home.ingest_key, BATCH)
            if kind == "batches"
            else ask_recent(self.home.read_key)
        )
        return await drive(api.port, requests, check, connections=CONNECTIONS[kind], seconds=self.seconds)

    async def find_wal(self) -> int:
        connection = await asyncpg.connect(self.home.settings.database_url)
        try:
            return int(await connection.fetchval(FIND_WAL))
        finally:
            await connection.close()


def name_of(count: int) -> str:
    return f"{count} process{'es' if count > 1 else ''}"


def add_up(loads: Sequence[Load]) -> Load:
    """Loads that ran side by side as one. The generator is one process: each of them measured all of its CPU."""
    return Load(
        done=sum(load.done for load in loads),
        requests=sum(load.requests for load in loads),
        seconds=max(load.seconds for load in loads),
        generator_cpu_seconds=max(load.generator_cpu_seconds for load in loads),
        latencies_seconds=array("d", [second for load in loads for second in load.latencies_seconds]),
    )


def compare(slices: dict[str, list[Slice]]) -> dict[str, Any]:
    """Each number of processes: its figures, its rate over that of one, and the cores that each program kept busy."""
    return {
        name: describe(taken) | {"ratio": ratio(slices, name, name_of(1)), "cores": count_cores(taken)}
        for name, taken in slices.items()
    }


def count_cores(taken: Sequence[Slice]) -> dict[str, float]:
    seconds = sum(one.load.seconds for one in taken)
    spent = {
        "api": sum(one.server_cpu_seconds for one in taken),
        "postgres": sum(one.postgres_cpu_seconds for one in taken),
        "generator": sum(one.load.generator_cpu_seconds for one in taken),
    }
    return {name: round(cpu_seconds / seconds, 2) for name, cpu_seconds in spent.items()}


async def measure_batches(bench: Bench, rounds: int) -> dict[str, Any]:
    written = await take_turns(bench.turns("batches"), rounds)
    table = compare(written)
    for name, taken in written.items():  # the first slice was of the round that does not count
        done = sum(one.load.done for one in taken)
        table[name]["wal_bytes"] = round(sum(bench.wal_bytes[name][1:]) / done)
        table[name]["waits"] = share_waits(bench.waits[name])
    return table


async def take_all(bench: Bench, rounds: int) -> dict[str, Any]:
    tables = {
        "batches": await measure_batches(bench, rounds),
        "reads": compare(await take_turns(bench.turns("reads"), rounds)),
    }
    stored = await count_rows(bench.home.settings.database_url, "errors")
    if stored != bench.acknowledged:
        raise SystemExit(f"acknowledged {bench.acknowledged}, stored {stored}")
    return {"cores": len(os.sched_getaffinity(0)), "tables": tables, "stored": stored}


def run(stores: Stores, options: argparse.Namespace) -> dict[str, Any]:
    home = furnish(stores, "scaling_bench")
    bodies = batch_bodies([encode(error) for error in make_errors(SAMPLE, SEED)], BATCH)
    with ExitStack() as stack:
        apis = [
            stack.enter_context(run_server("cli", "api", environment=home.environment))
            for _ in range(options.processes)
        ]
        return uvloop.run(take_all(Bench(stores, home, apis, bodies, options.seconds), options.rounds))


def show(result: dict[str, Any]) -> None:
    """As Markdown, for docs/scaling.md."""
    for kind, table in result["tables"].items():
        print(f"\n| {kind}, {result['cores']} cores | per second | of one | API µs | Postgres µs | WAL bytes "
              "| busy cores: API, Postgres, generator | p99 ms |\n| --- |" + " ---: |" * 7)  # fmt: skip
        for name, row in table.items():
            cores = ", ".join(f"{busy:.2f}" for busy in row["cores"].values())
            costs = f"{row['server_us']:.1f} | {row['postgres_us']:.1f} | {row.get('wal_bytes', '')}"
            print(f"| {name} | {row['rate']:,.0f} | {row['ratio']:.2f} x | {costs} | {cores} | {row['p99_ms']:.1f} |")
    for name, row in result["tables"]["batches"].items():
        print(
            f"{name}: open flushes waited for "
            + ", ".join(f"{what} {share:.1%}" for what, share in row["waits"].items())
        )
    print(f"\n{result['stored']:,} errors acknowledged and stored")


def main(arguments: Sequence[str] | None = None) -> None:
    measure("scaling", __doc__, run, show, arguments, processes=3, seconds=3.0, rounds=5)


if __name__ == "__main__":
    main()
