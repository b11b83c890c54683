"""Projects share the worker: what goes wrong with one, or takes long, is no other's loss."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from tests.worker.stored import OTHER_PROJECT, PROJECT, now_errors, rows, store
from worker.counting.fingerprints import lock_project
from worker.counting.rollups import fold_deltas
from worker.grouping.patterns import find_patterns
from worker.jobs import Job, Tools, run_job
from worker.rounds import ProjectsFailed, Round
from worker.schedule import fold

IMPATIENT_SECONDS = 0.2


@pytest.fixture
async def impatient(engine: AsyncEngine, settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine on the same database that waits shortly for locks; errors of two projects wait to be folded."""
    await store(engine, [*now_errors("disk full"), *(replace(e, project_id=OTHER_PROJECT) for e in now_errors("boom"))])
    chosen = settings.model_copy(update={"database_lock_seconds": IMPATIENT_SECONDS})
    impatient = make_engine(chosen, "test", pool_size=3)
    yield impatient
    await impatient.dispose()


@asynccontextmanager
async def locked(engine: AsyncEngine, project_id: UUID) -> AsyncIterator[None]:
    """Somebody holds the project's counts."""
    async with engine.connect() as connection, connection.begin():
        await lock_project(connection, project_id)
        yield


async def counted(engine: AsyncEngine) -> list[UUID]:
    return [UUID(str(row[0])) for row in await rows(engine, "SELECT DISTINCT project_id FROM rollups ORDER BY 1")]


async def test_a_project_whose_counts_cannot_be_folded_keeps_no_other_waiting(
    engine: AsyncEngine, impatient: AsyncEngine
) -> None:
    async with locked(engine, PROJECT):
        with pytest.raises(ProjectsFailed, match=f"1 failed and 1 went well; failed: {PROJECT}"):
            await fold_deltas(impatient, 48)
        assert await counted(engine) == [OTHER_PROJECT]
    await fold_deltas(impatient, 48)
    assert await counted(engine) == [PROJECT, OTHER_PROJECT]


async def test_the_run_is_told_as_failed_with_the_project_that_it_failed_for(
    engine: AsyncEngine, impatient: AsyncEngine, settings: Settings
) -> None:
    cache = Cache.connect(settings)
    async with locked(engine, PROJECT):
        assert await run_job(Tools(impatient, cache, settings), Job("fold", 5, fold)) == "failed"
    await cache.close()
    [(detail,)] = await rows(engine, "SELECT detail FROM job_runs")
    assert str(PROJECT) in str(detail)


async def test_a_project_whose_patterns_cannot_be_found_keeps_no_other_waiting(
    engine: AsyncEngine, impatient: AsyncEngine, settings: Settings
) -> None:
    """It waits longest, and so comes first each time."""
    await fold_deltas(engine, 48)
    cache = Cache.connect(settings)
    async with locked(engine, PROJECT):
        with pytest.raises(ProjectsFailed):
            await find_patterns(impatient, cache, settings)
        assert [row[0] for row in await rows(engine, "SELECT project_id FROM patterns")] == [OTHER_PROJECT]
    await cache.close()


async def test_projects_that_the_time_does_not_reach_are_the_first_of_the_next_round(
    impatient: AsyncEngine, tools: Tools
) -> None:
    """A thousand projects took longer than a job may, and each run was a failure."""
    hurried = tools.settings.model_copy(update={"job_max_seconds": 0})
    for _ in range(2):
        found = await find_patterns(impatient, tools.cache, hurried)
        assert (found.projects, found.left) == (0, 2)
    found = await find_patterns(impatient, tools.cache, tools.settings)
    assert (found.projects, found.left) == (2, 0)


async def take_turns(this: Round, projects: Iterable[UUID], *, slow: UUID) -> None:
    for project_id in this.over(projects):
        async with this.turn(project_id):
            await asyncio.sleep(60 if project_id == slow else 0)


async def test_a_turn_that_takes_too_long_ends_and_the_next_begins() -> None:
    first, second = uuid4(), uuid4()
    this = Round(turn_seconds=0.05)
    await take_turns(this, [first, second], slow=first)
    assert (this.taken, this.failed) == (1, [first])


async def test_an_outage_ends_the_round_and_is_no_projects_fault() -> None:
    this = Round()
    with pytest.raises(ConnectionRefusedError):
        async with this.turn(uuid4()):
            raise ConnectionRefusedError
    assert this.failed == []


async def test_a_round_that_is_cancelled_stops() -> None:
    only = uuid4()
    this = Round()
    running = asyncio.create_task(take_turns(this, [only], slow=only))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert this.failed == []


async def test_a_project_that_is_busy_gets_a_second_turn_after_the_others(
    engine: AsyncEngine, impatient: AsyncEngine
) -> None:
    async with engine.connect() as connection:
        holding = await connection.begin()
        await lock_project(connection, PROJECT)
        folding = asyncio.create_task(fold_deltas(impatient, 48))
        while await counted(engine) != [OTHER_PROJECT]:  # which comes after or before; in the second round or at once
            await asyncio.sleep(0.01)
        await holding.rollback()
        await folding
    assert await counted(engine) == [PROJECT, OTHER_PROJECT]
