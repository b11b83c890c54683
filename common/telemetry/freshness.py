"""How far the worker is behind: the facts that /readyz, `mayday worker --check` and the metrics agree on.

Taken from Postgres, never from the queue: a worker may be stuck while Redis looks fine. A job is late when it ended
well too long ago, which shows a frozen worker also at rest, when there is nothing to fold.
"""

from dataclasses import dataclass

from sqlalchemy import text

from common.database.connections import Connects
from common.settings import Settings

WATCHED_JOBS = ("fold", "patterns", "budgets")  # that readers notice when they are late
SHORTEST_LIMIT_SECONDS = 10.0  # a fold may take some seconds, and so may a tick that comes late

# Seconds since each job last ended well. A worker of the release before notes that by outcome and time only.
JOB_AGES = text("""
    SELECT job, extract(epoch FROM clock_timestamp() - greatest(
        succeeded_at, CASE WHEN outcome = 'done' THEN finished_at END))::float AS age_seconds
    FROM job_runs
""")

# Seconds that the oldest delta waits for its fold: of each project the first by flush, whose id grows with time.
OLDEST_DELTA_AGE = text("""
    SELECT extract(epoch FROM clock_timestamp() - min(oldest.written_at))::float
    FROM projects p CROSS JOIN LATERAL (
        SELECT written_at FROM deltas d WHERE d.project_id = p.project_id ORDER BY flush_id, ordinal LIMIT 1
    ) oldest
""")


@dataclass(frozen=True, slots=True)
class Freshness:
    """Ages in seconds: of the oldest delta that is not folded, 0 when all are, and of each job's last success."""

    oldest_delta_seconds: float
    job_seconds: dict[str, float | None]


async def find_freshness(engine: Connects) -> Freshness:
    """How far the worker is. Raises SQLAlchemyError or OSError when Postgres does not answer."""
    async with engine.connect() as connection:
        oldest = await connection.scalar(OLDEST_DELTA_AGE)
        jobs = (await connection.execute(JOB_AGES)).all()
    return Freshness(max(oldest or 0.0, 0.0), {row.job: row.age_seconds for row in jobs})


def late_limits(settings: Settings) -> dict[str, float]:
    """After how many seconds without success each job that readers notice is late."""
    periods = settings.fold_every_seconds, settings.patterns_every_seconds, settings.budgets_every_seconds
    return {
        job: max(settings.late_after_periods * every_seconds, SHORTEST_LIMIT_SECONDS)
        for job, every_seconds in zip(WATCHED_JOBS, periods, strict=True)
    }


def find_lateness(freshness: Freshness, settings: Settings) -> str:
    """What is late, as a sentence; empty when nothing is."""
    limits = late_limits(settings)
    for job, limit_seconds in limits.items():
        age = freshness.job_seconds.get(job)
        if age is None:
            return f"the job {job} has never ended well: does a worker run on this database?"
        if age > limit_seconds:
            return f"the job {job} last ended well {age:.0f} s ago: no worker runs, or it is stuck, or its log says why"
    if freshness.oldest_delta_seconds > limits["fold"]:
        return f"the oldest delta waits for {freshness.oldest_delta_seconds:.0f} s: the worker does not keep up"
    return ""
