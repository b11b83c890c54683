"""A spike, a return and a new failure show in the answer at the worker's next look, with the reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import Project, Service
from tests.worker.running import repair_hours
from worker.upkeep.counts import list_projects

HOURS = 10 * 24


def error(message: str = "disk full") -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message}


async def give_history(service: Service, hours: range, per_hour: int) -> None:
    """What the one known fingerprint did in those hours of the past."""
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for ago in hours:
        await service.execute(
            "INSERT INTO rollups SELECT project_id, :bucket, fingerprint, 'shop', 3, '', :count FROM fingerprints"
            " ON CONFLICT DO NOTHING",
            bucket=this_hour - timedelta(hours=ago),
            count=per_hour + ago % 3,
        )
    await repair_hours(service.tools.engine, await list_projects(service.tools.engine))
    await service.execute("UPDATE fingerprints SET first_seen = :first", first=this_hour - timedelta(hours=max(hours)))


async def look(service: Service, project: Project) -> dict[str, Any]:
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns", window="1h"))["patterns"]
    return dict(pattern)


async def test_a_spike_shows_with_what_was_counted_and_expected(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    await give_history(service, range(2, HOURS), per_hour=10)
    await project.send(*[error() for _ in range(200)])
    pattern = await look(service, project)
    assert pattern["trend"] == "spiking"
    facts = pattern["trend_facts"]
    assert (facts["window"], facts["count"]) == ("1h", 201)
    assert 5 < facts["expected"] < 25
    assert facts["p_value"] < 0.001


async def test_as_many_as_always_is_steady(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    await give_history(service, range(1, HOURS), per_hour=10)
    await project.send(*[error() for _ in range(9)])
    assert (await look(service, project))["trend"] == "steady"


async def test_what_was_silent_for_a_week_and_is_back_has_regressed(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    await service.execute("DELETE FROM rollups")
    await give_history(service, range(8 * 24, 30 * 24, 6), per_hour=10)
    await project.send(error())
    pattern = await look(service, project)
    assert (pattern["trend"], pattern["state"]) == ("regressed", "regressed")


async def test_a_new_failure_is_new(service: Service) -> None:
    project = await service.project()
    await project.send(error(), error(), error())
    pattern = await look(service, project)
    assert (pattern["trend"], pattern["state"]) == ("new", "new")
