"""A project with more kinds of errors, services and environments than it may have: nothing is lost, and all is shown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.settings import Settings
from tests.conftest import Project, Service, run_service

KINDS = [f"{first}{second} is missing" for first in "abcdefgh" for second in "klmnopqr"]


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[Service]:
    """A service whose projects may have ten fingerprints, three services and two environments."""
    tight = settings.model_copy(update={"fingerprints_max": 10, "services_max": 3, "environments_max": 2})
    async with run_service(tight) as service:
        yield service


async def flood(service: Service, project: Project) -> None:
    """Ten kinds first, then 54 more that are beyond what the project may have."""
    for kinds in (KINDS[:10], KINDS[10:]):
        await project.send(
            *[{"service": "shop", "severity": "error", "message": kind, "release": "7"} for kind in kinds]
        )
        await service.run_worker()


async def overflow_of(project: Project) -> dict[str, Any]:
    told = await project.get("/api/errors/patterns")
    [overflow] = [pattern for pattern in told["patterns"] if pattern["grouped_by"] == "overflow"]
    assert told["total"] == len(KINDS)
    return dict(overflow)


async def test_the_overflow_pattern_shows_its_latest_errors_and_no_others(small: Service) -> None:
    project = await small.project()
    await flood(small, project)
    overflow = await overflow_of(project)
    page = await project.get(f"/api/errors/patterns/{overflow['id']}")
    assert page["count"] == overflow["count"] == 54
    assert [error["message"] for error in page["examples"]] == list(reversed(KINDS[-20:]))
    assert {error["pattern_id"] for error in page["examples"]} == {overflow["id"]}
    assert page["releases"] == [{"key": "7", "count": 54}]


async def test_a_walk_over_the_overflow_pattern_meets_each_of_its_errors_once(small: Service) -> None:
    project = await small.project()
    await flood(small, project)
    asked, found = {"pattern": (await overflow_of(project))["id"], "limit": 20}, list[str]()
    while True:
        page = await project.get("/api/errors", **asked)
        found += [error["message"] for error in page["errors"]]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert found == list(reversed(KINDS[10:]))


async def test_errors_beyond_are_listed_under_the_overflow_pattern_and_those_of_before_under_their_own(
    small: Service,
) -> None:
    project = await small.project()
    await flood(small, project)
    overflow = await overflow_of(project)
    errors = (await project.get("/api/errors/recent", limit=200))["errors"]
    under = [error["message"] for error in errors if error["pattern_id"] == overflow["id"]]
    assert sorted(under) == KINDS[10:]
    assert all(error["pattern_id"] for error in errors)


async def test_a_request_id_as_service_and_environment_is_counted_under_one_name_and_kept_in_its_row(
    small: Service,
) -> None:
    project = await small.project()
    shop = {"service": "shop", "environment": "production", "severity": "error", "message": "boom"}
    await project.send(*[shop] * 3)
    await small.run_worker()
    await project.send(*[shop | {"service": f"request-{n}", "environment": f"request-{n}"} for n in range(20)])
    await small.run_worker()
    told = await project.get("/api/errors/patterns")
    services, environments = ({i["key"]: i["count"] for i in told[by]} for by in ("by_service", "by_environment"))
    assert services == {"shop": 3, "request-0": 1, "request-1": 1, "(overflow)": 18}
    assert environments == {"production": 3, "request-0": 1, "(overflow)": 19}
    assert told["total"] == 23
    assert (await project.get("/api/errors/patterns", service="(overflow)"))["total"] == 18
    [kept] = (await project.get("/api/errors", service="request-19"))["errors"]
    assert kept["environment"] == "request-19"
