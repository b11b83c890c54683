"""What the worker does, and how often: the jobs in their steps, each a thin shell around what it calls.

A step that works on projects is an `EachProject`: the runner gives them their turns. Its bounds are shares of the time
that a job may take; those of a job's steps are less than the whole, so that each step has its time in every run.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from uuid import UUID

import structlog

from common.alerts.channel_tests import delete_old_tests
from common.buckets import FINE_HOURS
from common.projects.deletion import go_on_deleting, list_being_deleted
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, publish_snapshots
from worker.alerts.channel_tests import send_tests
from worker.alerts.rates import judge_rates, list_with_rates
from worker.alerts.silences import note_silences
from worker.alerts.starts import list_unstarted, start
from worker.alerts.system import list_operators, list_turning_late, note_disk, note_lateness
from worker.counting.arrivals import find_arrival, list_with_arrivals, note_published, rest
from worker.counting.folding import fold_project, list_unfolded
from worker.counting.rollups import CountLimits
from worker.grouping.patterns import has_new_pins, list_due, list_pinned, update_patterns
from worker.jobs import EachProject, Job, Step, Tools, Whole
from worker.rounds import Bounds, Progress
from worker.spending.budgets import list_with_budgets
from worker.spending.crossings import record_crossings
from worker.spending.projections import project_budgets
from worker.spending.surges import list_spending, note_surges
from worker.trends.judging import SLOW_SECONDS, are_trends_due, update_trends
from worker.upkeep.alerts import delete_old_alerts
from worker.upkeep.counts import delete_old_counts, list_projects, repair_counts, widen_old_counts
from worker.upkeep.partitions import keep_partitions
from worker.upkeep.reports import delete_old_reports
from worker.upkeep.usage_retention import delete_old_usage

log = structlog.get_logger()

PATTERNS = "patterns"
PARTITIONS_AHEAD_DAYS = 7  # a worker that is away for less is missed by no insert; the alert comes at two
UPKEEP_SECONDS = 3_600
CHANNEL_TESTS_SECONDS = 2  # somebody waits for the answer
# Publishing what came: after it a project rests nine times as long as it took, so that a storm of new fingerprints costs a
# tenth of the time; one that takes too long is left to the job `patterns`; one that failed is tried again after a while.
# All projects together get a share of the time from fold to fold.
RESTS, GIVEN_UP_REST_SECONDS, FAILED_REST_SECONDS = 9, 300.0, 30.0
ARRIVALS_SHARE, ARRIVAL_SECONDS = 0.3, 10.0
# Of projects that are being deleted: a turn deletes for so long, and what it left is looked for so often.
DELETING_SECONDS, DELETIONS_SECONDS = 5.0, 10
DELETIONS = "deletions"
PROJECTING_SHARE = 0.5  # of the time from run to run


def bounds(settings: Settings, round_share: float, turn_share: float) -> Bounds:
    """Shares of the time that a job may take."""
    return Bounds(round_share * settings.job_max_seconds, turn_share * settings.job_max_seconds)


async def fold(tools: Tools, project_id: UUID) -> Progress:
    """Count what came."""
    settings = tools.settings
    return await fold_project(tools.engine, project_id, FINE_HOURS, CountLimits.of(settings))


async def regroup(tools: Tools, project_id: UUID) -> Progress:
    """Put what people merged or split lately where it belongs, and publish it."""
    is_new = await has_new_pins(tools.engine, project_id)
    if is_new:
        await update_patterns(tools.engine, project_id)
        await publish_snapshots(tools.engine, tools.cache, project_id, tools.settings)
    return Progress({"regrouped": int(is_new)})


async def publish_arrivals(tools: Tools, project_id: UUID, *, seconds: float = ARRIVAL_SECONDS) -> Progress:
    """Put the fingerprints that came into patterns, and publish the windows up to a day; given up after `seconds`."""
    engine = tools.engine
    came_at, began = await find_arrival(engine, project_id), time.monotonic()
    await rest(engine, project_id, FAILED_REST_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            await update_patterns(engine, project_id)
            await publish_snapshots(engine, tools.cache, project_id, tools.settings, WINDOWS_HOURS[:-1])
    except TimeoutError:
        log.info("arrivals_given_up", project_id=str(project_id), until="the next run of patterns")
        await rest(engine, project_id, GIVEN_UP_REST_SECONDS)
        return Progress({"given_up": 1})
    await note_published(engine, project_id, came_at)
    await rest(engine, project_id, RESTS * (time.monotonic() - began))
    return Progress({"published": 1})


async def find_patterns(tools: Tools, project_id: UUID, *, slow_seconds: float = SLOW_SECONDS) -> Progress:
    """Bring the project's patterns and snapshots up to date; trends and the longest window, which read two weeks, only
    where they are older than `slow_seconds`."""
    came_at = await find_arrival(tools.engine, project_id)
    clustered = await update_patterns(tools.engine, project_id)
    are_due = await are_trends_due(tools.engine, project_id, slow_seconds)
    if are_due:
        await update_trends(tools.engine, project_id)
        await note_silences(tools.engine, project_id)
    windows = WINDOWS_HOURS if are_due else WINDOWS_HOURS[:-1]
    await publish_snapshots(tools.engine, tools.cache, project_id, tools.settings, windows)
    await note_published(tools.engine, project_id, came_at)
    return Progress({"projects": 1, "clustered": clustered})


async def keep_days(tools: Tools) -> Mapping[str, int]:
    """Partitions ahead, old days out."""
    return asdict(await keep_partitions(tools.engine, tools.settings.retention_days, PARTITIONS_AHEAD_DAYS))


async def delete_counts(tools: Tools, project_id: UUID) -> Progress:
    return await delete_old_counts(tools.engine, project_id, tools.settings.retention_days)


async def widen_counts(tools: Tools, project_id: UUID) -> Progress:
    return await widen_old_counts(tools.engine, project_id, FINE_HOURS)


async def delete_usage(tools: Tools, project_id: UUID) -> Progress:
    settings = tools.settings
    return await delete_old_usage(tools.engine, project_id, settings.usage_retention_days, settings.usage_sums_days)


async def delete_reports(tools: Tools, project_id: UUID) -> Progress:
    return await delete_old_reports(tools.engine, project_id, tools.settings.retention_days)


async def delete_tests(tools: Tools, project_id: UUID) -> Progress:
    """Test messages of channels, with what was told of them."""
    return Progress({"deleted_tests": await delete_old_tests(tools.engine, project_id)})


async def test_channels(tools: Tools) -> Mapping[str, int]:
    """Send the test messages that were asked for."""
    return await send_tests(tools.engine, tools.sender, tools.settings)


async def repair(tools: Tools, project_id: UUID) -> Progress:
    """Count what a worker of the release before left out of tables that it does not know."""
    return await repair_counts(tools.engine, project_id)


async def delete_alerts(tools: Tools, project_id: UUID) -> Progress:
    return await delete_old_alerts(tools.engine, project_id, tools.settings.alerts_retention_days)


async def note_late(tools: Tools, project_id: UUID) -> Progress:
    return await note_lateness(tools.engine, project_id, tools.settings)


async def look_at_disk(tools: Tools, project_id: UUID) -> Progress:
    """Note for the operators when the disk will be full."""
    return await note_disk(tools.engine, project_id, tools.settings)


async def judge(tools: Tools, project_id: UUID) -> Progress:
    return await judge_rates(tools.engine, project_id)


async def begin(tools: Tools, project_id: UUID) -> Progress:
    """Make the default rules of a new project."""
    return await start(tools.engine, project_id)


async def find_crossings(tools: Tools, project_id: UUID) -> Progress:
    return await record_crossings(tools.engine, project_id)


async def project(tools: Tools, project_id: UUID) -> Progress:
    return await project_budgets(tools.engine, project_id)


async def judge_spending(tools: Tools, project_id: UUID) -> Progress:
    return await note_surges(tools.engine, project_id)


async def delete_more(tools: Tools, project_id: UUID) -> Progress:
    """Go on with the deletion of the project."""
    others = [name for name in name_jobs(tools.settings) if name != DELETIONS]
    has_more = await go_on_deleting(tools.settings, tools.engine, project_id, jobs=others, seconds=DELETING_SECONDS)
    return Progress({"deleting": 1}, has_more)


def fold_steps(settings: Settings) -> tuple[Step, ...]:
    """Count what came, and regroup what people merged or split: both are looked for within seconds. While a project's
    patterns are found, that does the regrouping, or the next fold does."""
    return (
        EachProject("fold", list_unfolded, fold, bounds(settings, 0.3, 0.3)),
        EachProject("regroup", list_pinned, regroup, bounds(settings, 0.05, 0.3), guard=PATTERNS),
    )


def pattern_steps(settings: Settings, slow_seconds: float = SLOW_SECONDS) -> tuple[Step, ...]:
    run = partial(find_patterns, slow_seconds=slow_seconds)
    return (EachProject(PATTERNS, list_due, run, bounds(settings, 0.5, 0.4), guard=PATTERNS),)


def arrival_steps(settings: Settings) -> tuple[Step, ...]:
    """What came is published, as far as a share of the time until the next fold goes."""
    turns = Bounds(ARRIVALS_SHARE * settings.fold_every_seconds, 2 * ARRIVAL_SECONDS)
    return (EachProject("arrivals", list_with_arrivals, publish_arrivals, turns, guard=PATTERNS),)


def upkeep_steps(settings: Settings) -> tuple[Step, ...]:
    """What is due every hour: partitions ahead, old days, counts and usage out, old rollups wider, sums by hour right."""
    return (
        Whole(keep_days),
        EachProject("delete counts", list_projects, delete_counts, bounds(settings, 0.1, 0.1)),
        EachProject("widen counts", list_projects, widen_counts, bounds(settings, 0.1, 0.1)),
        EachProject("repair", list_projects, repair, bounds(settings, 0.1, 0.2)),
        EachProject("delete reports", list_projects, delete_reports, bounds(settings, 0.1, 0.1)),
        EachProject("delete tests", list_projects, delete_tests, bounds(settings, 0.1, 0.1)),
        EachProject("delete usage", list_projects, delete_usage, bounds(settings, 0.1, 0.1)),
        EachProject("delete alerts", list_projects, delete_alerts, bounds(settings, 0.1, 0.1)),
        EachProject("disk", partial(list_operators, settings=settings), look_at_disk, bounds(settings, 0.05, 0.1)),
    )


def budget_steps(settings: Settings) -> tuple[Step, ...]:
    """Crossings of all budgets; then projections, as far as half of the time until the next run goes."""
    turns = bounds(settings, 0.2, 0.2)
    rest = Bounds(min(turns.round_seconds, PROJECTING_SHARE * settings.budgets_every_seconds), turns.turn_seconds)
    return (
        EachProject("crossings", list_with_budgets, find_crossings, turns),
        EachProject("projections", list_with_budgets, project, rest),
    )


def spending_steps(settings: Settings) -> tuple[Step, ...]:
    """On what far more is spent than usual: as often as trends are judged, since it reads two weeks too."""
    return (EachProject("spending", list_spending, judge_spending, bounds(settings, 0.5, 0.3)),)


def deletion_steps(settings: Settings) -> tuple[Step, ...]:
    """Projects that somebody deletes, in turns, until nothing is left of them."""
    return (EachProject(DELETIONS, list_being_deleted, delete_more, bounds(settings, 0.5, 0.4)),)


def alert_steps(settings: Settings) -> tuple[Step, ...]:
    """Default rules of new projects; who is late, before the fold that catches up; rates of rules."""
    late = partial(list_turning_late, settings=settings)
    return (
        EachProject("alert starts", list_unstarted, begin, bounds(settings, 0.1, 0.1)),
        EachProject("lateness", late, note_late, bounds(settings, 0.1, 0.1)),
        EachProject("rates", list_with_rates, judge, bounds(settings, 0.3, 0.2)),
    )


def job_at_start(settings: Settings) -> Job:
    """What is done at every start, since the worker that ended just before may have been of the release before."""
    return Job("repair", 1, (EachProject("repair", list_projects, repair, bounds(settings, 0.5, 0.4)),))


def schedule(settings: Settings) -> list[Job]:
    """What the worker does, and how often."""
    arrivals = Job("arrivals", settings.fold_every_seconds, arrival_steps(settings))
    return [
        Job("upkeep", UPKEEP_SECONDS, upkeep_steps(settings)),
        Job("alerts", settings.alerts_every_seconds, alert_steps(settings)),
        Job("fold", settings.fold_every_seconds, fold_steps(settings), then=arrivals),
        Job(PATTERNS, settings.patterns_every_seconds, pattern_steps(settings)),
        Job("budgets", settings.budgets_every_seconds, budget_steps(settings)),
        Job("spending", SLOW_SECONDS, spending_steps(settings)),
        Job(DELETIONS, DELETIONS_SECONDS, deletion_steps(settings)),
        Job("channel_tests", CHANNEL_TESTS_SECONDS, (Whole(test_channels),)),
    ]


def name_jobs(settings: Settings) -> list[str]:
    """Every job that there is, those at the start and after others too; first the one that holds off all others."""
    jobs = (job_at_start(settings), *schedule(settings))
    names = [job.name for job in (*jobs, *(job.then for job in jobs if job.then is not None))]
    return sorted(names, key=lambda name: name != DELETIONS)


def count_jobs(settings: Settings) -> int:
    """How many may run at once."""
    return sum(1 if job.then is None else 2 for job in schedule(settings))
