"""Which releases are remembered, and when a pattern failed in one that should have had its fix."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.running import fold_deltas
from tests.worker.stored import PROJECT, now_errors, rows, scalar, store
from worker.counting.releases import find_failure, read_watch

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


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


async def test_nothing_is_watched_where_nobody_decided_anything(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        watch = await read_watch(connection, PROJECT)
    assert (watch.moments, watch.has_waiting) == ([], False)


def waiting(known: list[str], fixed_in: str | None = None) -> Any:
    """A pattern that was resolved at NOW, with the releases that were known then."""
    return SimpleNamespace(decided_at=NOW, known_releases=known, fixed_in=fixed_in)


def test_an_error_of_a_release_that_was_known_at_the_decision_is_no_failure() -> None:
    assert find_failure(waiting(["1.0", "1.1"]), {"1.0": NOW + HOUR, "1.1": NOW + HOUR}, {}) is None


def test_an_error_of_the_next_release_is_a_failure_from_its_first_moment() -> None:
    sighted = {"1.1": NOW + HOUR, "1.2": NOW + 3 * HOUR, "1.3": NOW + 2 * HOUR}
    assert find_failure(waiting(["1.0", "1.1"]), sighted, {}) == NOW + 2 * HOUR


def test_what_was_received_before_the_decision_is_no_failure() -> None:
    assert find_failure(waiting(["1.0"]), {"1.1": NOW - HOUR}, {}) is None


def test_an_error_of_the_release_that_has_the_fix_is_a_failure_and_of_an_earlier_one_is_none() -> None:
    first_seen = {"1.0": NOW - HOUR, "2.0": NOW + HOUR}
    assert find_failure(waiting(["1.0"], "2.0"), {"1.0": NOW + HOUR}, first_seen) is None
    assert find_failure(waiting(["1.0"], "2.0"), {"2.0": NOW + HOUR}, first_seen) == NOW + HOUR
