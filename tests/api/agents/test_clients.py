"""The official Python client lists, calls, follows and cancels, with a handshake and without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from sqlalchemy import text

from tests.api.agents.asking import failing_shop
from tests.conftest import Project, Service
from tests.listening import listening

MODES = ["legacy", "2026-07-28"]
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE '%errors%'"
    " AND datname = current_database()"
)


@asynccontextmanager
async def connected(service: Service, key: str, mode: str) -> AsyncIterator[Client]:
    """The official client, behind a socket."""
    async with (
        listening(service.app, service.state) as port,
        httpx2.AsyncClient(headers={"Authorization": key}, trust_env=False, timeout=60) as http,
        Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def key_of(project: Project) -> str:
    return str(project.admin.headers["Authorization"])


@pytest.mark.parametrize("mode", MODES)
async def test_the_official_client_lists_calls_and_reads(service: Service, mode: str) -> None:
    project = await failing_shop(service)
    async with connected(service, key_of(project), mode) as client:
        tools = await client.list_tools()
        assert len(tools.tools) == 8
        failing = await client.call_tool("what_is_failing", {})
        assert not failing.is_error
        pattern = failing.structured_content["rows"][0][0]
        explained = await client.call_tool("explain_pattern", {"pattern": pattern})
        facts = explained.structured_content["facts"]
        templates = await client.list_resource_templates()
        assert {one.uri_template for one in templates.resource_templates} == {
            "mayday://pattern/{id}",
            "mayday://error/{id}",
        }
        for uri in (f"mayday://pattern/{facts['id']}", f"mayday://error/{facts['latest_error']}"):
            read = await client.read_resource(uri)
            assert "<<untrusted" in read.contents[0].text  # type: ignore[union-attr]
        prompt = await client.get_prompt("investigate", {"pattern": pattern})
        assert pattern in prompt.messages[0].content.text  # type: ignore[union-attr]
        with pytest.raises(MCPError):
            await client.read_resource("mayday://pattern/01a20cfa-b9ad-73c9-8790-717a1337fc95")
        assert (await client.call_tool("explain_pattern", {})).is_error


@pytest.mark.parametrize("mode", MODES)
async def test_progress_is_told_to_who_asks_for_it(service: Service, mode: str) -> None:
    project = await failing_shop(service)
    told: list[Any] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with connected(service, key_of(project), mode) as client:
        for _ in range(5):
            told.clear()
            await client.call_tool("what_changed", {}, progress_callback=note)
            # the client hands them on in tasks of its own, which may come after the answer
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    while len(told) < 2:
                        await asyncio.sleep(0.01)
            assert told == [(1, 2, "patterns are read"), (2, 2, "done")]


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_is_cancelled_ends_and_another_one_is_answered(service: Service, mode: str) -> None:
    project = await failing_shop(service)
    async with service.tools.engine.connect() as locking, connected(service, key_of(project), mode) as client:
        await locking.execute(text("LOCK TABLE errors IN ACCESS EXCLUSIVE MODE"))
        call = asyncio.create_task(client.call_tool("search_errors", {"text": "declined"}))
        await until(service, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not (await client.call_tool("what_is_failing", {})).is_error
        await locking.rollback()
        assert not (await client.call_tool("search_errors", {"text": "declined"})).is_error
        await until(service, 0)
        # a client of the handshake does not hang up, and fails where an answer comes as it closes
        await asyncio.sleep(0.5)


async def until(service: Service, waiting: int) -> None:
    async with asyncio.timeout(20):
        while (await service.execute(WAITING))[0][0] != waiting:
            await asyncio.sleep(0.05)


async def test_the_work_on_a_call_ends_when_its_client_goes_away(service: Service) -> None:
    project = await failing_shop(service)
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search_errors", "arguments": {"text": "declined"}},
    }
    async with service.tools.engine.connect() as locking, listening(service.app, service.state) as port:
        await locking.execute(text("LOCK TABLE errors IN ACCESS EXCLUSIVE MODE"))
        async with httpx2.AsyncClient(headers={"Authorization": key_of(project)}, trust_env=False, timeout=60) as http:
            accept = {"Accept": "application/json, text/event-stream"}
            call = asyncio.create_task(http.post(f"http://127.0.0.1:{port}/mcp", json=message, headers=accept))
            await until(service, 1)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await until(service, 0)
        await locking.rollback()
