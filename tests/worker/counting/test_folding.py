"""Folding is exact: every error is counted once, whatever runs twice, at once, or late."""

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.counting.exactness import assert_counts_are_exact
from tests.worker.running import compact_rollups, fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, now_errors, rows, scalar, store
from worker.counting.folding import fold_chunk, fold_project, size_chunk
from worker.rounds import Rotation


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
    monkeypatch.setattr("worker.counting.folding.CHUNK_DELTAS", 3)
    monkeypatch.setattr(fold_chunk, "__kwdefaults__", {"chunk": 3})
    await store(engine, now_errors(*(f"disk {letter} full" for letter in "abcdefg")))
    assert await fold_deltas(engine, 48) == 7
    await assert_counts_are_exact(engine)


async def test_a_fold_whose_time_is_over_leaves_the_rest_to_the_next(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "no route to host"))
    await store(engine, now_errors("disk full", project_id=OTHER_PROJECT))
    rotation = Rotation()
    folded = [await fold_deltas(engine, 48, seconds=0.0, rotation=rotation) for _ in range(3)]
    assert sorted(folded) == [0, 1, 2]
    assert folded[2] == 0
    await assert_counts_are_exact(engine)


async def test_projects_are_counted_apart(engine: AsyncEngine) -> None:
    await store(engine, now_errors("disk full", "disk full") + now_errors("disk full", project_id=OTHER_PROJECT))
    await fold_deltas(engine, 48)
    counts = "SELECT project_id, sum(count) FROM rollups GROUP BY 1 ORDER BY 1"
    assert await rows(engine, counts) == [(PROJECT, 2), (OTHER_PROJECT, 1)]
    await assert_counts_are_exact(engine)


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

    monkeypatch.setattr("worker.counting.folding.fold_chunk", note)
    monkeypatch.setattr("worker.counting.folding.size_chunk", lambda chunk, _: max(2, chunk // 2))
    monkeypatch.setattr("worker.counting.folding.FIRST_CHUNK", 8)
    await store(engine, now_errors(*(f"disk {letter} full" for letter in "abcdefghijklmnopqrst")))
    done = await fold_project(engine, PROJECT, 48, seconds=math.inf)
    assert (done.counts, done.has_more) == ({"deltas": 20}, False)
    assert chunks == [8, 4, 2, 2, 2, 2, 2]
    await assert_counts_are_exact(engine)


async def test_a_turn_folds_at_least_a_chunk_and_says_that_there_is_more(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.counting.folding.FIRST_CHUNK", 2)
    await store(engine, now_errors("disk full", "no route", "gone"))
    first, second = [await fold_project(engine, PROJECT, 48, seconds=0.0) for _ in range(2)]
    assert (first.counts, first.has_more) == ({"deltas": 2}, True)
    assert (second.counts, second.has_more) == ({"deltas": 1}, False)
