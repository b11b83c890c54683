"""The worker as a whole: arq triggers the jobs, and when Redis is away they are triggered all the same."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from common.settings import Settings
from tests.worker.stored import PROJECT, now_errors, scalar, store
from worker import main
from worker.jobs import Job, Tools, Whole, run_job, seconds_until_due
from worker.main import Triggers, close_arq, cron_times, keep_triggered, make_arq, serve, to_json
from worker.schedule import schedule

NOWHERE = "unix:///nowhere/redis.sock"


async def until(is_so: Callable[[], Awaitable[object]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await is_so():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running_worker(settings: Settings) -> AsyncIterator[None]:
    """In this process; whatever becomes of the test, it is stopped."""
    stop = asyncio.Event()
    working = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(30):
            assert await working == 0


def said(lines: list[MutableMapping[str, Any]], words: str) -> Callable[[], Awaitable[bool]]:
    """Whether a log line has these words in its problem, for `until`."""

    async def is_said() -> bool:
        return any(words in line.get("problem", "") for line in lines)

    return is_said


async def test_a_burst_of_arq_takes_errors_to_their_snapshot(tools: Tools) -> None:
    engine, jobs = tools.engine, schedule(tools.settings)
    await store(engine, now_errors("disk full", "disk full"))
    for job in jobs:
        arq = make_arq(tools, Triggers(jobs), burst=True, poll_delay=0)
        await arq.pool.enqueue_job(job.name)
        assert await arq.run_check() >= 1
        await close_arq(arq)
    body = await scalar(
        engine, "SELECT body FROM snapshots WHERE project_id = :project_id AND window_hours = 24", project_id=PROJECT
    )
    assert isinstance(body, bytes)
    answer = json.loads(body)
    assert answer["total"] == 2
    assert [pattern["title"] for pattern in answer["patterns"]] == ["disk full"]
    done = "SELECT count(*) FROM job_runs WHERE outcome = 'done' AND job <> 'arrivals'"
    assert await scalar(engine, done) == len(jobs)


@pytest.mark.parametrize("redis_is_there", [True, False])
async def test_a_worker_finds_patterns_with_and_without_redis(
    engine: AsyncEngine, settings: Settings, redis_is_there: bool
) -> None:
    await store(engine, now_errors("disk full"))
    chosen = settings if redis_is_there else settings.model_copy(update={"redis_url": NOWHERE})
    quick = chosen.model_copy(update={"fold_every_seconds": 1})
    stop = asyncio.Event()
    running = asyncio.create_task(serve(quick, stop))
    await until(lambda: scalar(engine, "SELECT EXISTS (SELECT FROM patterns)"))
    await store(engine, now_errors("disk full"))
    await until(lambda: scalar(engine, "SELECT NOT EXISTS (SELECT FROM deltas)"))
    stop.set()
    async with asyncio.timeout(5):
        assert await running == 0
    assert await scalar(engine, "SELECT sum(count) FROM rollups") == 2


async def test_a_start_counts_what_the_release_before_left_out_though_upkeep_ran_a_moment_ago(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    for job in schedule(tools.settings):
        await run_job(tools, job)
    async with tools.engine.begin() as connection:
        await connection.execute(text("DELETE FROM hourly_rollups"))
    async with running_worker(tools.settings):
        await until(lambda: scalar(tools.engine, "SELECT EXISTS (SELECT FROM hourly_rollups)"))


async def test_a_worker_that_is_told_to_stop_while_it_closes_a_lost_queue_stops(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    arq = make_arq(tools, Triggers(schedule(tools.settings)))
    monkeypatch.setattr(arq, "close", lambda: asyncio.sleep(60))
    closing = asyncio.create_task(close_arq(arq))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing


async def test_a_worker_whose_cancellation_was_lost_is_cancelled_again(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `wait_for` of Python 3.11 does with one that comes with its result."""
    began, lost = asyncio.Event(), 0

    async def keep_on(*_: Any) -> None:
        nonlocal lost
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            lost += 1
        await asyncio.sleep(60)

    monkeypatch.setattr(main, "keep_arq", keep_on)
    before = asyncio.all_tasks()
    with capture_logs() as lines:
        async with running_worker(tools.settings):
            await began.wait()
    assert lost == 1
    assert asyncio.all_tasks() == before
    assert lines[-1]["event"] == "worker_stopped"
    assert "worker_ends_late" not in [line["event"] for line in lines]


