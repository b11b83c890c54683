"""What the connection answers by itself is what the route answers, and everything else reaches the route whole."""

import asyncio
import json
from typing import Any

import httpx

from tests.api.agents.asking import HEADERS, failing_shop
from tests.conftest import Project, Service
from tests.listening import listening


def call(name: str, number: Any = 1, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def key_of(client: httpx.AsyncClient) -> str:
    return str(client.headers["Authorization"])


def headers_of(client: httpx.AsyncClient) -> dict[str, str]:
    return {**HEADERS, "Authorization": key_of(client)}


def count_lane(service: Service) -> list[tuple[Any, Any]]:
    """Notes each call that the connection answers by itself."""
    handler = service.state["fast_lane"][b"/mcp"]
    answered: list[tuple[Any, Any]] = []
    end = handler.responder.end

    def note(exchange: Any, *more: Any) -> None:
        answered.append((exchange.caller.project_id, exchange.request_number))
        end(exchange, *more)

    handler.responder.end = note
    return answered


async def test_the_second_call_is_answered_by_the_connection_with_the_same_result(service: Service) -> None:
    project = await failing_shop(service)
    answered = count_lane(service)
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers_of(project.read)) as http,
    ):
        first = await http.post("/mcp", json=call("what_is_failing", 1))
        assert answered == []
        second = await http.post("/mcp", json=call("what_is_failing", "b"))
        assert answered == [(project.id, "b")]
        assert second.json() == {**first.json(), "id": "b"}
        known = {"content-type", "cache-control", "x-content-type-options", "ratelimit-policy"}
        assert {name: first.headers[name] for name in known} == {name: second.headers[name] for name in known}
        other = await http.post("/mcp", json=call("what_is_failing", 3, window="1h"))
        assert len(answered) == 1
        assert "in 1h" in other.json()["result"]["content"][0]["text"]
        unlike = [
            call("what_is_failing", 4, max_tokens=1),
            {"jsonrpc": "2.0", "id": 5, "method": "ping"},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
        ]
        for message in unlike:
            answer = await http.post("/mcp", json=message)
            assert answer.status_code in (200, 202)
        assert (await http.post("/mcp", content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
        assert (await http.post("/mcp", json=[call("what_is_failing")])).status_code == 400
        assert len(answered) == 1


async def test_calls_that_come_in_pieces_and_in_a_row_are_answered_in_their_order(service: Service) -> None:
    project = await failing_shop(service)
    async with listening(service.app, service.state) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        messages = [
            call("what_is_failing", n) if n % 2 else call("explain_pattern", n, pattern="00000000")
            for n in range(1, 13)
        ]
        sent = b"".join(write_request(project, message) for message in [messages[0], *messages])
        for at in range(0, len(sent), 37):
            writer.write(sent[at : at + 37])
            await writer.drain()
        ids = [json.loads(await read_answer(reader))["id"] for _ in range(13)]
        assert ids == [1, *range(1, 13)]
        writer.close()


def write_request(project: Project, message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    fields = {**HEADERS, "Host": "mayday", "Content-Type": "application/json", "Authorization": key_of(project.read)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**fields, "Content-Length": str(len(body))}.items())
    return f"POST /mcp HTTP/1.1\r\n{lines}\r\n".encode() + body


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(length)


async def test_what_changed_is_not_answered_as_it_was(service: Service) -> None:
    project = await failing_shop(service)
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers_of(project.admin)) as http,
    ):
        failing = call("what_is_failing", order="count")
        for _ in range(2):
            before = (await http.post("/mcp", json=failing)).json()["result"]["structuredContent"]["rows"]
        resolve = call("decide", pattern=before[0][0], action="resolve", dry_run=False)
        assert not (await http.post("/mcp", json=resolve)).json()["result"]["isError"]
        after = (await http.post("/mcp", json=failing)).json()["result"]["structuredContent"]["rows"]
        assert (before[0][2], after[0][2]) == ("new", "resolved")


async def test_quotas_count_what_the_connection_answers(service: Service) -> None:
    project = await failing_shop(service)
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers_of(project.read)) as http,
    ):
        left = [(await http.post("/mcp", json=call("what_is_failing", n))).headers["RateLimit"] for n in range(3)]
    assert len(set(left)) == 3
