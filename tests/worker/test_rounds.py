"""Projects share the worker: what goes wrong with one, or takes long, is no other's loss."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from tests.worker.running import find_patterns, fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, now_errors, rows, store
from worker.counting.fingerprints import lock_project
from worker.jobs import EachProject, Job, Tools, run_job, run_steps
from worker.rounds import Bounds, Progress, ProjectsFailed, Rotation, Tally, make_round
from worker.schedule import fold_steps, pattern_steps

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
        assert await run_job(Tools(impatient, cache, settings), Job("fold", 5, fold_steps(settings))) == "failed"
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
    await fold_deltas(impatient, 48)
    [step] = pattern_steps(tools.settings)
    assert isinstance(step, EachProject)
    hurried = replace(step, bounds=replace(step.bounds, round_seconds=0))
    found = [await run_steps(tools, (hurried,)) for _ in range(2)]
    assert [(one["projects"], one["left"]) for one in found] == [(1, 1), (1, 1)]
    assert await rows(impatient, "SELECT count(DISTINCT project_id) FROM snapshots") == [(2,)]
    assert (await run_steps(tools, (step,)))["left"] == 0


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


FIVE = [UUID(int=number) for number in range(1, 6)]
POISONED, SLOW = FIVE[1], FIVE[2]
AT_ONCE = Bounds(round_seconds=0, turn_seconds=60)
WHOLE = Bounds(round_seconds=60, turn_seconds=60)


class Work:
    """Work on projects that notes its turns. One project fails each time, one takes far too long."""

    def __init__(self, *, poisoned: UUID | None = None, slow: UUID | None = None) -> None:
        self.turns: list[UUID] = []
        self.poisoned, self.slow = poisoned, slow

    async def run(self, project_id: UUID) -> Progress:
        self.turns.append(project_id)
        if project_id == self.poisoned:
            raise ValueError("no such place")
        await asyncio.sleep(600 if project_id == self.slow else 0)
        return Progress({"done": 1})

    async def make_round(self, bounds: Bounds, rotation: Rotation, projects: Sequence[UUID] = FIVE) -> Tally:
        return await make_round("work", projects, self.run, bounds, rotation)


class NoRotation(Rotation):
    """The control: every round begins with the same project, as a list in the order of the ids does."""

    def order(self, step: str, projects: object) -> list[UUID]:  # noqa: ARG002
        return FIVE


async def test_every_project_has_its_turn_within_as_many_rounds_as_there_are_projects_however_early_they_end() -> None:
    work, rotation = Work(poisoned=POISONED, slow=SLOW), Rotation()
    for _ in FIVE:
        await work.make_round(Bounds(round_seconds=0, turn_seconds=0.02), rotation)
    assert sorted(work.turns) == FIVE


async def test_without_rotation_a_project_starves() -> None:
    """The control of the test above."""
    work = Work()
    for _ in range(20):
        await work.make_round(AT_ONCE, NoRotation())
    assert set(work.turns) == {FIVE[0]}


@given(st.lists(st.sets(st.sampled_from(FIVE), min_size=1), min_size=5, max_size=5), st.sampled_from(FIVE))
def test_who_is_due_each_time_has_a_turn_whoever_else_comes_and_goes(others: list[set[UUID]], patient: UUID) -> None:
    work, rotation = Work(), Rotation()

    async def make_rounds() -> None:
        for due in others:
            await work.make_round(AT_ONCE, rotation, [*due, patient])

    asyncio.run(make_rounds())
    assert patient in work.turns


async def test_steps_have_rotations_of_their_own() -> None:
    work, rotation = Work(), Rotation()
    await work.make_round(AT_ONCE, rotation)
    await make_round("other", FIVE[:1], work.run, WHOLE, rotation)
    await work.make_round(AT_ONCE, rotation)
    first, _, second = work.turns
    assert FIVE.index(second) == (FIVE.index(first) + 1) % len(FIVE)


def test_a_worker_that_has_just_begun_begins_anywhere() -> None:
    assert len({Rotation().order("work", FIVE)[0] for _ in range(200)}) == len(FIVE)


def test_a_round_over_no_project_is_none() -> None:
    assert Rotation().order("work", []) == []


async def test_a_round_that_has_the_time_serves_all_but_those_that_fail_and_says_which() -> None:
    work = Work(poisoned=POISONED, slow=SLOW)
    tally = await work.make_round(Bounds(round_seconds=60, turn_seconds=0.02), Rotation())
    assert tally.served == set(FIVE) - {POISONED, SLOW}
    assert (tally.counts["done"], tally.left) == (3, 0)
    with pytest.raises(ProjectsFailed, match="2 failed and 3 went well; failed: ") as failed:
        tally.raise_failures()
    assert str(POISONED) in str(failed.value)
    assert str(SLOW) in str(failed.value)


async def test_a_round_gives_one_turn_at_least() -> None:
    work = Work()
    tally = await work.make_round(AT_ONCE, Rotation())
    assert (len(work.turns), tally.left) == (1, 4)


async def test_who_has_more_work_has_it_after_the_others() -> None:
    turns: list[UUID] = []

    async def run(project_id: UUID) -> Progress:
        turns.append(project_id)
        return Progress({}, has_more=project_id == FIVE[0] and turns.count(project_id) < 3)

    await make_round("work", FIVE[:3], run, WHOLE, Rotation())
    assert sorted(turns[:3]) == FIVE[:3]
    assert turns[3:] == [FIVE[0], FIVE[0]]


async def test_a_turn_that_takes_too_long_ends_and_the_next_begins() -> None:
    first, second = uuid4(), uuid4()
    work = Work(slow=first)
    tally = await work.make_round(Bounds(round_seconds=60, turn_seconds=0.05), Rotation(), [first, second])
    assert (tally.served, tally.failed) == ({second}, [first])


async def test_an_outage_ends_the_round_and_is_no_projects_fault_and_the_next_begins_behind_it() -> None:
    """What looks like one may come from one project's data: it must not keep those behind it waiting for ever."""
    turns: list[UUID] = []

    async def run(project_id: UUID) -> Progress:
        turns.append(project_id)
        raise ConnectionRefusedError

    rotation = Rotation()
    for _ in FIVE:
        with pytest.raises(ConnectionRefusedError):
            await make_round("work", FIVE, run, WHOLE, rotation)
    assert sorted(turns) == FIVE


