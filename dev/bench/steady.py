"""How old counts and patterns get while the worker program runs at its own periods.

Part of `mayday bench isolation`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.database import make_engine
from common.settings import Settings
from common.telemetry.freshness import find_freshness, late_limits
from dev.bench.looking import looking
from dev.bench.stores import Home

LOOK_EVERY_SECONDS = 0.25

# The last run of each job, where it ended.
LAST_RUNS = text("""
    SELECT job, started_at, extract(epoch FROM finished_at - started_at)::float AS seconds FROM job_runs
    WHERE finished_at IS NOT NULL
""")


@dataclass(slots=True)
class Seen:
    """Ages in seconds at every look: of the oldest delta, and of each job's last success; and each run's time, once."""

    deltas: list[float] = field(default_factory=list)
    jobs: dict[str, list[float]] = field(default_factory=dict)
    runs: dict[tuple[str, datetime], float] = field(default_factory=dict)


@asynccontextmanager
async def watching(home: Home) -> AsyncIterator[Seen]:
    """Look every quarter of a second while the body runs."""
    seen, engine = Seen(), make_engine(home.settings, "bench", pool_size=1)
    try:
        async with looking(partial(look, engine, seen), LOOK_EVERY_SECONDS):
            yield seen
    finally:
        await engine.dispose()


async def look(engine: AsyncEngine, seen: Seen) -> None:
    freshness = await find_freshness(engine)
    seen.deltas.append(freshness.oldest_delta_seconds)
    for job, age in freshness.job_seconds.items():
        if age is not None:
            seen.jobs.setdefault(job, []).append(age)
    async with engine.connect() as connection:
        for row in await connection.execute(LAST_RUNS):
            seen.runs[row.job, row.started_at] = row.seconds


def describe_ages(seen: Seen, settings: Settings) -> dict[str, Any]:
    """How long deltas waited at most; of folding and patterns how often they ran, how long, and how old they got."""
    jobs = {
        job: {
            "runs": len(runs := [seconds for (name, _), seconds in seen.runs.items() if name == job]),
            "median_seconds": round(median(runs), 3),
            "longest_seconds": round(max(runs), 3),
            "oldest_seconds": round(max(seen.jobs[job]), 1),
            "late_after_seconds": late_limits(settings)[job],
        }
        for job in ("fold", "patterns")
    }
    return {"oldest_delta_seconds": round(max(seen.deltas), 2), "jobs": jobs}
