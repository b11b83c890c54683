"""The guard: one run at a time, none right after another, none for ever, and no failure that ends the worker."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import text

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from tests.worker.stored import rows
from worker.jobs import Job, Tools, Whole, run_job

LAST_RUN = "SELECT outcome, detail, finished_at IS NOT NULL FROM job_runs WHERE job = 'count'"


class Counting:
    """A job's body that counts its runs, and goes on when it is let."""

    def __init__(self) -> None:
        self.runs = 0
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()

    async def run(self, _: Tools) -> Mapping[str, int]:
        self.runs += 1
        self.started.set()
        await self.go_on.wait()
        return {"counted": self.runs}

    def job(self) -> Job:
        return Job("count", 60, (Whole(self.run),))


async def test_two_at_once_are_one_run(tools: Tools) -> None:
    body = Counting()
    first = asyncio.create_task(run_job(tools, body.job()))
    await body.started.wait()
    assert await run_job(tools, body.job()) == "busy"
    body.go_on.set()
    assert await first == "done"
    assert body.runs == 1
    assert await rows(tools.engine, LAST_RUN) == [("done", "counted=1", True)]


async def test_a_job_that_ran_a_moment_ago_is_skipped_until_its_period_is_over(tools: Tools) -> None:
    body = Counting()
    body.go_on.set()
    outcomes = [await run_job(tools, body.job()) for _ in range(2)]
    async with tools.engine.begin() as connection:
        await connection.execute(text("UPDATE job_runs SET started_at = started_at - interval '60 seconds'"))
    outcomes.append(await run_job(tools, body.job()))
    assert outcomes == ["done", "recent", "done"]
    assert body.runs == 2


async def test_a_failure_is_recorded_and_the_next_tick_runs(tools: Tools) -> None:
    async def fail(_: Tools) -> Mapping[str, int]:
        raise ValueError("no such place")

    assert await run_job(tools, Job("count", 60, (Whole(fail),))) == "failed"
    assert await rows(tools.engine, LAST_RUN) == [("failed", "ValueError: no such place", True)]
    body = Counting()
    body.go_on.set()
    assert await run_job(tools, body.job()) == "done"


async def test_a_run_that_takes_too_long_is_stopped(tools: Tools) -> None:
    hasty = replace(tools, settings=tools.settings.model_copy(update={"job_max_seconds": 0.05}))
    assert await run_job(hasty, Counting().job()) == "failed"
    assert await rows(tools.engine, LAST_RUN) == [("failed", "TimeoutError", True)]


async def test_a_cancelled_run_gives_the_guard_back(tools: Tools) -> None:
    body = Counting()
    first = asyncio.create_task(run_job(tools, body.job()))
    await body.started.wait()
    first.cancel()
    await asyncio.wait([first])
    body.go_on.set()
    assert await run_job(tools, body.job()) == "done"


async def test_without_postgres_a_job_fails_and_raises_nothing() -> None:
    nowhere = Settings(database_url="postgresql://mayday@/x?host=/nowhere", redis_url="unix:///nowhere/redis.sock")
    engine, cache = make_engine(nowhere, "test"), Cache.connect(nowhere)
    assert await run_job(Tools(engine, cache, nowhere), Counting().job()) == "failed"
    await cache.close()
    await engine.dispose()
