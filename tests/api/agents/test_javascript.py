"""The official TypeScript clients, and the protocol's conformance suite as far as it applies (`./mayday test agents`)."""

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from tests.api.agents.asking import failing_shop
from tests.conftest import Service
from tests.doors.installing import require_npm, run
from tests.listening import listening

HERE = Path(__file__).parent / "javascript"
only_in_long_form = pytest.mark.skipif(
    not os.environ.get("MAYDAY_TEST_AGENTS"), reason="installs from npm: `./mayday test agents`"
)
# What asks for no tool, resource or prompt of the suite's own server, and for nothing that is not served here (logging,
# completion, subscriptions, sampling, elicitation).
APPLYING = ("server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what its lock file pins; node of its own, since the suite needs 22."""
    require_npm()
    made = Path(shutil.copytree(HERE, tmp_path_factory.mktemp("agents") / "javascript"))
    asyncio.run(run(["npm", "ci", "--no-audit", "--no-fund"], made))
    return made


@only_in_long_form
@pytest.mark.parametrize("which", ["old", "both", "new"])
async def test_the_typescript_clients_list_call_follow_and_cancel(service: Service, folder: Path, which: str) -> None:
    project = await failing_shop(service)
    key = project.read.headers["Authorization"][7:]
    async with listening(service.app, service.state) as port:
        said = await run(["node", "client.mjs", f"http://127.0.0.1:{port}/mcp", key, which], folder)
    assert f"done {which}" in said


@only_in_long_form
async def test_the_conformance_suite_has_no_failure_where_it_applies(service: Service, folder: Path) -> None:
    project = await failing_shop(service)
    key = project.read.headers["Authorization"].encode()

    async def with_key(scope: Scope, receive: Receive, send: Send) -> None:
        """The suite knows no keys."""
        await service.app({**scope, "headers": [*scope["headers"], (b"authorization", key)]}, receive, send)

    suite = folder / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    state: dict[str, Any] = {**service.state, "fast_lane": {}}
    async with listening(cast("FastAPI", with_key), state) as port:
        for scenario in APPLYING:
            url = f"http://localhost:{port}/mcp"
            said = await run(
                [folder / "node_modules/.bin/node", suite, "server", "--url", url, "--scenario", scenario], folder
            )
            assert re.search(r"[1-9][0-9]*/[0-9]+ passed|Passed: [1-9]", said), said
            print(said.strip().splitlines()[-1])  # noqa: T201 - docs/agents.md tells it
            assert not re.search(r"[1-9][0-9]* failed|FAILURE", said), said
