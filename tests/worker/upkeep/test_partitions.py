"""Every kept day has its partition, older ones go, and neither makes an insert wait."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import PROJECT, Error, ago, now_errors, rows, scalar, store
from worker.upkeep.partitions import day_of, keep_partitions, plan_partitions

TODAY = date(2026, 11, 23)
NAMES = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'errors'::regclass ORDER BY 1"


async def days(engine: AsyncEngine) -> list[date]:
    return [day for (name,) in await rows(engine, NAMES) if (day := day_of(str(name)))]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.upkeep.partitions.in_a_gap.__kwdefaults__", {"attempts": 2, "pause_seconds": 0.01})


def test_today_and_the_days_ahead_are_made_first() -> None:
    plan = plan_partitions({TODAY, date(2026, 11, 20)}, TODAY, 2, 2)
    assert plan.make == [date(2026, 11, day) for day in (24, 25, 22, 21)]
    assert plan.drop == [date(2026, 11, 20)]
    assert plan.oldest == date(2026, 11, 21)


async def test_partitions_are_made_ahead_and_back_to_the_retention(engine: AsyncEngine) -> None:
    made = await keep_partitions(engine, 30, 7)
    today = datetime.now(UTC).date()
    assert await days(engine) == [today + timedelta(days=n) for n in range(-30, 8)]
    assert (made.made, made.dropped, made.missed) == (33, 0, 0)
    again = await keep_partitions(engine, 30, 7)
    assert (again.made, again.dropped, again.missed) == (0, 0, 0)


async def test_a_made_partition_has_the_keys_of_the_others(engine: AsyncEngine) -> None:
    await keep_partitions(engine, 5, 0)
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'errors\\_2%' GROUP BY tablename"
    assert set(await rows(engine, indexes)) == {(3,)}


async def days_past(engine: AsyncEngine, retention_days: int) -> int:
    """How many partitions are older: one more of those that the schema began with after a midnight in a run of the tests."""
    oldest = datetime.now(UTC).date() - timedelta(days=retention_days)
    return sum(day < oldest for day in await days(engine))


async def test_days_past_the_retention_are_dropped_with_their_errors(engine: AsyncEngine) -> None:
    await store(engine, [Error("old", ago(days=2)), *now_errors("new")])
    past = await days_past(engine, 1)
    kept = await keep_partitions(engine, 1, 0)
    assert kept.dropped == past > 0
    assert await rows(engine, "SELECT message FROM errors") == [("new",)]


async def test_rows_of_the_default_partition_move_into_their_day(engine: AsyncEngine) -> None:
    await store(engine, [Error("early", ago(days=20)), Error("early", ago(days=10)), *now_errors("new")])
    assert await scalar(engine, "SELECT count(*) FROM errors_default") == 2
    kept = await keep_partitions(engine, 30, 7)
    assert kept.moved == 2
    assert await scalar(engine, "SELECT count(*) FROM errors_default") == 0
    assert await scalar(engine, "SELECT count(*) FROM errors WHERE project_id = :project_id", project_id=PROJECT) == 3


async def test_rows_of_the_default_partition_past_the_retention_go(engine: AsyncEngine) -> None:
    await store(engine, [Error("ancient", ago(days=50))])
    await keep_partitions(engine, 30, 7)
    assert await scalar(engine, "SELECT count(*) FROM errors") == 0


async def test_a_long_reader_delays_the_drop_and_no_insert(engine: AsyncEngine) -> None:
    past = await days_past(engine, 1)
    async with engine.connect() as reader:
        await reader.execute(text("SELECT count(*) FROM errors"))
        dropping = asyncio.create_task(keep_partitions(engine, 1, 0))
        async with asyncio.timeout(5):
            while not dropping.done():
                await store(engine, now_errors("insert beside the drop"))
        kept = await dropping
        assert (kept.dropped, kept.missed) == (0, past)
    kept = await keep_partitions(engine, 1, 0)
    assert (kept.dropped, kept.missed) == (past, 0)
