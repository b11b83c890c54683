"""Every run of every job, kept by a trigger of the test's own: `job_runs` holds the last one of each only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import asyncpg

from tests.chaos.stack import Stack
from worker.jobs import RECENT_SHARE

KEEP = """
    CREATE TABLE job_history (job text, started_at timestamptz, finished_at timestamptz, outcome text);
    CREATE FUNCTION keep_job_run() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO job_history VALUES (NEW.job, NEW.started_at, NEW.finished_at, NEW.outcome); RETURN NULL; END$$;
    CREATE TRIGGER keep_job_run AFTER INSERT OR UPDATE ON job_runs FOR EACH ROW EXECUTE FUNCTION keep_job_run()
"""
ENDED = "SELECT started_at, finished_at, outcome FROM job_history WHERE job = $1 AND outcome <> 'running' ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Run:
    """One run that came to its end."""

    started_at: datetime
    finished_at: datetime
    outcome: str


async def keep_history(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.stores.direct_url(stack.database))
    try:
        await connection.execute(KEEP)
    finally:
        await connection.close()


async def ended_runs(stack: Stack, job: str) -> list[Run]:
    """The job's runs that ended, first to last."""
    return [Run(*row) for row in await stack.stores.sql(ENDED, job, database=stack.database)]


def find_double_runs(runs: Sequence[Run], every_seconds: float) -> list[str]:
    """In a sentence each: runs that overlap, and successes within one tick of each other."""
    problems = []
    for before, after in pairwise(runs):
        gap_seconds = (after.started_at - before.started_at).total_seconds()
        if after.started_at < before.finished_at:
            problems.append(f"a run began at {after.started_at} while one ran until {before.finished_at}")
        elif before.outcome == after.outcome == "done" and gap_seconds < every_seconds * RECENT_SHARE:
            problems.append(f"a run began at {after.started_at}, {gap_seconds:.2f} s after one that was effective")
    return problems


def longest_gap_seconds(runs: Sequence[Run]) -> float:
    """The longest time from the end of one success to the end of the next."""
    ends = [run.finished_at for run in runs if run.outcome == "done"]
    return max(((after - before).total_seconds() for before, after in pairwise(ends)), default=0.0)
