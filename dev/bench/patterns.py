"""What a patterns run costs, beside the two plain ways: loading the rows of a day, and one GROUP BY over them.

`mayday bench patterns [--errors N] [--json FILE]` starts servers of its own, stores errors with a few hundred true
patterns over 24 hours, folds them, and measures CPU of this process and of Postgres: of a run of the worker, and of
one that renews trends and the longest window too, with half the errors and with all of them, which are of the same
fingerprints. Every way must come to the same total, or the bench fails.
"""

import argparse
import asyncio
import json
import random
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils.compat
from sqlalchemy import text

from api.storing.errors import COLUMN_TYPES
from cli.embedded import start_servers, temporary_home
from cli.migrate import upgrade
from common.fingerprint import fingerprint_error, mask_message
from common.projects import ensure_project
from common.settings import Settings
from dev.bench.processes import cpu_seconds
from dev.bench.stores import find_patterns, fold_all
from dev.figures import write_figures
from worker.jobs import Tools
from worker.main import open_tools
from worker.upkeep.partitions import keep_partitions

CHUNK = 20_000
SERVICES = [f"service-{n}" for n in range(12)]
VERBS = [
    "cannot open",
    "timeout in",
    "lost",
    "refused",
    "no route to",
    "cannot parse",
    "retry of",
    "denied",
    "overflow in",
]
THINGS = [
    "order",
    "invoice",
    "session",
    "socket",
    "cache",
    "ledger",
    "token",
    "job",
    "report",
    "queue",
    "index",
    "volume",
]
WAYS = ["for user", "at shard", "in region", "after step"]
TEMPLATES = [f"{verb} {thing} {way}" for verb in VERBS for thing in THINGS for way in WAYS]

# The deltas of what one call stored, as the writer would have made them in one flush.
COUNT_STORED = """
INSERT INTO deltas (project_id, flush_id, ordinal, bucket, fingerprint, service, severity, environment, count,
                    first_seen, last_seen, written_at)
SELECT project_id, $1, row_number() OVER (), date_bin('5 minutes', occurred_at, '2000-01-01Z'), fingerprint, service,
       severity, coalesce(environment, ''), count(*), min(occurred_at), max(occurred_at), now()
FROM errors WHERE received_at = $2 GROUP BY project_id, 4, fingerprint, service, severity, 8
"""
LOAD_ROWS = "SELECT service, severity, message FROM errors WHERE project_id = $1 AND occurred_at >= $2"
GROUP_ROWS = """
SELECT fingerprint, service, severity, count(*) FROM errors
WHERE project_id = $1 AND occurred_at >= $2 GROUP BY fingerprint, service, severity
"""


