"""Upkeep of counts: old ones go, rollups get wider, sums by hour are repaired; what stays is exact."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.counting.exactness import HOURLY, HOURS, assert_counts_are_exact
from tests.worker.running import compact_rollups, delete_old_rollups, fold_deltas, repair_hours
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, rows, scalar, store
from worker.counting.rollups import CountLimits
from worker.upkeep.counts import list_projects, widen_old_counts


async def test_compaction_keeps_every_count(engine: AsyncEngine) -> None:
    hour = ago(hours=80).replace(minute=0, second=0, microsecond=0)
    await store(engine, [Error(occurred_at=hour + timedelta(minutes=n)) for n in (0, 1, 7, 14, 59)])
    await fold_deltas(engine, 1_000)
    assert await scalar(engine, "SELECT count(*) FROM rollups") == 4
    assert await compact_rollups(engine, [PROJECT], 48) == 3
    assert await compact_rollups(engine, [PROJECT], 48) == 0
    assert await rows(engine, "SELECT bucket, count FROM rollups") == [(hour, 5)]


async def test_hours_that_a_worker_of_the_release_before_left_out_are_repaired(engine: AsyncEngine) -> None:
    this_hour = ago(hours=0).replace(minute=0, second=0, microsecond=0)
    at = [this_hour - timedelta(hours=n) for n in (0, 3, 80)]
    await store(engine, [Error(occurred_at=hour + timedelta(minutes=n)) for hour in at for n in (1, 9)])
    await fold_deltas(engine, 48)
    forget = "DELETE FROM hourly_rollups WHERE hour = :hour"
    miss = "UPDATE hourly_rollups SET count = count - 1 WHERE hour = :hour"
    async with engine.begin() as connection:
        await connection.execute(text(forget), {"hour": at[1]})
        await connection.execute(text(miss), {"hour": at[2]})
    assert await repair_hours(engine, [PROJECT, OTHER_PROJECT]) == 2
    await assert_counts_are_exact(engine)
    assert await repair_hours(engine, [PROJECT, OTHER_PROJECT]) == 0


async def test_counts_past_the_retention_are_deleted(engine: AsyncEngine) -> None:
    await store(engine, [Error("old", ago(days=40)), *now_errors("new")])
    await fold_deltas(engine, 48)
    assert await delete_old_rollups(engine, [PROJECT], 30) == 2
    assert await rows(engine, HOURLY) == await rows(engine, HOURS)
    assert await rows(engine, "SELECT title FROM fingerprints") == [("new",)]
    assert await scalar(engine, "SELECT count(*) FROM rollups") == 1


async def test_a_service_that_is_in_no_window_any_more_makes_room_for_another(engine: AsyncEngine) -> None:
    await store(engine, now_errors("boom", service="old"))
    await fold_deltas(engine, 48, CountLimits(services=1))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE facets SET last_seen = last_seen - interval '9 days'"))
    await delete_old_rollups(engine, [PROJECT], 30)
    await store(engine, now_errors("boom", service="young"))
    await fold_deltas(engine, 48, CountLimits(services=1))
    assert await rows(engine, "SELECT name FROM facets") == [("young",)]


async def test_rollups_are_widened_a_chunk_a_turn(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    hour = ago(hours=80).replace(minute=0, second=0, microsecond=0)
    await store(engine, [Error(occurred_at=hour + timedelta(minutes=n)) for n in (0, 7, 14, 59)])
    await fold_deltas(engine, 1_000)
    for module in ("worker.counting.rollups", "worker.upkeep.counts"):
        monkeypatch.setattr(f"{module}.CHUNK_ROLLUPS", 2)
    first, second = [await widen_old_counts(engine, PROJECT, 48) for _ in range(2)]
    assert (first.counts, first.has_more) == ({"compacted": 2}, True)
    assert (second.counts, second.has_more) == ({"compacted": 1}, False)
    assert await rows(engine, "SELECT bucket, count FROM rollups") == [(hour, 4)]


async def test_all_projects_are_listed(engine: AsyncEngine) -> None:
    assert await list_projects(engine) == [PROJECT, OTHER_PROJECT]
