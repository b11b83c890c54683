"""Folding is exact: every error is counted once, whatever runs twice, at once, or late."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.tables.columns import OVERFLOW_NAME
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, rows, scalar, store
from worker.counting.rollups import (
    CountLimits,
    compact_rollups,
    delete_old_rollups,
    fold_chunk,
    fold_deltas,
    repair_hours,
    size_chunk,
)

RECOUNT = "SELECT service, severity, fingerprint, count(*) FROM errors WHERE project_id = :project_id GROUP BY 1, 2, 3"
ROLLED_UP = (
    "SELECT service, severity, fingerprint, sum(count) FROM rollups WHERE project_id = :project_id GROUP BY 1, 2, 3"
)

HOURS = """
    SELECT project_id, date_trunc('hour', bucket, 'UTC') AS hour, fingerprint, service, severity, environment, sum(count)
    FROM rollups GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
"""
HOURLY = """
    SELECT project_id, hour, fingerprint, service, severity, environment, count::numeric
    FROM hourly_rollups ORDER BY 1, 2, 3, 4, 5, 6
"""


async def assert_counts_are_exact(engine: AsyncEngine) -> None:
    for project_id in (PROJECT, OTHER_PROJECT):
        recount = await rows(engine, RECOUNT, project_id=project_id)
        assert sorted(await rows(engine, ROLLED_UP, project_id=project_id)) == sorted(recount)
        by_fingerprint = "SELECT coalesce(sum(count), 0) FROM fingerprints WHERE project_id = :project_id"
        assert await scalar(engine, by_fingerprint, project_id=project_id) == sum(int(str(row[3])) for row in recount)
    assert await rows(engine, HOURLY) == await rows(engine, HOURS)


async def test_a_fold_counts_every_error_once(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "disk full", "no route to host"))
    assert await fold_deltas(engine, 48) == 2
    await assert_counts_are_exact(engine)
    assert await scalar(engine, "SELECT count(*) FROM deltas") == 0


async def test_a_second_fold_changes_nothing(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    before = await rows(engine, "SELECT * FROM rollups")
    assert await fold_deltas(engine, 48) == 0
    assert await rows(engine, "SELECT * FROM rollups") == before


async def test_folds_at_once_count_every_error_once(engine: AsyncEngine) -> None:
    for n in range(8):
        await store(engine, now_errors(*(f"disk {letter} full" for letter in "abcdef"), service=f"service-{n}"))
    folded = await asyncio.gather(*(fold_chunk(engine, PROJECT, 48, chunk=9) for _ in range(8)))
    assert sum(folded) == 48
    await assert_counts_are_exact(engine)


async def test_a_fold_that_dies_half_way_loses_nothing(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    await store(engine, now_errors("disk full", "no route to host"))

    async def die(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patched:
        patched.setattr("worker.counting.fingerprints.example_texts", die)
        with pytest.raises(ConnectionResetError):
            await fold_deltas(engine, 48)
    assert await scalar(engine, "SELECT count(*) FROM rollups") == 0
    assert await scalar(engine, "SELECT count(*) FROM deltas") == 2
    await fold_deltas(engine, 48)
    await assert_counts_are_exact(engine)


async def test_more_deltas_than_a_chunk_are_all_folded(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.counting.rollups.CHUNK_DELTAS", 3)
    monkeypatch.setattr(fold_chunk, "__kwdefaults__", {"chunk": 3})
    await store(engine, now_errors(*(f"disk {letter} full" for letter in "abcdefg")))
    assert await fold_deltas(engine, 48) == 7
    await assert_counts_are_exact(engine)


async def test_a_fold_whose_time_is_over_leaves_the_rest_to_the_next(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "no route to host"))
    assert await fold_deltas(engine, 48, seconds=0.0) == 0
    assert await fold_deltas(engine, 48) == 2
    await assert_counts_are_exact(engine)


async def test_late_errors_go_to_their_hour(engine: AsyncEngine) -> None:
    at = ago(hours=80).replace(minute=42)
    await store(engine, [Error(occurred_at=at), Error(occurred_at=at.replace(minute=3))])
    await fold_deltas(engine, 48)
    hour = at.replace(minute=0, second=0, microsecond=0)
    assert await rows(engine, "SELECT bucket, count FROM rollups") == [(hour, 2)]


async def test_compaction_keeps_every_count(engine: AsyncEngine) -> None:
    hour = ago(hours=80).replace(minute=0, second=0, microsecond=0)
    await store(engine, [Error(occurred_at=hour + timedelta(minutes=n)) for n in (0, 1, 7, 14, 59)])
    await fold_deltas(engine, 1_000)
    assert await scalar(engine, "SELECT count(*) FROM rollups") == 4
    assert await compact_rollups(engine, [PROJECT], 48) == 3
    assert await compact_rollups(engine, [PROJECT], 48) == 0
    assert await rows(engine, "SELECT bucket, count FROM rollups") == [(hour, 5)]


async def test_hours_that_a_worker_of_the_release_before_left_out_are_mended(engine: AsyncEngine) -> None:
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


async def test_a_fingerprint_knows_when_it_was_seen_and_what_it_says(engine: AsyncEngine) -> None:
    first, last = ago(hours=3), ago(hours=1)
    await store(engine, [Error("user 17 not found", last, error_type="KeyError")])
    await fold_deltas(engine, 48)
    await store(engine, [Error("user 4 not found", first, error_type="KeyError")])
    await fold_deltas(engine, 48)
    kept = "SELECT skeleton, title, grouped_by, error_type, count, first_seen, last_seen FROM fingerprints"
    expected = ("user <*> not found", "KeyError: user <*> not found", "message", "KeyError", 2, first, last)
    assert await rows(engine, kept) == [expected]


async def test_a_fingerprint_whose_error_is_gone_gets_its_texts_later(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full"))
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM errors"))
    await fold_deltas(engine, 48)
    assert await rows(engine, "SELECT version, count FROM fingerprints") == [(0, 1)]
    await store(engine, now_errors("disk full"))
    await fold_deltas(engine, 48)
    assert await rows(engine, "SELECT version, title, count FROM fingerprints") == [(1, "disk full", 2)]


async def test_projects_are_counted_apart(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "disk full") + now_errors("disk full", project_id=OTHER_PROJECT))
    await fold_deltas(engine, 48)
    counts = "SELECT project_id, sum(count) FROM rollups GROUP BY 1 ORDER BY 1"
    assert await rows(engine, counts) == [(PROJECT, 2), (OTHER_PROJECT, 1)]
    await assert_counts_are_exact(engine)


async def test_counts_past_the_retention_are_deleted(engine: AsyncEngine) -> None:
    await store(engine, [Error("old", ago(days=40)), *now_errors("new")])
    await fold_deltas(engine, 48)
    assert await delete_old_rollups(engine, [PROJECT], 30) == 2
    assert await rows(engine, HOURLY) == await rows(engine, HOURS)
    assert await rows(engine, "SELECT title FROM fingerprints") == [("new",)]
    assert await scalar(engine, "SELECT count(*) FROM rollups") == 1


random_error = strategies.builds(
    Error,
    message=strategies.sampled_from(["disk full", "no route", "user 1 gone", "user 2 gone"]),
    occurred_at=strategies.timedeltas(timedelta(hours=-100), timedelta(minutes=10)).map(
        lambda distance: datetime.now(UTC) + distance
    ),
    service=strategies.sampled_from(["checkout", "billing"]),
    severity=strategies.integers(0, 4),
    project_id=strategies.sampled_from([PROJECT, OTHER_PROJECT]),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flushes=strategies.lists(strategies.lists(random_error, min_size=1, max_size=12), min_size=1, max_size=4))
async def test_any_errors_are_counted_exactly(engine: AsyncEngine, flushes: list[list[Error]]) -> None:
    """Flushes and folds beside each other; the examples add up in one database."""
    await asyncio.gather(*(store(engine, flush) for flush in flushes), fold_deltas(engine, 48))
    await compact_rollups(engine, [PROJECT], 48)
    await fold_deltas(engine, 48)
    await assert_counts_are_exact(engine)


async def test_fingerprints_beyond_the_limit_count_as_one_and_no_error_is_lost(engine: AsyncEngine) -> None:
    kinds = [f"{first}{second} is missing" for first in "abcdefghij" for second in "klmnopqrst"]
    for start in range(0, 100, 20):
        await store(engine, now_errors(*kinds[start : start + 20], "disk full"))
        await fold_deltas(engine, 48, CountLimits(fingerprints=30))
    own = await rows(engine, "SELECT count FROM fingerprints WHERE fingerprint <> 0")
    beyond = await scalar(engine, "SELECT count FROM fingerprints WHERE fingerprint = 0")
    assert len(own) == 30
    assert sum(int(str(count)) for (count,) in own) + int(str(beyond)) == 105
    assert await scalar(engine, "SELECT sum(count) FROM rollups") == 105
    known = """
        SELECT count FROM fingerprints f
        WHERE EXISTS (SELECT FROM errors e WHERE message = 'disk full' AND e.fingerprint = f.fingerprint)
    """
    assert await scalar(engine, known) == 5


async def test_services_beyond_the_limit_count_under_one_name_and_rows_keep_theirs(engine: AsyncEngine) -> None:
    for start in range(0, 60, 20):
        requests = [
            replace(error, service=f"request-{start + n:02}") for n, error in enumerate(now_errors(*["boom"] * 20))
        ]
        await store(engine, [*requests, *now_errors("boom")])
        await fold_deltas(engine, 48, CountLimits(services=10))
    by_service = "SELECT service, sum(count)::int FROM {} GROUP BY service ORDER BY service"
    counted = await rows(engine, by_service.format("rollups"))
    assert counted == await rows(engine, by_service.format("hourly_rollups"))
    of_requests = [(f"request-{n:02}", 1) for n in range(9)]
    assert counted == [(OVERFLOW_NAME, 51), ("checkout", 3), *of_requests]
    assert await scalar(engine, "SELECT count(DISTINCT service) FROM errors") == 61


async def test_errors_without_an_environment_are_counted_apart_whatever_the_limit(engine: AsyncEngine) -> None:
    await store(engine, now_errors("boom"))
    await store(
        engine, [replace(error, environment=f"preview-{n}") for n, error in enumerate(now_errors(*["boom"] * 5))]
    )
    await fold_deltas(engine, 48, CountLimits(environments=2))
    counted = await rows(engine, "SELECT environment, sum(count)::int FROM rollups GROUP BY 1 ORDER BY 1")
    assert counted == [("", 1), (OVERFLOW_NAME, 3), ("preview-0", 1), ("preview-1", 1)]


async def test_a_service_that_is_in_no_window_any_more_makes_room_for_another(engine: AsyncEngine) -> None:
    await store(engine, now_errors("boom", service="old"))
    await fold_deltas(engine, 48, CountLimits(services=1))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE facets SET last_seen = last_seen - interval '9 days'"))
    await delete_old_rollups(engine, [PROJECT], 30)
    await store(engine, now_errors("boom", service="young"))
    await fold_deltas(engine, 48, CountLimits(services=1))
    assert await rows(engine, "SELECT name FROM facets") == [("young",)]


async def test_each_project_has_its_own_room_for_services(engine: AsyncEngine) -> None:
    for project_id in (PROJECT, OTHER_PROJECT):
        await store(engine, now_errors("boom", service=f"of {project_id}", project_id=project_id))
    await fold_deltas(engine, 48, CountLimits(services=1))
    beyond = "SELECT count(*) FROM rollups WHERE service = :name"
    assert await scalar(engine, beyond, name=OVERFLOW_NAME) == 0


def test_a_chunk_follows_the_time_that_the_one_before_took() -> None:
    assert size_chunk(500, 0.01) == 2_500
    assert size_chunk(2_000, 0.001) == 5_000
    assert size_chunk(1_000, 2.0) == 250
    assert size_chunk(100, 60.0) == 100


async def test_what_is_slow_to_fold_goes_in_small_transactions_and_is_counted_whole(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[int] = []

    async def note(*asked: Any, chunk: int) -> int:
        chunks.append(chunk)
        return await fold_chunk(*asked, chunk=chunk)

    monkeypatch.setattr("worker.counting.rollups.fold_chunk", note)
    monkeypatch.setattr("worker.counting.rollups.size_chunk", lambda chunk, _: max(2, chunk // 2))
    monkeypatch.setattr("worker.counting.rollups.FIRST_CHUNK", 8)
    await store(engine, now_errors(*(f"disk {letter} full" for letter in "abcdefghijklmnopqrst")))
    assert await fold_deltas(engine, 48) == 20
    assert chunks == [8, 4, 2, 2, 2, 2, 2]
    await assert_counts_are_exact(engine)


async def test_releases_are_remembered_up_to_a_bound_the_latest_ones(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.counting.releases.RELEASES_MAX", 3)
    for release in range(6):
        await store(engine, now_errors("disk full"))
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE deltas SET release = :release"), {"release": f"1.{release}"})
        await fold_deltas(engine, 48)
    assert await rows(engine, "SELECT release FROM releases ORDER BY 1") == [("1.3",), ("1.4",), ("1.5",)]
    assert await scalar(engine, "SELECT count(*) FROM sightings") == 0
