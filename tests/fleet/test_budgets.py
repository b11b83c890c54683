"""A budget between processes: four record its crossings once, and checks of two stay together within the limit."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from common.settings import ROOT
from tests.conftest import Project, Service
from tests.fleet.contenders import CHECKS, ESTIMATE
from tests.fleet.programs import environment_of

LIMIT = 5_000


async def make_budget(project: Project, limit: int) -> str:
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": limit, "period": "month"}
    answer = await project.admin.post("/api/budgets", json=sent)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@asynccontextmanager
async def contenders(service: Service, count: int, *arguments: str) -> AsyncIterator[list[Process]]:
    """Processes that are all ready, and begin together; killed at the end when they still run."""
    environment = {**os.environ, **environment_of(service), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.fleet.contenders", *arguments]
    running = [
        await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment, cwd=ROOT)
        for _ in range(count)
    ]
    try:
        for process in running:
            await read_until(process, "ready")
        for process in running:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        yield running
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def read_until(process: Process, words: str) -> None:
    assert process.stdout is not None
    while words not in (line := (await process.stdout.readline()).decode()):
        assert line, "the process ended"


async def what_each_won(running: list[Process]) -> list[dict[str, int]]:
    """The last line of each, after its standard input ended."""
    outputs = await asyncio.gather(*[process.communicate(b"") for process in running])
    return [json.loads(output.splitlines()[-1]) for output, _ in outputs]


async def post_thrice(project: Project, tokens: int) -> None:
    """The same record in three requests at once."""
    record: dict[str, Any] = {"event_key": f"call-{tokens}", "team": "ops", "model": "claude-haiku-4-5",
                              "total_tokens": tokens, "occurred_at": datetime.now(UTC).isoformat()}  # fmt: skip
    sent = [project.ingest.post("/api/usage/batch", json={"records": [record]}) for _ in range(3)]
    assert sorted(answer.json()["duplicates"] for answer in await asyncio.gather(*sent)) == [0, 1, 1]


async def test_four_processes_record_each_crossing_once_while_posts_come_thrice(service: Service) -> None:
    project = await service.project()
    budget = await make_budget(project, 200_000)
    async with contenders(service, 4, "crossings", str(project.id), budget) as running:
        for threshold, tokens in ((80, 160_000), (90, 20_001), (100, 19_999)):
            await post_thrice(project, tokens)
            async with asyncio.timeout(10):
                while not await service.execute("SELECT 1 FROM crossings WHERE threshold = :t", t=threshold):
                    await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)  # so that all of them have seen all of it
        won = await what_each_won(running)
    assert sum(one["crossings"] for one in won) == 3
    assert sum(one["failed"] for one in won) == 0
    rows = await service.execute("SELECT threshold, used FROM crossings ORDER BY threshold")
    assert rows == [(80, 160_000), (90, 180_001), (100, 200_000)]


async def test_ten_thousand_checks_of_two_processes_hold_no_more_than_the_limit(service: Service) -> None:
    project = await service.project()
    budget = await make_budget(project, LIMIT)
    async with contenders(service, 2, "checks", str(project.id), budget) as running:
        won = await what_each_won(running)
    assert CHECKS * len(won) == 10_000
    assert sum(one["allowed"] for one in won) == LIMIT // ESTIMATE
    assert (await project.get(f"/api/budgets/{budget}/status"))["reserved"] == LIMIT