async def test_a_round_that_is_cancelled_stops() -> None:
    only = uuid4()
    work = Work(slow=only)
    running = asyncio.create_task(work.make_round(WHOLE, Rotation(), [only, uuid4()]))
    while only not in work.turns:
        await asyncio.sleep(0)
    before = len(work.turns)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(work.turns) == before


ADD_PROJECTS = text("INSERT INTO projects (project_id, name, created_at) VALUES (:project_id, :name, now())")
GET_JOB = "SELECT outcome, detail FROM job_runs WHERE job = 'work'"


async def touch(tools: Tools, project_id: UUID) -> Progress:
    """A turn on real Postgres: one project breaks a rule of a table, one waits in its statement."""
    statement = {
        POISONED: "SELECT 1 / 0",
        SLOW: "SELECT pg_sleep(600)",
    }.get(
        project_id, "INSERT INTO releases SELECT project_id, 'seen', now(), now() FROM projects WHERE project_id = :id"
    )
    async with tools.engine.begin() as connection:
        await connection.execute(text(statement), {"id": project_id} if ":id" in statement else {})
    return Progress({"touched": 1})


async def list_five(_: AsyncEngine) -> Sequence[UUID]:
    return FIVE


@pytest.mark.parametrize(("round_seconds", "runs"), [(60.0, 1), (0.0, 5)])
async def test_a_jobs_record_says_which_projects_failed_and_the_others_have_had_their_turns(
    tools: Tools, round_seconds: float, runs: int
) -> None:
    async with tools.engine.begin() as connection:
        # those of the fixture are other projects
        await connection.execute(text("DELETE FROM projects"))
        await connection.execute(ADD_PROJECTS, [{"project_id": one, "name": str(one)} for one in FIVE])
    step = EachProject("work", list_five, touch, Bounds(round_seconds, turn_seconds=1.0))
    details = []
    for _ in range(runs):
        async with tools.engine.begin() as connection:
            await connection.execute(text("DELETE FROM job_runs"))
        await run_job(tools, Job("work", 60, (step,)))
        details += await rows(tools.engine, GET_JOB)
    failed = [str(detail) for outcome, detail in details if outcome == "failed"]
    assert len(failed) == (1 if runs == 1 else 2)
    assert all("failed: " in detail for detail in failed)
    assert all(any(str(one) in detail for detail in failed) for one in (POISONED, SLOW))
    if runs == 1:
        assert "2 failed and 3 went well" in failed[0]
    touched = await rows(tools.engine, "SELECT project_id FROM releases ORDER BY 1")
    assert [row[0] for row in touched] == [one for one in FIVE if one not in (POISONED, SLOW)]
