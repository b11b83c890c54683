"""The jobs: their names, the steps that they are made of, and the time that each step is sure to have."""

from collections.abc import Mapping
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from common.settings import Settings
from tests.worker.stored import PROJECT
from worker.jobs import EachProject, Job, Tools, Whole, run_job, run_steps
from worker.rounds import Bounds, Progress
from worker.schedule import count_jobs, job_at_start, schedule

SETTINGS = Settings(database_url="postgresql://")
BOUNDS = Bounds(round_seconds=60, turn_seconds=60)


def all_jobs(settings: Settings) -> list[Job]:
    jobs = [job_at_start(settings), *schedule(settings)]
    return jobs + [job.then for job in jobs if job.then is not None]


JOBS = all_jobs(SETTINGS)


def test_the_jobs_are_those_that_docs_and_alerts_name() -> None:
    assert [job.name for job in JOBS] == [
        *(
            "repair",
            "upkeep",
            "alerts",
            "fold",
            "patterns",
            "budgets",
            "spending",
            "deletions",
            "channel_tests",
            "arrivals",
        )
    ]
    assert count_jobs(SETTINGS) == len(JOBS) - 1


@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS.model_copy(update={"budgets_every_seconds": 3_600})])
def test_the_steps_of_a_job_end_within_its_time_so_that_none_takes_anothers(settings: Settings) -> None:
    for job in all_jobs(settings):
        rounds = [step.bounds for step in job.steps if isinstance(step, EachProject)]
        if not rounds:
            continue
        assert (
            sum(one.round_seconds for one in rounds) + max(one.turn_seconds for one in rounds)
            < settings.job_max_seconds
        )
        assert min(one.round_seconds for one in rounds) > 0


def test_steps_of_one_name_do_the_same() -> None:
    """Their rounds go on from each other."""
    steps = [step for job in JOBS for step in job.steps if isinstance(step, EachProject)]
    assert len({(step.name, step.list_due) for step in steps}) == len({step.name for step in steps})


async def list_one(_: AsyncEngine) -> list[UUID]:
    return [PROJECT]


async def fail(_: Tools, project_id: UUID) -> Progress:
    raise ValueError(f"nothing to be had of {project_id}")


async def break_down(_: Tools) -> Mapping[str, int]:
    raise LookupError("no partition")


async def test_a_step_that_fails_keeps_none_of_the_others_from_its_turn(tools: Tools) -> None:
    done: list[UUID] = []

    async def do(_: Tools, project_id: UUID) -> Progress:
        done.append(project_id)
        return Progress({"done": 1})

    steps = (
        Whole(break_down),
        EachProject("failing", list_one, fail, BOUNDS),
        EachProject("doing", list_one, do, BOUNDS),
    )
    assert await run_job(tools, Job("work", 60, steps)) == "failed"
    assert done == [PROJECT]
    async with tools.engine.connect() as connection:
        [detail] = (await connection.exec_driver_sql("SELECT detail FROM job_runs")).scalars()
    assert "LookupError: no partition; ProjectsFailed: 1 failed and 0 went well" in detail


async def test_an_outage_ends_the_run_at_once(tools: Tools) -> None:
    async def lose(_: Tools) -> Mapping[str, int]:
        raise ConnectionResetError

    done: list[str] = []

    async def do(_: Tools) -> Mapping[str, int]:
        done.append("done")
        return {}

    with pytest.raises(ConnectionResetError):
        await run_steps(tools, (Whole(lose), Whole(do)))
    assert done == []
