"""The four paths of docs/architecture.md: each station is entered, in that order."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from types import FrameType

import pytest

from common.settings import ROOT, Settings
from tests.api.serving import over_sockets
from tests.conftest import Project, Service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed", "context": {"order": "a"}}
RECORD = {"team": "ops", "model": "claude-haiku-4-5", "input_tokens": 5, "output_tokens": 5}
MOST = {"an error in a batch, by the fast lane": 12, "a hot read": 7, "a usage record": 9, "how a budget stands": 6}


@pytest.fixture
async def project(service: Service, settings: Settings) -> AsyncIterator[Project]:
    async with over_sockets(await service.project(), settings) as made:
        yield made


def documented() -> dict[str, list[str]]:
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| ([a-z, ]+) \| ((?:`[\w/.]+` ?)+)\|", text[text.index("## Four paths") :], re.MULTILINE)
    return {name: re.findall(r"`([\w/.]+)`", stations) for name, stations in rows if name in MOST}


async def files_entered(request: Callable[[], Awaitable[object]]) -> list[str]:
    """Those of api and common whose functions run while it is answered, each where it is first entered."""
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, _argument: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith((f"{ROOT}/api/", f"{ROOT}/common/")):
            entered.setdefault(file.removeprefix(f"{ROOT}/"))

    sys.setprofile(note)
    try:
        await request()
    finally:
        sys.setprofile(None)
    return list(entered)


async def test_each_station_is_entered_in_the_order_that_is_documented(project: Project) -> None:
    budget = {"name": "b", "scope": "project", "metric": "tokens", "limit": 1_000, "period": "month"}
    budget_id = (await project.admin.post("/api/budgets", json=budget)).json()["id"]
    now = (await project.send(ERROR), await project.get("/api/errors/recent"))[1]["errors"][0]["timestamp"]
    keys = iter(range(9))
    stories: dict[str, Callable[[], Awaitable[object]]] = {
        "an error in a batch, by the fast lane": lambda: project.send(ERROR),
        "a hot read": lambda: project.read.get("/api/errors/recent", headers={"Accept-Encoding": "zstd"}),
        "a usage record": lambda: project.ingest.post(
            "/api/usage/batch", json={"records": [{**RECORD, "event_key": str(next(keys)), "occurred_at": now}]}
        ),
        "how a budget stands": lambda: project.read.get(f"/api/budgets/{budget_id}/status"),
    }
    paths = documented()
    assert {name: len(stations) for name, stations in paths.items()} == MOST
    for name, request in stories.items():
        async with asyncio.timeout(20):
            while True:  # a hot read is one where its answer is at hand
                entered = await files_entered(request)
                if name != "a hot read" or "api/reads/catalogue.py" not in entered:
                    break
        assert [file for file in entered if file in paths[name]] == paths[name], name
