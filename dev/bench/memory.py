"""Memory: of the API process before, right after and some minutes after a burst, and of Redis for cached errors.

`mayday bench memory [--seconds S] [--minutes M] [--json FILE]` sends batches at full rate for a minute, waits ten, and
then asks for recent errors in so many lengths that ten thousand errors are cached, each in all codings. Idle is a process
that has served for a few seconds, so that its memos, which are bounded, are filled; what it took when it had just
started is listed too.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import httpx
import uvloop
from redis import Redis

from dev.bench.command import measure
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import Load, ask_batches, drive
from dev.bench.processes import Server, run_server
from dev.bench.stores import Home, Stores, furnish

SEED = 15
ERRORS = 30_000
BATCH = 100
CONNECTIONS = 8
WARM_SECONDS = 3.0
LENGTHS = range(142, 201)  # 10,089 errors together, and 200 is the most that one answer has


async def burst(server: Server, home: Home, seconds: float) -> Load:
    bodies = batch_bodies([encode(error) for error in make_errors(ERRORS, SEED)], BATCH)
    requests, stored = ask_batches(bodies, home.ingest_key, BATCH)
    return await drive(server.port, requests, stored, connections=CONNECTIONS, seconds=seconds)


def cache_errors(server: Server, home: Home, redis_url: str) -> tuple[int, int]:
    """How many errors were cached, and the bytes that Redis took for them."""
    headers = {"Authorization": f"Bearer {home.read_key}"}
    with (
        Redis.from_url(redis_url) as redis,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=60) as client,
    ):
        before = int(redis.info("memory")["used_memory"])
        cached = 0
        for length in LENGTHS:
            answer = client.get("/api/errors/recent", params={"limit": length}).raise_for_status()
            cached += len(answer.json()["errors"])
        return cached, int(redis.info("memory")["used_memory"]) - before


def run(stores: Stores, options: argparse.Namespace) -> dict[str, Any]:
    home = furnish(stores, "memory_bench")
    with run_server("cli", "api", environment=home.environment) as server:
        started_bytes = server.memory_bytes
        uvloop.run(burst(server, home, WARM_SECONDS))
        time.sleep(WARM_SECONDS)
        idle_bytes = server.memory_bytes
        load = uvloop.run(burst(server, home, options.seconds))
        after_bytes = server.memory_bytes
        time.sleep(60 * options.minutes)
        later_bytes = server.memory_bytes
        cached, redis_bytes = cache_errors(server, home, stores.redis_url)
    return {
        "burst_seconds": round(load.seconds, 1),
        "burst_errors": load.done,
        "started_bytes": started_bytes,
        "idle_bytes": idle_bytes,
        "after_bytes": after_bytes,
        "minutes": options.minutes,
        "later_bytes": later_bytes,
        "cached_errors": cached,
        "redis_bytes": redis_bytes,
    }


def show(result: dict[str, Any]) -> None:
    sizes = {name: f"{result[f'{name}_bytes'] / 1e6:.1f} MB" for name in ("started", "idle", "after", "later", "redis")}
    print(
        f"API process: {sizes['started']} started, {sizes['idle']} idle, {sizes['after']} after "
        f"{result['burst_errors']:,} errors in {result['burst_seconds']:.0f} s, {sizes['later']} {result['minutes']:g} "
        f"minutes later\nRedis: {sizes['redis']} for {result['cached_errors']:,} cached errors in all codings"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    measure("memory", __doc__, run, show, arguments, seconds=60.0, minutes=10.0)


if __name__ == "__main__":
    main()