def make_rows(count: int, project_id: UUID, now: datetime, seed: int) -> Iterator[tuple[Any, ...]]:
    """Errors of the last day, skewed to some templates, received `now`; columns as in `COLUMN_TYPES`."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(TEMPLATES))]
    chosen = rng.choices(TEMPLATES, weights, k=count)
    for template in chosen:
        message = f"{template} {rng.randrange(10**6)}"
        occurred_at = now - timedelta(seconds=rng.random() * 86_000)
        fingerprint = fingerprint_error(message=message, error_type=None, stack_trace=None).value
        yield (
            project_id, occurred_at.date(), uuid_utils.compat.uuid7(), occurred_at, now, fingerprint, 3, 0, 0,
            rng.choice(SERVICES), "production", "1.0", None, None, message, None, None, None,
        )  # fmt: skip


async def store(connection: asyncpg.Connection, project_id: UUID, count: int, seed: int) -> int:
    now = datetime.now(UTC)
    rows = make_rows(count, project_id, now, seed)
    stored = 0
    while chunk := [row for _, row in zip(range(CHUNK), rows, strict=False)]:
        await connection.copy_records_to_table("errors", records=chunk, columns=list(COLUMN_TYPES))
        stored += len(chunk)
    await connection.execute(COUNT_STORED, uuid_utils.compat.uuid7(), now)
    await connection.execute("ANALYZE")
    return stored


async def measure(server: int, work: Callable[[], Awaitable[int]]) -> dict[str, float]:
    """Total found, wall seconds, and CPU seconds of this process and of the server."""
    own, theirs, started = time.process_time(), cpu_seconds(server), time.perf_counter()
    total = await work()
    return {
        "total": total,
        "wall_seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - own, 3),
        "postgres_cpu_seconds": round(cpu_seconds(server) - theirs, 3),
    }


async def run(settings: Settings, server: int, errors: int) -> dict[str, Any]:
    day_ago = datetime.now(UTC) - timedelta(hours=24)
    connection = await asyncpg.connect(settings.database_url)
    async with open_tools(settings) as tools:
        await keep_partitions(tools.engine, 2, 2)
        async with tools.engine.begin() as begun:
            project_id = await ensure_project(begun, "bench")

        async def work(slow_seconds: float) -> dict[str, float]:
            return await measure(server, lambda: patterns_run(tools, project_id, slow_seconds))

        async def fold() -> dict[str, float]:
            folded = await measure(server, lambda: fold_all(tools))
            # a day in one fold touches every row; the dead ones are autovacuum's work and not that of a run
            await connection.execute("VACUUM ANALYZE")
            return folded

        # in two folds, since rows of rollups are raised many times while their hour lasts, and tables are larger for it
        half = await store(connection, project_id, errors // 4, seed=7)
        result: dict[str, Any] = {"templates": len(TEMPLATES), "fold of a quarter": await fold()}
        result["half"] = half = half + await store(connection, project_id, errors // 2 - half, seed=9)
        result["fold of the next"] = await fold()
        result["first run, half"] = await work(slow_seconds=0)
        result["run with trends, half"] = await work(slow_seconds=0)
        result["later run, half"] = await work(slow_seconds=3_600)
        result["errors"] = half + await store(connection, project_id, errors - half, seed=8)
        result["fold of the other half"] = await fold()
        result["run with trends"] = await work(slow_seconds=0)
        result["later run"] = await work(slow_seconds=3_600)
        result["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        result["GROUP BY over rows"] = await measure(server, lambda: group_in_postgres(connection, project_id, day_ago))
        result["rows grouped in Python"] = await measure(
            server, lambda: group_in_python(connection, project_id, day_ago)
        )
    await connection.close()
    check_totals(result)
    return result


async def patterns_run(tools: Tools, project_id: UUID, slow_seconds: float) -> int:
    """The worker's run; the total of the day."""
    await find_patterns(tools, slow_seconds)
    async with tools.engine.connect() as connection:
        body = await connection.scalar(
            text("SELECT body FROM snapshots WHERE project_id = :id AND window_hours = 24"), {"id": project_id}
        )
    return int(json.loads(bytes(body or b"{}"))["total"])


async def group_in_postgres(connection: asyncpg.Connection, project_id: UUID, since: datetime) -> int:
    rows = await connection.fetch(GROUP_ROWS, project_id, since)
    return sum(row["count"] for row in rows)


async def group_in_python(connection: asyncpg.Connection, project_id: UUID, since: datetime) -> int:
    """Every row of the day loaded and grouped by its masked message."""
    rows: Sequence[Any] = await connection.fetch(LOAD_ROWS, project_id, since)
    groups = Counter((mask_message(row["message"]), row["service"], row["severity"]) for row in rows)
    return groups.total()


def measured(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {name: row for name, row in result.items() if isinstance(row, dict)}


def check_totals(result: dict[str, Any]) -> None:
    """Exit when a way did not come to the total: its figures would mean nothing."""
    wrong = {
        name: row["total"]
        for name, row in measured(result).items()
        if not name.startswith("fold") and row["total"] != result["half" if name.endswith("half") else "errors"]
    }
    if wrong:
        raise SystemExit(f"of {result['errors']} errors were found: {wrong}")


def cpu_of(row: dict[str, float]) -> float:
    """Of the worker and of Postgres, in seconds."""
    return row["cpu_seconds"] + row["postgres_cpu_seconds"]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mayday bench patterns", description=__doc__)
    parser.add_argument("--errors", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with temporary_home() as home, start_servers(home) as servers:
        upgrade(servers.database_url)
        settings = Settings.load(database_url=servers.database_url, redis_url=servers.redis_url)
        settings = settings.model_copy(update={"database_statement_seconds": 600.0, "job_max_seconds": 600})
        result = asyncio.run(run(settings, servers.postgres_pid, options.errors))
    print(f"{result['errors']:,} errors in 24 hours, {result['templates']} templates, peak {result['memory_mb']} MB")
    for name, row in measured(result).items():
        print(f"{name:<24}{row['wall_seconds']:>8.2f} s{row['cpu_seconds']:>8.2f} s CPU"
              f"{row['postgres_cpu_seconds']:>8.2f} s CPU of Postgres")  # fmt: skip
    for name in ("later run", "run with trends"):
        before, after = cpu_of(result[f"{name}, half"]), cpu_of(result[name])
        print(f"{name}: errors doubled, CPU {before:.2f} s to {after:.2f} s, x{after / before:.2f}")
    write_figures(options.json, result)


if __name__ == "__main__":
    main()
