"""`mayday mcp` carries a client's messages to Mayday and back, and says what to do where it cannot."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from common.settings import ROOT
from tests.api.agents.asking import failing_shop
from tests.conftest import Service
from tests.listening import listening


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_the_official_client_starts_it_and_asks(service: Service, mode: str) -> None:
    project = await failing_shop(service)
    told: list[Any] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with listening(service.app, service.state) as port:
        environment = {
            "MAYDAY_URL": f"http://127.0.0.1:{port}",
            "MAYDAY_KEY": project.read.headers["Authorization"][7:],
        }
        command = StdioServerParameters(command=sys.executable, args=["-m", "cli", "mcp"], env=environment, cwd=ROOT)
        async with Client(stdio_client(command), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 6
            failing = await client.call_tool("what_is_failing", {})
            assert failing.structured_content["rows"]
            await client.call_tool("what_changed", {}, progress_callback=note)
    assert told == [1, 2]


def speak(lines: list[str], **environment: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "mcp"],
        input="\n".join(lines) + "\n",
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_no_message_and_a_mayday_that_is_not_there_are_told() -> None:
    ping = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "ping"})
    nonsense, away = speak(["{", ping], MAYDAY_URL="http://127.0.0.1:1", MAYDAY_KEY="k")
    assert nonsense["error"]["code"] == -32700
    assert away["id"] == "a"
    assert "is it running" in away["error"]["message"]


async def test_a_key_that_does_not_hold_is_told(service: Service) -> None:
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    async with listening(service.app, service.state) as port:
        [answer] = await asyncio.to_thread(speak, [ping], MAYDAY_URL=f"http://127.0.0.1:{port}", MAYDAY_KEY="k")
    assert answer["id"] == 1
    assert answer["error"]["message"].startswith("401")