async def test_a_worker_waits_for_its_schema_says_so_and_then_works(tools: Tools) -> None:
    async with tools.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE alembic_version RENAME TO not_yet"))
    stop = asyncio.Event()
    with capture_logs() as lines:
        running = asyncio.create_task(serve(tools.settings, stop))
        await until(said(lines, "./mayday migrate"))
        assert await scalar(tools.engine, "SELECT count(*) FROM job_runs") == 0
    async with tools.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE not_yet RENAME TO alembic_version"))
    await until(lambda: scalar(tools.engine, "SELECT EXISTS (SELECT FROM job_runs WHERE outcome = 'done')"))
    stop.set()
    assert await running == 0


async def test_a_worker_that_finds_no_postgres_says_so_and_stops_when_told(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgresql://mayday@/x?host=/nowhere"})
    stop = asyncio.Event()
    with capture_logs() as lines:
        running = asyncio.create_task(serve(nowhere, stop))
        await until(said(lines, "MAYDAY_DATABASE_URL"))
        stop.set()
        assert await running == 0


async def test_a_tick_that_came_too_early_is_made_up_for_when_the_period_is_over(tools: Tools) -> None:
    """A start runs all jobs, and the next tick may come right after it: patterns waited for nearly two periods."""
    runs: list[float] = []

    async def note(_: Tools) -> dict[str, int]:
        runs.append(time.monotonic())
        return {}

    job = Job("patterns", 2, (Whole(note),))
    triggers = Triggers([job])
    assert [await triggers.run(tools, job) for _ in range(2)] == ["done", "recent"]
    assert not triggers.is_overdue(job)
    keeping = asyncio.create_task(keep_triggered(tools, job, triggers))
    for _ in range(25):
        triggers.note(job)  # arq goes on with its ticks
        await asyncio.sleep(0.1)
    keeping.cancel()
    assert len(runs) == 2
    assert runs[1] - runs[0] >= 0.8 * job.every_seconds


async def test_a_trigger_that_ran_waits_for_the_next_tick(tools: Tools) -> None:
    [job] = [one for one in schedule(tools.settings) if one.name == "patterns"]
    triggers = Triggers([job])
    assert [await triggers.run(tools, job) for _ in range(2)] == ["done", "recent"]
    assert 50 < await seconds_until_due(tools, job) <= 60
    async with tools.engine.begin() as connection:
        await connection.execute(text("UPDATE job_runs SET started_at = now() - interval '70 seconds'"))
    assert await seconds_until_due(tools, job) == 0
    assert await triggers.run(tools, job) == "done"
    assert not triggers.is_overdue(job)


def test_every_period_has_its_ticks() -> None:
    assert cron_times(5)["second"] == {0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55}
    assert cron_times(60) == {"minute": set(range(60)), "second": {2}}
    assert cron_times(900) == {"minute": {0, 15, 30, 45}, "second": {2}}
    assert cron_times(3_600) == {"minute": {0}, "second": {2}}


def test_jobs_lie_in_redis_as_json() -> None:
    assert to_json({"f": "fold", "a": (), "k": {}}) == b'{"f": "fold", "a": [], "k": {}}'


async def test_what_came_new_is_published_right_after_its_fold(engine: AsyncEngine, settings: Settings) -> None:
    """With the period of patterns at its longest: nothing else could have published it."""
    quick = settings.model_copy(update={"fold_every_seconds": 1, "patterns_every_seconds": 3_600})
    published = (
        "SELECT EXISTS (SELECT FROM job_runs WHERE job = 'arrivals' AND outcome = 'done' AND detail = 'published=1')"
    )
    async with running_worker(quick):
        await until(lambda: scalar(engine, "SELECT EXISTS (SELECT FROM job_runs WHERE job = 'budgets')"))
        await store(engine, now_errors("disk full"))
        await until(lambda: scalar(engine, published))
    assert await scalar(engine, "SELECT count(*) FROM patterns") == 1
