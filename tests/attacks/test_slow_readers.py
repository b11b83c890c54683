"""One project's slow questions, as many at once as it likes: others read and write, and probes are answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.reads import queries
from common.settings import Settings
from tests.conftest import Project, Service, run_service

CROWD = 60
ERROR = {"service": "shop", "severity": "error", "message": "order 7 is late"}
BUDGET = {"name": "all", "scope": "project", "metric": "tokens", "limit": 9, "period": "day"}
Asking = Callable[[Project], Coroutine[Any, Any, httpx.Response]]


@pytest.fixture
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """Where a statement may wait for longer than the test takes."""
    async with run_service(settings.model_copy(update={"database_lock_seconds": 60.0})) as running:
        yield running


@asynccontextmanager
async def locked(service: Service, table: str) -> AsyncIterator[None]:
    """Whoever asks for this table waits."""
    async with service.tools.engine.begin() as connection:
        await connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


async def search(project: Project) -> httpx.Response:
    return await project.read.get("/api/errors", params={"text": "nowhere"})


async def report(project: Project) -> httpx.Response:
    return await project.read.get("/api/costs/report")


async def triage(project: Project) -> httpx.Response:
    return await project.admin.patch(f"/api/errors/patterns/{project.id}", json={"state": "resolved"})


async def budget(project: Project) -> httpx.Response:
    return await project.admin.post("/api/budgets", json=BUDGET)


async def others_are_served(service: Service, other: Project, *, seconds: float = 1.9) -> None:
    """A probe, a read that no cache holds, a post, a look at money: each before a turn of the crowd is given up."""
    anyone = await service.client(None)
    async with asyncio.timeout(seconds):
        assert (await anyone.get("/readyz")).status_code == 200
    async with asyncio.timeout(seconds):
        assert (await other.read.get("/api/errors", params={"limit": 3})).status_code == 200
    async with asyncio.timeout(seconds):
        assert (await other.ingest.post("/api/errors/log", json=ERROR)).status_code == 201
    async with asyncio.timeout(seconds):
        assert (await other.read.get("/api/prices/overrides")).status_code == 200


async def attack(service: Service, other: Project, ask: Asking, project: Project) -> list[asyncio.Task[httpx.Response]]:
    crowd = [asyncio.create_task(ask(project)) for _ in range(CROWD)]
    await asyncio.sleep(0.3)
    assert not any(task.done() for task in crowd)
    await others_are_served(service, other)
    return crowd


def are_told_to_come_again(answered: list[httpx.Response]) -> bool:
    busy = [answer for answer in answered if answer.status_code == 503]
    assert all(answer.json()["type"] == "urn:mayday:problem:busy" for answer in busy)
    assert all(answer.headers["Retry-After"] == "1" for answer in busy)
    return len(busy) >= CROWD - 4


async def test_sixty_slow_searches_keep_nobody_else_waiting(serving: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project, other = await serving.project("slow"), await serving.project("other")
    await asyncio.gather(search(project), other.read.get("/api/errors"))  # keys are known then
    release, searching, most = asyncio.Event(), 0, 0
    list_errors = queries.list_errors

    async def take_long(connection: Any, project_id: Any, wanted: Any, **others: Any) -> Any:
        nonlocal searching, most
        if wanted.message_has is not None:
            searching += 1
            most = max(most, searching)
            await release.wait()
            searching -= 1
        return await list_errors(connection, project_id, wanted, **others)

    monkeypatch.setattr(queries, "list_errors", take_long)
    crowd = await attack(serving, other, search, project)
    assert (await project.read.get("/api/errors", params={"limit": 4})).status_code == 200, "its other reads go on"
    await asyncio.sleep(2)
    release.set()
    answered = await asyncio.gather(*crowd)
    assert most == 2
    assert are_told_to_come_again(answered)
    assert sum(answer.status_code == 200 for answer in answered) == 2
    assert (await search(project)).status_code == 200


@pytest.mark.parametrize(("table", "ask"), [("deliverables", report), ("decisions", triage), ("budgets", budget)])
async def test_whatever_is_slow_for_one_project_is_slow_for_it_alone(serving: Service, table: str, ask: Asking) -> None:
    project, other = await serving.project("slow"), await serving.project("other")
    await project.send(ERROR)
    await serving.run_worker()
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    await asyncio.gather(report(project), project.admin.get("/api/status"), other.read.get("/api/errors"))
    project = replace(project, id=pattern)
    async with locked(serving, table):
        crowd = await attack(serving, other, ask, project)
        await asyncio.sleep(2)
    assert are_told_to_come_again(await asyncio.gather(*crowd))


async def test_probes_of_strangers_are_one_look_at_the_database(
    serving: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look(*_: Any) -> dict[str, str]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        return {"postgres": "ok", "schema": "ok", "worker": "ok"}

    monkeypatch.setattr("api.status.health.check_database", look)
    anyone = await serving.client(None)
    answered = await asyncio.gather(*[anyone.get("/readyz") for _ in range(CROWD)])
    assert {answer.status_code for answer in answered} == {200}
    assert looks == 1


async def test_no_route_goes_past_the_shares(serving: Service) -> None:
    """Two projects at once hold what projects may hold: keys and probes have connections all the same."""
    slow = [await serving.project(name) for name in ("one", "two", "three")]
    for project in slow:
        await asyncio.gather(budget(project), project.read.get("/api/errors"))
    async with locked(serving, "budgets"):
        crowd = [asyncio.create_task(budget(project)) for project in slow for _ in range(20)]
        await asyncio.sleep(0.2)
        newcomer = await serving.project("newcomer")
        await others_are_served(serving, newcomer, seconds=4)
    await asyncio.gather(*crowd)
