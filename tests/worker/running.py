"""Rounds over all projects that are due, with limits, moments and times of the test's own: what a job does, by hand."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.settings import Settings
from worker.counting.folding import fold_project, list_unfolded
from worker.counting.rollups import UNLIMITED, CountLimits
from worker.jobs import EachProject, Tools, run_steps
from worker.rounds import Bounds, Progress, Rotation, make_round
from worker.schedule import pattern_steps
from worker.spending.budgets import list_with_budgets
from worker.spending.crossings import record_crossings
from worker.spending.projections import project_budgets
from worker.trends.judging import SLOW_SECONDS
from worker.upkeep.counts import delete_old_counts, repair_counts, widen_old_counts

PATIENT = Bounds(math.inf, 60)


async def fold_deltas(
    engine: AsyncEngine,
    fine_hours: int,
    limits: CountLimits = UNLIMITED,
    *,
    seconds: float = math.inf,
    rotation: Rotation | None = None,
) -> int:
    """Fold all deltas that there are; how many."""

    async def fold(project_id: UUID) -> Progress:
        return await fold_project(engine, project_id, fine_hours, limits)

    bounds = replace(PATIENT, round_seconds=seconds)
    tally = await make_round("fold", await list_unfolded(engine), fold, bounds, rotation or Rotation())
    tally.raise_failures()
    return tally.counts["deltas"]


async def find_patterns(
    engine: AsyncEngine, cache: Cache, settings: Settings, *, slow_seconds: float = SLOW_SECONDS
) -> Counter[str]:
    """One run of the job."""
    return await run_steps(Tools(engine, cache, settings), pattern_steps(settings, slow_seconds))


async def keep_budgets(
    tools: Tools, now: datetime | None = None, *, projecting_seconds: float = math.inf
) -> Counter[str]:
    """One run of the job, as if it were made at that moment."""

    async def cross(tools: Tools, project_id: UUID) -> Progress:
        return await record_crossings(tools.engine, project_id, now)

    async def project(tools: Tools, project_id: UUID) -> Progress:
        return await project_budgets(tools.engine, project_id, now)

    steps = (
        EachProject("crossings", list_with_budgets, cross, PATIENT),
        EachProject("projections", list_with_budgets, project, replace(PATIENT, round_seconds=projecting_seconds)),
    )
    return await run_steps(tools, steps)


async def delete_old_rollups(engine: AsyncEngine, projects: Sequence[UUID], retention_days: int) -> int:
    done = [await delete_old_counts(engine, project_id, retention_days) for project_id in projects]
    return sum(one.counts["deleted"] for one in done)


async def compact_rollups(engine: AsyncEngine, projects: Sequence[UUID], fine_hours: int) -> int:
    done = [await widen_old_counts(engine, project_id, fine_hours) for project_id in projects]
    return sum(one.counts["compacted"] for one in done)


async def repair_hours(engine: AsyncEngine, projects: Sequence[UUID]) -> int:
    done = [await repair_counts(engine, project_id) for project_id in projects]
    return sum(one.counts["repaired_hours"] for one in done)
