"""How fast hot answers are read, beside a bare Starlette route that returns the same bytes from a constant.

`mayday bench reads [--seconds S] [--rounds N] [--json FILE]` stores errors, lets the worker's jobs run once, and asks
for patterns and recent errors in each coding, as 200 and as 304. Every body is compared with the first one.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import uvloop

from bench.error_samples import batch_bodies, encode, make_errors
from bench.load import Check, drive, expect_status, get
from bench.processes import Server, run_server
from bench.stores import Home, Stores, furnish, start_stores, work_once
from bench.turns import Slice, Turn, describe, ratio, take_turns

SEED = 12
ERRORS = 20_000
CONNECTIONS = 32
CODINGS = ("identity", "gzip", "br", "zstd")
PATHS = {"patterns": "/api/errors/patterns", "recent": "/api/errors/recent"}


def fill(server: Server, home: Home) -> None:
    """Store the errors over HTTP and make their patterns."""
    bodies = batch_bodies([encode(error) for error in make_errors(ERRORS, SEED)], 500)
    headers = {"Authorization": f"Bearer {home.ingest_key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client:
        for body in bodies:
            client.post("/api/errors/batch", content=body).raise_for_status()
    asyncio.run(work_once(home))


def fetch(server: Server, home: Home, path: str, coding: str) -> tuple[str, bytes]:
    """ETag and bytes as on the wire."""
    headers = {"Authorization": f"Bearer {home.read_key}", "Accept-Encoding": coding}
    with httpx.stream("GET", f"http://127.0.0.1:{server.port}{path}", headers=headers, timeout=60) as answer:
        answer.raise_for_status()
        return answer.headers["etag"], b"".join(answer.iter_raw())


def turn_of(server: Server, request: bytes, check: Check, seconds: float) -> Turn:
    async def turn() -> Slice:
        before = server.cpu_seconds
        load = await drive(server.port, repeat(request), check, connections=CONNECTIONS, seconds=seconds)
        return Slice(load, server.cpu_seconds - before, 0.0)

    return turn


def make_turns(
    mayday: Server, constant: Server, home: Home, path: str, coding: str, etag: str, body: bytes, seconds: float
) -> dict[str, Turn]:
    accept = {} if coding == "identity" else {"Accept_Encoding": coding}
    whole = expect_status(200, body)
    return {
        "mayday": turn_of(mayday, get(path, home.read_key, **accept), whole, seconds),
        "mayday 304": turn_of(
            mayday, get(path, home.read_key, If_None_Match=etag, **accept), expect_status(304), seconds
        ),
        "starlette": turn_of(constant, get(f"/body/{path.rsplit('/', 1)[1]}.{coding}"), whole, seconds),
        "smallest": turn_of(constant, get("/smallest"), expect_status(200, b"ok"), seconds),
    }


def run(stores: Stores, seconds: float, rounds: int) -> dict[str, Any]:
    """A table for each answer and coding."""
    home = furnish(stores, "reads_bench")
    # limits counted but out of reach: a whole slice of load comes from one key
    environment = home.environment | {
        "MAYDAY_LIMIT_KEY_REQUESTS": "1000000000",
        "MAYDAY_LIMIT_PROJECT_REQUESTS": "1000000000",
    }
    result: dict[str, Any] = {}
    with ExitStack() as stack:
        mayday = stack.enter_context(run_server("cli", "api", environment=environment))
        fill(mayday, home)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mayday-")))
        found = {
            (name, coding): fetch(mayday, home, path, coding) for name, path in PATHS.items() for coding in CODINGS
        }
        for (name, coding), (_, body) in found.items():
            (folder / f"{name}.{coding}").write_bytes(body)
        constant = stack.enter_context(run_server("bench.services.constant", str(folder)))
        for (name, coding), (etag, body) in found.items():
            turns = make_turns(mayday, constant, home, PATHS[name], coding, etag, body, seconds)
            slices = uvloop.run(take_turns(turns, rounds))
            result[f"{name} {coding}"] = {"bytes": len(body)} | {
                variant: describe(taken) | {"of_starlette": ratio(slices, variant, "starlette")}
                for variant, taken in slices.items()
            }
    return result


def show(result: dict[str, Any]) -> None:
    print(f"{'answer':<20}{'bytes':>9}  {'variant':<12}{'reads/s':>9}{'of starlette':>14}{'server us':>11}"
          f"{'generator us':>14}{'p95 ms':>8}")  # fmt: skip
    for name, table in result.items():
        for variant in ("mayday", "mayday 304", "starlette", "smallest"):
            row = table[variant]
            print(f"{name:<20}{table['bytes']:>9}  {variant:<12}{row['rate']:>9,.0f}{row['of_starlette']:>14.2f}"
                  f"{row['server_us']:>11.1f}{row['generator_us']:>14.1f}{row['p95_ms']:>8.2f}")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mayday bench reads", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with start_stores() as stores:
        result = run(stores, options.seconds, options.rounds)
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
