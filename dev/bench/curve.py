"""The cost curve: what writing and reading cost while the log grows from nothing to ten million errors.

`mayday bench curve [--rows 0,1000000,5000000,10000000] [--seconds S] [--rounds N] [--json FILE]` starts servers of its
own. At each size it measures batches, hot reads, reads that no cache holds, a run of the worker, and bytes on disk;
batches and hot reads in turn with those of a young log, since between two sizes the machine has other things to do.
What is between two sizes is copied inside Postgres from errors that were stored over HTTP, spread over the days of the
retention, and folded by the worker. Ten million take some 15 GB of the folder for temporary files.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from itertools import repeat
from statistics import median
from typing import Any

import asyncpg
import uuid_utils.compat
import uvloop

from api.storing.errors import COLUMN_TYPES
from dev.bench.command import measure
from dev.bench.error_samples import batch_bodies, encode, make_errors
from dev.bench.load import ask_batches, expect_status, get
from dev.bench.processes import Server, run_server
from dev.bench.reads import PATHS, fetch, fill, turn_of
from dev.bench.stores import Home, Stores, find_patterns, fold_all, furnish, work_once
from dev.bench.turns import Turn, describe, quantile, ratio, take_turns
from worker.main import open_tools

SIZES = (0, 1_000_000, 5_000_000, 10_000_000)
SEED = 13
SAMPLE = 20_000
BATCH = 100
CONNECTIONS = 8
MISSES = 40

# The errors that all others are copied from.
KEEP_SAMPLE = "CREATE UNLOGGED TABLE sample AS SELECT row_number() OVER () AS number, e.* FROM errors e"
# Copies of the sample with ids and times of their own, on one day; as many as $3.
COPY_SAMPLE = """
INSERT INTO errors ({columns})
SELECT {values} FROM generate_series(0, $3::int - 1) AS copy
JOIN sample s ON s.number = copy % (SELECT count(*) FROM sample) + 1
CROSS JOIN LATERAL (SELECT $1::date + copy * ($2::interval / $3::int) AS occurred_at) AS moved
"""
# Their deltas, by the hour: what the writer would have left, less the five minutes that the worker drops after two days.
COUNT_COPIES = """
INSERT INTO deltas (project_id, flush_id, ordinal, bucket, fingerprint, service, severity, environment, count,
                    first_seen, last_seen, written_at)
SELECT project_id, $1, row_number() OVER (), date_trunc('hour', occurred_at, 'UTC'), fingerprint, service, severity,
       coalesce(environment, ''), count(*), min(occurred_at), max(occurred_at), now()
