"""The hot way and the route take errors alike; only the way differs."""

import json
import re
from typing import Any

import httpx
import pytest

from api.ingest import routes
from api.problems import Unavailable
from common.settings import Settings
from tests.conftest import Project, Service, run_service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed"}
EVENT_ID = "0192f0c0-0000-7000-8000-000000000001"
SECRET = ERROR | {"message": "login failed password=hunter2"}
BODIES: list[tuple[str, Any]] = [
    ("batch", {"errors": [ERROR | {"event_id": EVENT_ID}]}),
    ("batch", {"errors": [ERROR, SECRET, {"service": "x"}, 7]}),
    ("batch", {"errors": [{"service": "x"}] * 40}),
    ("batch", {"errors": []}),
    ("batch", {"errors": [ERROR] * 1_001}),
    ("batch", "no list"),
    ("log", SECRET | {"event_id": EVENT_ID}),
    ("log", {"service": "x"}),
    ("log", [1]),
]


async def post(project: Project, name: str, body: bytes, **headers: str) -> tuple[int, list[Any], Any]:
    """Status, headers and body; ids that the server makes and what RateLimit counts left out."""
    sent = {"x-request-id": "same", "content-type": "application/json", **headers}
    answer = await project.ingest.post(f"/api/errors/{name}", content=body, headers=sent)
    kept = [(k, re.sub(rb"r=\d+;t=\d+", b"", v)) for k, v in answer.headers.raw]
    return answer.status_code, kept, answer.json()


def by_route(project: Project) -> dict[str, str]:
    """The scheme in another case, which only the route reads."""
    return {"authorization": project.ingest.headers["authorization"].replace("Bearer", "bearer")}


async def known_project(service: Service) -> Project:
    project = await service.project()
    await project.send(ERROR)
    return project


@pytest.mark.parametrize(("name", "document"), BODIES)
async def test_both_ways_take_errors_alike(service: Service, name: str, document: Any) -> None:
    project = await known_project(service)
    body = json.dumps(document).encode()
    await post(project, name, body)  # so that what has an id is a duplicate both times
    assert await post(project, name, body) == await post(project, name, body, **by_route(project))


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/plain"}, {"content-encoding": "gzip"}, {"content-encoding": "lzma"}]
)
async def test_both_ways_refuse_alike(service: Service, headers: dict[str, str]) -> None:
    project = await known_project(service)
    assert await post(project, "batch", b"{}", **headers) == await post(
        project, "batch", b"{}", **headers, **by_route(project)
    )


async def test_both_ways_run_on_the_same_quota(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"limit_key_requests": 3})) as service:
        project = await known_project(service)
        body = json.dumps(ERROR).encode()
        assert (await post(project, "log", body))[0] == 201
        assert (await post(project, "log", body, **by_route(project)))[0] == 201
        hot, routed = await post(project, "log", body), await post(project, "log", body, **by_route(project))
        assert hot[0] == routed[0] == 429
        assert {k for k, _ in hot[1]} == {k for k, _ in routed[1]}


async def test_a_known_key_does_without_the_route_and_everything_else_takes_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await known_project(service)

    async def fail(*_: object) -> None:
        raise Unavailable("the route was asked")

    monkeypatch.setattr(routes, "take_one", fail)
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert (await post(project, "log", body, **by_route(project)))[0] == 503
    assert (await post(project, "log", body, **{"x-api-key": "another"}))[0] == 503


async def test_a_key_that_may_only_read_is_refused(service: Service) -> None:
    project = await known_project(service)
    await project.get("/api/errors/recent")
    answer: httpx.Response = await project.read.post("/api/errors/log", json=ERROR)
    assert answer.status_code == 403
