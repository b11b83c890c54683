"""Who decided about a pattern sees it in the next read, whatever the worker computes and publishes meanwhile, and the
request sums nothing up."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

import common.snapshots
from common.alerts.pattern_facts import COUNT_PLACES
from common.cache import Cache, CacheUnavailable
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, publish_snapshots
from common.snapshots.composing import compute_snapshot
from tests.conftest import Project, Service, run_service
from tests.flow.test_triage import change, error, patterns

WINDOWS = ("1h", "6h", "24h", "7d")


@pytest.fixture
async def two(service: Service) -> tuple[Project, list[str]]:
    """A project and the ids of its two patterns, which readers hold copies of."""
    project = await service.project()
    await project.send(error("disk full"), error("disk full"), error("no route to host", error_type="OSError"))
    await service.run_worker()
    service.age_reads()
    ids = [one["id"] for one in await patterns(project)]
    await read_states(project, ids[0])
    return project, ids


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What was sent to Postgres."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def read_states(project: Project, pattern_id: str) -> set[str]:
    """Those that the pattern has: in the list of each window, filtered by service, and on its own page."""
    queries: list[dict[str, str]] = [*({"window": window} for window in WINDOWS), {"service": "shop"}]
    lists = [await patterns(project, **query) for query in queries]
    found = {one["state"] for listed in lists for one in listed if one["id"] == pattern_id}
    return found | {(await project.get(f"/api/errors/patterns/{pattern_id}"))["state"]}


async def publish(service: Service, project: Project) -> None:
    await publish_snapshots(service.tools.engine, service.tools.cache, project.id, service.settings)


async def test_the_next_read_shows_it_in_every_window_and_on_the_page(two: tuple[Project, list[str]]) -> None:
    project, (pattern_id, other) = two
    for state in ("resolved", "ignored", "resolved"):
        await change(project, pattern_id, state=state, note=f"now {state}")
        assert await read_states(project, pattern_id) == {state}
        assert (await project.get(f"/api/errors/patterns/{pattern_id}"))["note"] == f"now {state}"
    assert await read_states(project, other) == {"new"}
    await change(project, other, note="a note alone")
    assert (await project.get(f"/api/errors/patterns/{other}"))["note"] == "a note alone"


async def test_the_request_sums_nothing_up_and_writes_no_answer(
    two: tuple[Project, list[str]], statements: list[str]
) -> None:
    project, (pattern_id, _) = two
    await change(project, pattern_id, state="resolved")
    assert any("INSERT INTO decisions" in statement for statement in statements)
    # what is noted with the decision is read of its pattern alone
    of_the_pattern = str(COUNT_PLACES).strip().split("\n")[0]
    others = [one for one in statements if of_the_pattern not in one]
    assert [one for one in others if "rollups" in one or "snapshots" in one or "deltas" in one] == []


async def test_other_processes_and_those_that_start_later_show_it_too(
    service: Service, settings: Settings, two: tuple[Project, list[str]]
) -> None:
    project, (pattern_id, _) = two
    async with run_service(settings) as other:
        key = project.read.headers["Authorization"].removeprefix("Bearer ")
        elsewhere = replace(project, read=await other.client(key))
        assert await read_states(elsewhere, pattern_id) == {"new"}
        await change(project, pattern_id, state="resolved")
        other.age_reads()
        assert await read_states(elsewhere, pattern_id) == {"resolved"}
        await service.tools.cache.redis.flushdb()
        other.age_reads()
        assert await read_states(elsewhere, pattern_id) == {"resolved"}


async def test_without_redis_it_shows_at_once(settings: Settings, two: tuple[Project, list[str]]) -> None:
    project, (pattern_id, _) = two
    async with run_service(settings.model_copy(update={"cache_url": "unix:///nowhere/redis.sock"})) as alone:
        keys = [client.headers["Authorization"].removeprefix("Bearer ") for client in (project.read, project.admin)]
        reader, admin = [await alone.client(key) for key in keys]
        there = replace(project, read=reader, admin=admin)
        assert await read_states(there, pattern_id) == {"new"}
        await change(there, pattern_id, state="resolved")
        assert await read_states(there, pattern_id) == {"resolved"}


async def test_a_redis_that_did_not_answer_for_a_moment_keeps_no_answer_of_before(
    service: Service, two: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, (pattern_id, _) = two

    async def fail(_cache: Cache, *_: Any) -> str:
        raise CacheUnavailable("too late")

    with monkeypatch.context() as patch:
        patch.setattr(Cache, "raise_generation", fail)
        await change(project, pattern_id, state="resolved")
    assert await read_states(project, pattern_id) == {"resolved"}
    assert service.state["reads"].to_raise == set()


async def test_what_the_worker_computed_before_and_stores_after_hides_no_decision(
    service: Service, two: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, (pattern_id, _) = two

    async def compute_then_decide(engine: Any, project_id: Any, window_hours: int, *others: Any) -> Any:
        computed = await compute_snapshot(engine, project_id, window_hours, *others)
        if window_hours == WINDOWS_HOURS[0]:
            await change(project, pattern_id, state="resolved")
        return computed

    monkeypatch.setattr(common.snapshots, "compute_snapshot", compute_then_decide)
    await publish(service, project)
    service.age_reads()
    assert await read_states(project, pattern_id) == {"resolved"}


async def test_what_the_worker_read_before_and_publishes_after_hides_no_decision(
    service: Service, two: tuple[Project, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, (pattern_id, _) = two
    hand_over = Cache.publish

    async def decide_then_publish(cache: Cache, *arguments: Any) -> None:
        await change(project, pattern_id, state="resolved")
        await hand_over(cache, *arguments)

    monkeypatch.setattr(Cache, "publish", decide_then_publish)
    await publish(service, project)
    service.age_reads()
    assert await read_states(project, pattern_id) == {"resolved"}


@pytest.mark.parametrize("seed", range(3))
async def test_while_the_worker_publishes_without_end_every_decision_shows(
    service: Service, two: tuple[Project, list[str]], seed: int
) -> None:
    project, ids = two
    rng, is_over = random.Random(seed), asyncio.Event()

    async def publish_on() -> None:
        while not is_over.is_set():
            await publish(service, project)

    publishing = [asyncio.create_task(publish_on()) for _ in range(2)]
    decided: list[str] = []
    try:
        for _ in range(12):
            pattern_id, state = rng.choice(ids), rng.choice(["resolved", "ignored"])
            await asyncio.sleep(rng.uniform(0, 0.05))
            await change(project, pattern_id, state=state)
            decided.append(f"{pattern_id} {state}")
            assert await read_states(project, pattern_id) == {state}, decided
    finally:
        is_over.set()
        await asyncio.gather(*publishing)
    assert await read_states(project, pattern_id) == {state}, decided
