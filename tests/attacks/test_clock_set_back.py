"""The database's own clock was ahead for a while and is right again: what was written meanwhile lies in the future, and
nothing waits until that comes."""

from typing import Any

import pytest

from tests.conftest import Project, Service
from worker.jobs import run_job
from worker.schedule import schedule

# What a clock 40 days ahead leaves behind, in the tables that say when something was done last.
LEFT_BEHIND = (
    """UPDATE job_runs SET started_at = started_at + interval '40 days', finished_at = finished_at + interval '40 days',
                           succeeded_at = succeeded_at + interval '40 days'""",
    "UPDATE snapshots SET computed_at = computed_at + interval '40 days'",
)


async def send(project: Project, message: str) -> None:
    await project.send({"service": "shop", "severity": "error", "message": message})


async def read_patterns(project: Project) -> dict[str, Any]:
    return dict((await project.read.get("/api/errors/patterns")).json())


async def run_all(service: Service) -> dict[str, str]:
    return {job.name: await run_job(service.tools, job) for job in schedule(service.settings)}


@pytest.mark.parametrize("is_quiet", [False, True], ids=["busy", "quiet"])
async def test_jobs_run_and_patterns_are_published_once_the_clock_is_right_again(
    service: Service, is_quiet: bool
) -> None:
    project = await service.project()
    await send(project, "before")
    assert set((await run_all(service)).values()) == {"done"}
    assert set((await run_all(service)).values()) == {"recent"}
    for statement in LEFT_BEHIND:
        await service.execute(statement)
    if is_quiet:
        await service.execute("DELETE FROM hourly_rollups")
    else:
        await send(project, "after")
    assert set((await run_all(service)).values()) == {"done"}
    [late] = await service.execute("SELECT count(*) FROM snapshots WHERE computed_at > now() + interval '1 minute'")
    assert late[0] == 0
    if not is_quiet:
        await service.state["reads"].close()
        assert len((await read_patterns(project))["patterns"]) == 2
