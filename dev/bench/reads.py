"""How fast hot answers are read, beside a bare Starlette route that returns the same bytes from a constant.

`mayday bench reads [--seconds S] [--rounds N] [--json FILE]` stores errors, lets the worker's jobs run once, and asks
for patterns and recent errors in each coding, as 200 and as 304. Every body is compared with the first one. Then one
reader at a time asks Mayday and the naive service for the same, over the same errors; and one reads recent errors while
others come in.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import uvloop

from dev.bench import beside
from dev.bench.command import measure_in_slices
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import Check, drive, expect_status, get
from dev.bench.processes import Server, run_server
from dev.bench.stores import Home, Stores, execute, furnish, work_once
from dev.bench.turns import Slice, Turn, describe, ratio, take_turns

SEED = 12
ERRORS = 20_000
CONNECTIONS = 32
CODINGS = ("identity", "gzip", "br", "zstd")
PATHS = {"patterns": "/api/errors/patterns", "recent": "/api/errors/recent"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer as it is on the wire, and where it came from."""

    etag: str
    source: str
    body: bytes


def fill(server: Server, path: str, bodies: Sequence[bytes], key: str = "") -> None:
    """Store these batches over HTTP."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        for body in bodies:
            client.post(path, content=body).raise_for_status()


def fetch(server: Server, home: Home, path: str, coding: str) -> Fetched:
    headers = {"Authorization": f"Bearer {home.read_key}", "Accept-Encoding": coding}
    with httpx.stream("GET", f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=60) as answer:
        answer.raise_for_status()
        body = b"".join(answer.iter_raw())
        return Fetched(answer.headers["etag"], answer.headers["x-mayday-cache"], body)


def check_warm(server: Server, home: Home, found: Mapping[tuple[str, str], Fetched]) -> None:
    """Exit when an answer is no longer the one that was measured, or does not come out of the cache."""
    for (name, coding), first in found.items():
        again = fetch(server, home, PATHS[name], coding)
        if again != replace(first, source="hit"):
            raise SystemExit(f"{name} {coding}: {again.source}, {again.etag} instead of {first.etag}")


def turn_of(
    server: Server, requests: Iterator[bytes], check: Check, seconds: float, connections: int = CONNECTIONS
) -> Turn:  # fmt: skip
    async def turn() -> Slice:
        # a process trusts its copy for half a second, and others had their turns: look again before it counts
        await drive(server.port, requests, check, connections=1, seconds=0)
        before = server.cpu_seconds
        load = await drive(server.port, requests, check, connections=connections, seconds=seconds)
        return Slice(load, server.cpu_seconds - before, 0.0)

    return turn


def make_turns(
    mayday: Server, constant: Server, home: Home, path: str, coding: str, found: Fetched, seconds: float
) -> dict[str, Turn]:
    """Whole answers and 304 beside the same bytes from a constant route."""
    accept = {} if coding == "identity" else {"Accept_Encoding": coding}
    whole = expect_status(200, found.body)
    return {
        "mayday": turn_of(mayday, repeat(get(path, home.read_key, **accept)), whole, seconds),
        "mayday 304": turn_of(
            mayday, repeat(get(path, home.read_key, If_None_Match=found.etag, **accept)), expect_status(304), seconds
        ),
        "starlette": turn_of(constant, repeat(get(f"/body/{path.rsplit('/', 1)[1]}.{coding}")), whole, seconds),
        "smallest": turn_of(constant, repeat(get("/smallest")), expect_status(200, b"ok"), seconds),
    }


def compare_with_naive(mayday: Server, naive: Server, home: Home, seconds: float, rounds: int) -> dict[str, Any]:
    """Recent and patterns, one reader at a time: the naive service computes them for each request."""
    starts = {"recent": b'{"errors":[{', "patterns": b'{"total":%d,' % ERRORS}
    result = {}
    for name, path in PATHS.items():
        turns = {
            "mayday": turn_of(
                mayday, repeat(get(path, home.read_key, Accept_Encoding="zstd")), expect_status(200), seconds, 1
            ),
            "naive": turn_of(naive, repeat(get(f"/{name}")), expect_status(200, starts[name]), seconds, 1),
        }
        slices = uvloop.run(take_turns(turns, rounds))
        result[name] = {variant: describe(taken) for variant, taken in slices.items()}
    return result


def run(stores: Stores, seconds: float, rounds: int) -> dict[str, Any]:
    """A table for each answer and coding, and `before` for the naive service."""
    home = furnish(stores, "reads_bench")
    bodies = batch_bodies([encode(error) for error in make_errors(ERRORS, SEED)], 500)
    result: dict[str, Any] = {"errors": ERRORS, "hot": {}}
    with ExitStack() as stack:
        mayday = stack.enter_context(run_server("cli", "api", environment=home.environment))
        fill(mayday, "/api/errors/batch", bodies, home.ingest_key)
        asyncio.run(execute(home.settings.database_url, "ANALYZE"))  # as autovacuum would, a minute later
        asyncio.run(work_once(home))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mayday-")))
        found = {
            (name, coding): fetch(mayday, home, path, coding) for name, path in PATHS.items() for coding in CODINGS
        }
        for (name, coding), answer in found.items():
            (folder / f"{name}.{coding}").write_bytes(answer.body)
        constant = stack.enter_context(run_server("dev.bench.services.constant", str(folder)))
        for (name, coding), answer in found.items():
            turns = make_turns(mayday, constant, home, PATHS[name], coding, answer, seconds)
            slices = uvloop.run(take_turns(turns, rounds))
            result["hot"][f"{name} {coding}"] = {"bytes": len(answer.body)} | {
                variant: describe(taken) | {"of_starlette": ratio(slices, variant, "starlette")}
                for variant, taken in slices.items()
            }
        plain = {"MAYDAY_DATABASE_URL": stores.database("plain_reads"), "MAYDAY_REDIS_URL": stores.redis_url}
        naive = stack.enter_context(run_server("dev.bench.services.naive", environment=plain))
        fill(naive, "/add_all", bodies)
        result["before"] = compare_with_naive(mayday, naive, home, seconds, rounds)
        check_warm(mayday, home, found)
        errors = [encode(error) for error in make_errors(ERRORS, SEED + 1)]
        result["beside"] = beside.run(mayday, home, errors, seconds)
    return result


def show(result: dict[str, Any]) -> None:
    print(f"{'answer':<20}{'bytes':>9}  {'variant':<12}{'reads/s':>9}{'of starlette':>14}{'server us':>11}"
          f"{'generator us':>14}{'p95 ms':>8}")  # fmt: skip
    for name, table in result["hot"].items():
        for variant in ("mayday", "mayday 304", "starlette", "smallest"):
            row = table[variant]
            print(f"{name:<20}{table['bytes']:>9}  {variant:<12}{row['rate']:>9,.0f}{row['of_starlette']:>14.2f}"
                  f"{row['server_us']:>11.1f}{row['generator_us']:>14.1f}{row['p95_ms']:>8.2f}")  # fmt: skip
    beside.show(result["beside"])
    for name, row in result["before"].items():
        print(
            f"{name}, one reader, p95: naive {row['naive']['p95_ms']:.2f} ms, mayday {row['mayday']['p95_ms']:.2f} ms"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    measure_in_slices("reads", __doc__, run, show, arguments, seconds=1.0, rounds=3)


if __name__ == "__main__":
    main()
