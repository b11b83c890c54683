"""Rollups: late errors go to their hour, and what a project has too many of counts under one name."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from common.tables.columns import OVERFLOW_NAME
from tests.worker.running import fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, Error, ago, now_errors, rows, scalar, store
from worker.counting.rollups import CountLimits


async def test_late_errors_go_to_their_hour(engine: AsyncEngine) -> None:
    at = ago(hours=80).replace(minute=42)
    await store(engine, [Error(occurred_at=at), Error(occurred_at=at.replace(minute=3))])
    await fold_deltas(engine, 48)
    hour = at.replace(minute=0, second=0, microsecond=0)
    assert await rows(engine, "SELECT bucket, count FROM rollups") == [(hour, 2)]


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


async def test_each_project_has_its_own_room_for_services(engine: AsyncEngine) -> None:
    for project_id in (PROJECT, OTHER_PROJECT):
        await store(engine, now_errors("boom", service=f"of {project_id}", project_id=project_id))
    await fold_deltas(engine, 48, CountLimits(services=1))
    beyond = "SELECT count(*) FROM rollups WHERE service = :name"
    assert await scalar(engine, beyond, name=OVERFLOW_NAME) == 0
