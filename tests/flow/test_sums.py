"""Sums are exact at every moment: random batches stream in while the worker runs, and every answer adds up."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from common.snapshots import WINDOWS_HOURS
from common.snapshots.composing import compute_snapshot
from common.snapshots.counting import Wanted
from common.snapshots.schema import PatternsAnswer
from tests.conftest import Project, Service

ROUNDS = 12


def random_error(rng: random.Random, sent: list[dict[str, Any]]) -> dict[str, Any]:
    """New ones, old ones again, late and future ones, with and without a time, in many places."""
    if sent and rng.random() < 0.2:
        return rng.choice(sent)
    now = datetime.now(UTC)
    offset = rng.choice([0, 0, rng.uniform(-3600, 0), rng.uniform(-40, 1) * 86_400, rng.uniform(0, 900)])
    error = {
        "service": rng.choice(["shop", "login", "mail"]),
        "severity": rng.choice(["debug", "info", "warning", "error", "critical"]),
        "message": f"{rng.choice(['order', 'user', 'disk'])} {rng.randrange(1000)} {rng.choice(['failed', 'lost'])}",
        "event_id": str(UUID(int=rng.getrandbits(128), version=4)),
        "environment": rng.choice([None, "prod", "test"]),
    }
    if rng.random() < 0.7:
        error["timestamp"] = (now + timedelta(seconds=offset)).isoformat()
    sent.append(error)
    return error


def assert_adds_up(answer: PatternsAnswer) -> None:
    parts = (answer.by_severity, answer.by_service, answer.by_environment, answer.series, answer.trends)
    assert {sum(item.count for item in part) for part in parts} <= {answer.total}
    assert sum(pattern.count for pattern in answer.patterns) + answer.other.count == answer.total


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_adds_up_while_errors_stream_in_and_the_last_one_equals_a_recount(
    service: Service, seed: int
) -> None:
    rng = random.Random(seed)
    projects = [await service.project(f"project {n}") for n in range(3)]
    done = asyncio.Event()

    async def stream(project: Project) -> None:
        sent: list[dict[str, Any]] = []
        for _ in range(ROUNDS):
            batch = [random_error(rng, sent) for _ in range(rng.randrange(1, 60))]
            await project.ingest.post("/api/errors/batch", json={"errors": batch})

    async def work() -> None:
        while not done.is_set():
            await service.run_worker()

    async def watch() -> int:
        seen = 0
        while not done.is_set():
            for project in projects:
                wanted = rng.choice([Wanted(), Wanted(service="shop"), Wanted(environment="prod"), Wanted(trend="new")])
                window = rng.choice(WINDOWS_HOURS)
                assert_adds_up(
                    await compute_snapshot(service.tools.engine, project.id, window, service.settings, wanted)
                )
                seen += 1
        return seen

    worker, watcher = asyncio.create_task(work()), asyncio.create_task(watch())
    await asyncio.gather(*[stream(project) for project in projects])
    done.set()
    await worker
    assert await watcher > 0
    await service.run_worker()
    for project in projects:
        await assert_equals_recount(service, project)


async def assert_equals_recount(service: Service, project: Project) -> None:
    [[stored]] = await service.execute("SELECT count(*) FROM errors WHERE project_id = :id", id=project.id)
    [[folded]] = await service.execute("SELECT sum(count) FROM rollups WHERE project_id = :id", id=project.id)
    assert folded == stored
    answer = await compute_snapshot(service.tools.engine, project.id, 168, service.settings)
    [[recounted]] = await service.execute(
        "SELECT count(*) FROM errors WHERE project_id = :id AND date_trunc('hour', occurred_at, 'UTC') >= :start",
        id=project.id,
        start=answer.window_start,
    )
    assert answer.total == recounted > 0
    assert_adds_up(answer)
