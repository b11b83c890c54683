"""The counts that scores are made of: an entry an hour, and the last hour and six by their buckets."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from common.database.clock import ask_time
from tests.worker.running import fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, store
from worker.grouping.patterns import update_patterns
from worker.trends.scores import HISTORY_HOURS
from worker.trends.series import load_activities, spread


def test_counts_stand_at_their_hours_and_silent_hours_are_zero() -> None:
    series = spread([0, 2], [5, 7])
    assert len(series) == HISTORY_HOURS
    assert series[:4] == [5, 0, 7, 0]
    assert sum(series) == 12


def test_what_a_fast_clock_put_into_the_future_counts_as_now() -> None:
    assert spread([HISTORY_HOURS - 1, HISTORY_HOURS, HISTORY_HOURS + 5], [1, 2, 4])[-1] == 7


async def test_a_pattern_has_its_counts_of_the_last_hours_and_of_two_weeks(engine: AsyncEngine) -> None:
    errors = [Error("disk full", ago(hours=hours)) for hours in (0.1, 3, 20, 100, 400)]
    await store(engine, [*errors, *now_errors("disk full", project_id=OTHER_PROJECT)])
    await fold_deltas(engine, 48)
    await update_patterns(engine, PROJECT)
    async with engine.connect() as connection:
        now = await ask_time(connection)
    async with engine.connect() as connection:
        [activity] = (await load_activities(connection, PROJECT, now)).values()
    assert (activity.last_hour, activity.last_six_hours, sum(activity.hourly)) == (1, 2, 4)
    assert activity.resolved_at is None
    assert (activity.earlier, activity.earlier_days) == ({}, ())


async def test_a_pattern_has_its_counts_of_a_month_ago_and_after_a_silence_its_earlier_days(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        now = await ask_time(connection)
    hours_ago = (0, 14 * 24 + 2, 20 * 24, 29 * 24, 60 * 24 + 5, 150 * 24)
    back = [Error("disk full", now - timedelta(hours=hours)) for hours in hours_ago]
    steady = [Error("no route to host", now - timedelta(hours=hours)) for hours in (0, 30, 29 * 24)]
    await store(engine, [*back, *steady])
    await fold_deltas(engine, 200 * 24)
    await update_patterns(engine, PROJECT)
    async with engine.connect() as connection:
        found = {len(one.earlier_days): one for one in (await load_activities(connection, PROJECT, now)).values()}
    assert found[4].earlier == {14 * 24 + 2: 1, 29 * 24: 1}
    assert found[4].earlier_days == [14, 20, 29, 60]
    assert (found[0].earlier, sum(found[0].hourly)) == ({29 * 24: 1}, 2)
