"""The worker as a whole: arq triggers the jobs, and when Redis is away they are triggered all the same."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from common.settings import Settings, SettingsInvalid
from tests.worker.stored import PROJECT, now_errors, scalar, store
from worker.main import (
    Stores,
    check_stores,
    close_arq,
    cron_times,
    make_arq_worker,
    make_jobs,
    open_stores,
    run_worker,
    to_json,
)

NOWHERE = "unix:///nowhere/redis.sock"


@pytest.fixture
async def stores(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Stores]:
    stores = open_stores(settings)
    yield stores
    await stores.close()


async def until(is_so: Callable[[], Awaitable[object]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await is_so():  # noqa: ASYNC110 - what is waited for happens in Postgres
            await asyncio.sleep(0.05)


async def test_a_burst_of_arq_takes_errors_to_their_snapshot(engine: AsyncEngine, stores: Stores) -> None:
    await store(engine, now_errors("disk full", "disk full"))
    jobs = make_jobs(stores)
    for job in jobs:
        arq = make_arq_worker(stores, jobs, burst=True, poll_delay=0)
        await arq.pool.enqueue_job(job.name)
        assert await arq.run_check() == 1
        await close_arq(arq)
    assert sorted(stores.triggered) == ["fold", "patterns", "upkeep"]
    body = await scalar(
        engine, "SELECT body FROM snapshots WHERE project_id = :project_id AND window_hours = 24", project_id=PROJECT
    )
    assert isinstance(body, bytes)
    answer = json.loads(body)
    assert answer["total"] == 2
    assert [pattern["title"] for pattern in answer["patterns"]] == ["disk full"]
    assert await scalar(engine, "SELECT count(*) FROM job_runs WHERE outcome = 'done'") == 3


@pytest.mark.parametrize("redis_is_there", [True, False])
async def test_a_worker_finds_patterns_with_and_without_redis(
    engine: AsyncEngine, settings: Settings, redis_is_there: bool
) -> None:
    await store(engine, now_errors("disk full"))
    chosen = settings if redis_is_there else settings.model_copy(update={"redis_url": NOWHERE})
    quick = chosen.model_copy(update={"fold_every_seconds": 1})
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(quick, stop))
    await until(lambda: scalar(engine, "SELECT EXISTS (SELECT FROM patterns)"))
    await store(engine, now_errors("disk full"))
    await until(lambda: scalar(engine, "SELECT NOT EXISTS (SELECT FROM deltas)"))
    stop.set()
    async with asyncio.timeout(5):
        assert await running == 0
    assert await scalar(engine, "SELECT sum(count) FROM rollups") == 2


async def test_a_worker_without_its_tables_says_what_to_do(engine: AsyncEngine, settings: Settings) -> None:
    stores = open_stores(settings.model_copy(update={"database_url": "postgresql://mayday@/x?host=/nowhere"}))
    assert "MAYDAY_DATABASE_URL" in await check_stores(stores)
    assert await run_worker(stores.settings, asyncio.Event()) == 1
    await stores.close()


async def test_a_worker_without_a_setting_names_it() -> None:
    with pytest.raises(SettingsInvalid, match="MAYDAY_DATABASE_URL"):
        await run_worker(Settings(database_url="", redis_url=NOWHERE), asyncio.Event())


def test_every_period_has_its_ticks() -> None:
    assert cron_times(5)["second"] == {0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55}
    assert cron_times(60) == {"minute": set(range(60)), "second": {2}}
    assert cron_times(900) == {"minute": {0, 15, 30, 45}, "second": {2}}
    assert cron_times(3_600) == {"minute": {0}, "second": {2}}


def test_jobs_lie_in_redis_as_json() -> None:
    assert to_json({"f": "fold", "a": (), "k": {}}) == b'{"f": "fold", "a": [], "k": {}}'