FROM errors WHERE received_at = $2 GROUP BY project_id, 4, fingerprint, service, severity, 8
"""
DISK = """
SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'errors'::regclass
"""


def plan_days(rows: int, today: date, days: int) -> Iterator[tuple[date, int]]:
    """How many of the rows fall on each of the days before today, the oldest first."""
    for number in range(days):
        yield today - timedelta(days=days - number), rows // days + (number < rows % days)


async def grow(home: Home, rows: int) -> None:
    """Store so many more errors, and let the worker fold them."""
    received_at = datetime.now(UTC)
    own = {"project_id": "s.project_id", "day": "$1::date", "event_id": "gen_random_uuid()",
           "occurred_at": "moved.occurred_at", "received_at": "$4::timestamptz"}  # fmt: skip
    values = ", ".join(own.get(column, f"s.{column}") for column in COLUMN_TYPES)
    statement = COPY_SAMPLE.format(columns=", ".join(COLUMN_TYPES), values=values)
    connection = await asyncpg.connect(home.settings.database_url)
    await connection.execute("SET timezone = 'UTC'")
    for day, count in plan_days(rows, received_at.date(), home.settings.retention_days - 1):
        await connection.execute(statement, day, timedelta(days=1), count, received_at)
        tell(f"{day}: {count:,} errors")
    await connection.execute(COUNT_COPIES, uuid_utils.compat.uuid7(), received_at)
    await connection.execute("VACUUM (ANALYZE) errors")
    async with open_tools(home.settings) as tools:
        await fold_all(tools)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")  # or it meets the slices
    await connection.close()


async def run_worker(home: Home) -> float:
    """Seconds of one run that finds patterns, trends and the longest window."""
    async with open_tools(home.settings) as tools:
        await fold_all(tools)
        started = time.perf_counter()
        await find_patterns(tools)
        return time.perf_counter() - started


async def ask_disk(home: Home) -> tuple[int, int]:
    """Errors, and bytes of their partitions with all indexes."""
    connection = await asyncpg.connect(home.settings.database_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM errors"), await connection.fetchval(DISK)
    finally:
        await connection.close()


def time_misses(server: Server, home: Home) -> dict[str, dict[str, float]]:
    """Milliseconds of reads that no cache holds, each question asked once, by one reader."""
    headers = {"Authorization": f"Bearer {home.read_key}", "Accept-Encoding": "zstd"}
    patterns = json.loads(fetch(server, home, PATHS["patterns"], "identity").body)["patterns"][:MISSES]
    asked = {
        "recent": [f"{PATHS['recent']}?limit={20 + number}" for number in range(MISSES)],
        "list": [f"/api/errors?limit={20 + number}" for number in range(MISSES)],
        "pattern": [f"{PATHS['patterns']}/{pattern['id']}" for pattern in patterns],
    }
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
        return {
            name: describe_misses([time_miss(client, path, headers) for path in paths]) for name, paths in asked.items()
        }


def time_miss(client: HTTPConnection, path: str, headers: dict[str, str]) -> float:
    started = time.perf_counter()
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    answer.read()
    seconds = time.perf_counter() - started
    source = answer.headers["x-mayday-cache"]
    if answer.status != 200 or source not in ("miss", "bypass"):  # the list is never kept: always `bypass`
        raise SystemExit(f"{path} was answered {answer.status} from {source}")
    return seconds


def describe_misses(seconds: Sequence[float]) -> dict[str, float]:
    return {"p50_ms": round(1000 * median(seconds), 2), "p95_ms": quantile(sorted(seconds), 0.95)}


def make_turns(server: Server, home: Home, bodies: Sequence[bytes], seconds: float) -> dict[str, Turn]:
    """Batches, and hot reads of both answers."""
    requests, stored = ask_batches(bodies, home.ingest_key, BATCH)
    reads = {
        name: turn_of(server, repeat(get(path, home.read_key, Accept_Encoding="zstd")), expect_status(200), seconds)
        for name, path in PATHS.items()
    }
    return {"ingest": turn_of(server, requests, stored, seconds, CONNECTIONS)} | reads


def measure_row(
    log: tuple[Server, Home], young: tuple[Server, Home], bodies: Sequence[bytes], seconds: float, rounds: int
) -> dict[str, Any]:
    """One row of the curve."""
    _, home = log
    worker_seconds = asyncio.run(run_worker(home))
    misses = time_misses(*log)
    for path in PATHS.values():
        fetch(*log, path, "zstd")
        fetch(*young, path, "zstd")
    turns = make_turns(*log, bodies, seconds)
    beside = {f"young {name}": turn for name, turn in make_turns(*young, bodies, seconds).items()}
    slices = uvloop.run(take_turns(turns | beside, rounds))
    errors, disk_bytes = asyncio.run(ask_disk(home))
    return {
        "errors": errors,
        "bytes_per_error": round(disk_bytes / errors),
        "patterns_run_seconds": round(worker_seconds, 2),
        "misses": misses,
        **{name: describe(slices[name]) | {"of_young": ratio(slices, name, f"young {name}")} for name in turns},
    }


def run(stores: Stores, options: argparse.Namespace) -> list[dict[str, Any]]:
    bodies = batch_bodies([encode(error) for error in make_errors(SAMPLE, SEED)], BATCH)
    curve, filled = [], 0
    with open_log(stores, "curve_bench", bodies) as log:
        _, home = log
        asyncio.run(keep_sample(home))
        for size in sorted(map(int, options.rows.split(","))):
            tell(f"to {size:,} errors")
            if size > filled:
                asyncio.run(grow(home, size - filled))
                filled = size
            with open_log(stores, f"young_{size}", bodies) as young:
                curve.append(measure_row(log, young, bodies, options.seconds, options.rounds))
    return curve


@contextmanager
def open_log(stores: Stores, name: str, bodies: Sequence[bytes]) -> Iterator[tuple[Server, Home]]:
    """A service with a log of its own that holds these batches."""
    home = furnish(stores, name)
    asyncio.run(work_once(home))  # the partitions of all days, which the worker makes
    with run_server("cli", "api", environment=home.environment) as server:
        fill(server, "/api/errors/batch", bodies, home.ingest_key)
        asyncio.run(work_once(home))
        yield server, home


async def keep_sample(home: Home) -> None:
    connection = await asyncpg.connect(home.settings.database_url)
    await connection.execute(KEEP_SAMPLE)
    await connection.execute("CREATE UNIQUE INDEX ON sample (number)")
    await connection.execute("ANALYZE")
    await connection.close()


def tell(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def show(curve: Sequence[dict[str, Any]]) -> None:
    print(f"{'errors':>12}{'errors/s':>10}{'of young':>9}{'p99 ms':>8}{'recent/s':>10}{'of young':>9}{'patterns/s':>12}"
          f"{'of young':>9}{'recent ms':>11}{'list ms':>9}{'pattern ms':>12}{'worker s':>10}{'bytes':>7}")  # fmt: skip
    for row in curve:
        misses = row["misses"]
        print(f"{row['errors']:>12,}{row['ingest']['rate']:>10,.0f}{row['ingest']['of_young']:>9.2f}"
              f"{row['ingest']['p99_ms']:>8.0f}{row['recent']['rate']:>10,.0f}{row['recent']['of_young']:>9.2f}"
              f"{row['patterns']['rate']:>12,.0f}{row['patterns']['of_young']:>9.2f}{misses['recent']['p50_ms']:>11.2f}"
              f"{misses['list']['p50_ms']:>9.2f}{misses['pattern']['p50_ms']:>12.2f}{row['patterns_run_seconds']:>10.2f}"
              f"{row['bytes_per_error']:>7,}")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    measure("curve", __doc__, run, show, arguments, rows=",".join(map(str, SIZES)), seconds=2.0, rounds=5)


if __name__ == "__main__":
    main()
