"""A project sees, counts and touches its own errors only, by whatever parameter."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.reads import answer_cache, entries
from tests.conftest import Project, Service


def error(**others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": "payment 1 failed", "environment": "prod", **others}


@pytest.fixture
async def two(service: Service) -> tuple[Project, Project]:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    await theirs.send(*[error(event_id=str(uuid4())) for _ in range(5)])
    await service.run_worker()
    return mine, theirs


@pytest.mark.parametrize(
    "query",
    [{}, {"service": "shop"}, {"severity": "error"}, {"environment": "prod"}, {"text": "payment"}, {"limit": 200}],
)
async def test_no_filter_shows_errors_of_another_project(two: tuple[Project, Project], query: dict[str, Any]) -> None:
    mine, theirs = two
    assert len((await theirs.get("/api/errors", **query))["errors"]) == 5
    assert (await mine.get("/api/errors", **query))["errors"] == []
    if "text" not in query:
        assert (await mine.get("/api/errors/recent", **query))["errors"] == []


async def test_ids_cursors_and_patterns_of_another_project_lead_nowhere(two: tuple[Project, Project]) -> None:
    mine, theirs = two
    page = await theirs.get("/api/errors", limit=2)
    pattern_id = (await theirs.get("/api/errors/patterns"))["patterns"][0]["id"]
    assert (await mine.read.get(f"/api/errors/{page['errors'][0]['id']}")).status_code == 404
    assert (await mine.read.get(f"/api/errors/patterns/{pattern_id}")).status_code == 404
    assert (await mine.get("/api/errors", limit=2, cursor=page["next"]))["errors"] == []
    assert (await mine.get("/api/errors/recent", pattern=pattern_id))["errors"] == []
    assert (await mine.get("/api/errors/patterns"))["total"] == 0


async def test_the_same_event_id_in_two_projects_is_two_errors(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    event_id = str(uuid4())
    assert (await mine.send(error(event_id=event_id, message="mine")))["count"] == 1
    assert (await theirs.send(error(event_id=event_id, message="theirs")))["count"] == 1
    assert (await mine.get(f"/api/errors/{event_id}"))["message"] == "mine"
    assert (await theirs.get(f"/api/errors/{event_id}"))["message"] == "theirs"


async def test_the_same_failure_in_two_projects_is_two_patterns(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    await mine.send(error())
    await theirs.send(error(), error())
    await service.run_worker()
    [my_pattern] = (await mine.get("/api/errors/patterns"))["patterns"]
    [their_pattern] = (await theirs.get("/api/errors/patterns"))["patterns"]
    assert (my_pattern["count"], their_pattern["count"]) == (1, 2)
    assert my_pattern["id"] != their_pattern["id"]


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("ingest", "GET", "/api/errors/recent", 403),
        ("ingest", "GET", "/api/errors/patterns", 403),
        ("read", "POST", "/api/errors/batch", 403),
        ("read", "POST", "/api/errors/log", 403),
        ("admin", "GET", "/api/errors/recent", 200),
    ],
)
async def test_a_key_does_only_what_its_scope_allows(
    service: Service, scope: str, method: str, path: str, status: int
) -> None:
    client = getattr(await service.project(), scope)
    answer = await client.request(method, path, json=None if method == "GET" else {"errors": [error()]})
    assert answer.status_code == status


async def test_no_key_a_wrong_key_and_a_revoked_key_are_refused(service: Service) -> None:
    nobody = await service.client(None)
    answer = await nobody.get("/api/errors/recent")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await nobody.get("/api/errors/recent", headers={"X-API-Key": "x"})).status_code == 401
    project = await service.project()
    await service.execute("UPDATE api_keys SET revoked_at = now()")
    assert (await project.read.get("/api/errors/recent")).status_code == 401


THEIRS = "theirsonly"


async def find_leaks(service: Service, mine: Project, theirs: Project) -> list[str]:
    """Every GET route of the document, asked by one project and then by the other; what shows the other's marker."""
    page = await theirs.get("/api/errors")
    patterns = (await theirs.get("/api/errors/patterns"))["patterns"]
    ids = {"event_id": page["errors"][0]["id"], "pattern_id": patterns[0]["id"]}
    document = (await mine.read.get("/openapi.json")).json()
    leaks = []
    for path in [path for path, operations in document["paths"].items() if "get" in operations]:
        asked = path
        for name in re.findall(r"{(\w+)}", path):
            asked = asked.replace(f"{{{name}}}", ids.get(name, str(uuid4())))
        await theirs.admin.get(asked)
        for client in (mine.read, mine.admin):
            answer = await client.get(asked)
            assert answer.status_code < 500, asked
            if THEIRS in answer.text:
                leaks.append(path)
    return leaks


async def fill(service: Service, project: Project, marker: str) -> None:
    await project.send(*[error(service=marker, message=f"{marker} failed", environment=marker) for _ in range(3)])
    await service.run_worker()


async def test_no_route_of_the_document_shows_another_project(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    await fill(service, mine, "mineonly")
    await fill(service, theirs, THEIRS)
    assert await find_leaks(service, mine, theirs) == []


async def test_control_a_cache_key_without_the_project_leaks(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    name_answer = answer_cache.name_answer
    monkeypatch.setattr(entries, "name_answer", lambda _project, *others: name_answer(UUID(int=0), *others))
    mine, theirs = await service.project("mine"), await service.project("theirs")
    await fill(service, mine, "mineonly")
    await fill(service, theirs, THEIRS)
    assert await find_leaks(service, mine, theirs) != []
