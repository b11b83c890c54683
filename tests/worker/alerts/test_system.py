"""How Mayday itself is: each change of it is told once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.disk_forecast import DiskForecast
from common.settings import Settings
from tests.worker.stored import PROJECT, now_errors, rows, store
from worker.alerts.conditions import Holding
from worker.alerts.system import (
    holding_of,
    list_operators,
    list_turning_late,
    name_nearer,
    note_disk,
    note_lateness,
)

TODAY = date(2026, 3, 10)


async def test_a_worker_that_does_not_keep_up_is_told_once_and_when_it_has_caught_up(
    engine: AsyncEngine, settings: Settings
) -> None:
    await store(engine, now_errors("boom"))
    assert await list_turning_late(engine, settings) == []
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE deltas SET written_at = now() - interval '10 minutes'"))
    assert await list_turning_late(engine, settings) == [PROJECT]
    for _ in range(2):
        await note_lateness(engine, PROJECT, settings)
    assert await list_turning_late(engine, settings) == []
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM deltas"))
    assert await list_turning_late(engine, settings) == [PROJECT]
    await note_lateness(engine, PROJECT, settings)
    told = await rows(engine, "SELECT name, facts ->> 'late_seconds' FROM transitions ORDER BY transition_id")
    assert [name for name, _ in told] == ["late", "over"]
    assert int(str(told[0][1])) >= 600


@pytest.mark.parametrize(("days", "is_told"), [(None, False), (15, False), (14, True), (0, True)])
def test_a_disk_is_told_two_weeks_before_it_is_full(days: int | None, is_told: bool) -> None:
    full_on = None if days is None else TODAY + timedelta(days=days)
    assert bool(holding_of(DiskForecast(TODAY, (), 1, 2, 1.0, full_on), PROJECT)) is is_told


@pytest.mark.parametrize(("now", "name"), [("2026-03-20", None), ("2026-03-19", None), ("2026-03-18", "disk")])
def test_a_day_that_comes_nearer_is_told_anew(now: str, name: str | None) -> None:
    assert name_nearer("2026-03-20", Holding("disk", now)) == name


async def test_only_the_operators_are_told_of_the_disk(engine: AsyncEngine, settings: Settings) -> None:
    assert await list_operators(engine, settings) == ()
    known = settings.model_copy(update={"operator_project": "one", "disk_bytes": 1})
    assert await list_operators(engine, known) == [PROJECT]
    assert (await note_disk(engine, PROJECT, settings)).counts == {"disk": 0}
