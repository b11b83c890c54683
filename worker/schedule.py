"""What the worker does, and how often: the jobs, each a thin shell around what it calls."""

from collections.abc import Mapping
from dataclasses import asdict

from common.settings import Settings
from worker.counting.rollups import (
    CountLimits,
    compact_rollups,
    delete_old_rollups,
    fold_deltas,
    list_projects,
    repair_hours,
)
from worker.grouping.patterns import find_patterns, follow_new_pins
from worker.jobs import Job, Tools, take_guard
from worker.rounds import Round
from worker.spending.budgets import keep_budgets
from worker.upkeep.retention import keep_partitions
from worker.upkeep.usage_retention import delete_old_usage

PATTERNS = "patterns"
UPKEEP_SECONDS = 3_600
FOLD_SHARE = 0.5  # of the time that a job may take: a fold ends by itself then, and the next one goes on


async def fold(tools: Tools) -> Mapping[str, int]:
    """Count what came, and regroup what people merged or split: both are looked for within seconds."""
    settings = tools.settings
    limits, seconds = CountLimits.of(settings), FOLD_SHARE * settings.job_max_seconds
    deltas = await fold_deltas(tools.engine, settings.rollup_fine_hours, limits, seconds=seconds)
    return {"deltas": deltas, "regrouped": await regroup(tools)}


async def regroup(tools: Tools) -> int:
    """In how many projects something was regrouped; while patterns are found, that does it, or the next fold."""
    async with tools.engine.connect() as guard, guard.begin():
        if not await take_guard(guard, PATTERNS, tools.settings.job_max_seconds):
            return 0
        return await follow_new_pins(tools.engine, tools.cache, tools.settings)


async def patterns(tools: Tools) -> Mapping[str, int]:
    return asdict(await find_patterns(tools.engine, tools.cache, tools.settings))


async def upkeep(tools: Tools) -> Mapping[str, int]:
    """What is due every hour: partitions ahead, old days and old usage out, old rollups wider."""
    settings = tools.settings
    kept = await keep_partitions(tools.engine, settings.retention_days, settings.partitions_ahead_days)
    projects = await list_projects(tools.engine)
    usage = await delete_old_usage(tools.engine, projects, settings.usage_retention_days, settings.usage_sums_days)
    deleted = compacted = repaired = 0
    this = Round()
    for project_id in this.over(projects):
        async with this.turn(project_id):
            deleted += await delete_old_rollups(tools.engine, [project_id], settings.retention_days)
            compacted += await compact_rollups(tools.engine, [project_id], settings.rollup_fine_hours)
            repaired += await repair_hours(tools.engine, [project_id])
    this.end()
    return {
        **asdict(kept), "deleted": deleted, "compacted": compacted, "repaired_hours": repaired, "deleted_usage": usage,
    }  # fmt: skip


async def repair(tools: Tools) -> Mapping[str, int]:
    """Count what a worker of the release before left out of tables that it does not know."""
    return {"repaired_hours": await repair_hours(tools.engine, await list_projects(tools.engine))}


# At every start, since the worker that ended just before may have been of the release before.
AT_START = Job("repair", 1, repair)


def schedule(settings: Settings) -> list[Job]:
    """What the worker does, and how often."""
    return [
        Job("upkeep", UPKEEP_SECONDS, upkeep),
        Job("fold", settings.fold_every_seconds, fold),
        Job(PATTERNS, settings.patterns_every_seconds, patterns),
        Job("budgets", settings.budgets_every_seconds, keep_budgets),
    ]
