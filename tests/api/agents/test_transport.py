"""One POST, one answer: whatever a stranger sends is answered as an error, and the short way answers as the SDK does."""

import asyncio
import json
from typing import Any

import pytest
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request

from api.agents.transport import OfManager
from tests.api.agents.asking import CALL, HEADERS, failing_shop, post, speak
from tests.conftest import Service

DEEP = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + '{"a":' * 5_000 + "1" + "}" * 5_001
HOSTILE: dict[str, tuple[bytes, int]] = {
    "no JSON": (b"{", -32700),
    "no UTF-8": (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700),
    "a lone surrogate": (b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32700),
    "nested without end": (DEEP.encode(), -32700),
    "brackets": (b"[" * 60_000, -32700),
    "a huge integer": (b'{"jsonrpc":"2.0","id":' + b"9" * 50_000 + b',"method":"ping"}', -32700),
    "NaN": (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700),
    "a batch": (json.dumps([CALL] * 3).encode(), -32600),
    "an empty batch": (b"[]", -32600),
    "a text": (b'"ping"', -32600),
    "null": (b"null", -32600),
    "no version": (b'{"id":1,"method":"ping"}', -32600),
    "another version": (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
    "an id beyond 64 bits": (b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}', -32600),
    "an id that is long": (b'{"jsonrpc":"2.0","id":"' + b"x" * 10_000 + b'","method":"ping"}', -32600),
    "an id that is an object": (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
    "an id that is true": (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
    "an id that is null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    "an id with a fraction": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
    "a method that is a list": (b'{"jsonrpc":"2.0","id":1,"method":["ping"]}', -32600),
    "a long method": (b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * 10_000 + b'"}', -32600),
    "params that are a list": (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', -32600),
    "nothing but an id": (b'{"jsonrpc":"2.0","id":1}', -32600),
}
WRONG_PARAMS: list[dict[str, Any]] = [
    {},
    {"name": 7},
    {"name": None, "arguments": {}},
    {"name": "what_is_failing", "arguments": []},
    {"name": "what_is_failing", "arguments": "x"},
    {"name": "no_such_tool", "arguments": {}},
    {"name": "x" * 5_000},
    {"name": "what_is_failing", "arguments": {}, "_meta": 5},
]
WRONG_ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("what_is_failing", {"max_tokens": 10**30}),
    ("what_is_failing", {"max_tokens": 149}),
    ("what_is_failing", {"max_tokens": "500"}),
    ("what_is_failing", {"max_tokens": True}),
    ("what_is_failing", {"window": "9y"}),
    ("what_is_failing", {"service": "a\x00b"}),
    ("what_is_failing", {"service": ["a"]}),
    ("what_is_failing", {"nope": 1}),
    ("what_is_failing", {"skip": -1}),
    ("explain_pattern", {}),
    ("explain_pattern", {"pattern": "'; DROP TABLE errors; --"}),
    ("explain_pattern", {"pattern": "\u0661" * 8}),
    ("errors_of_pattern", {"pattern": "0" * 8}),
    ("errors_of_pattern", {"pattern": "01a20cfa-b9ad-73c9-8790-717a1337fc95", "cursor": "forged"}),
    ("search_errors", {"cursor": "\u202e" * 40}),
    ("search_errors", {"text": "a\x00"}),
    ("search_errors", {"since": "yesterday"}),
    ("search_errors", {"limit": 10**9}),
    ("what_changed", {"cursor": "t" + "f" * 40}),
    ("what_changed", {"cursor": 7}),
]


@pytest.mark.parametrize("what", HOSTILE)
async def test_what_is_no_message_is_answered_as_an_error(service: Service, what: str) -> None:
    project = await service.project()
    body, code = HOSTILE[what]
    answer = await post(project.read, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert len(answer.content) < 400, "nothing of what was sent comes back"


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", ""])
async def test_params_of_wrong_types_are_errors_in_each_version(service: Service, version: str) -> None:
    project = await service.project()
    for params in WRONG_PARAMS:
        body = json.dumps({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params}).encode()
        answer = await post(project.read, body, **{"MCP-Protocol-Version": version})
        assert answer.status_code == 200
        assert answer.json()["error"]["code"] == -32602, (params, answer.text)
        assert len(answer.content) < 400


async def test_arguments_that_are_not_valid_are_told_to_the_model(service: Service) -> None:
    project = await failing_shop(service)
    for tool, arguments in WRONG_ARGUMENTS:
        answer = await speak(project.read, "tools/call", {"name": tool, "arguments": arguments})
        assert answer["result"]["isError"], (tool, arguments, answer)
        said = answer["result"]["content"][0]["text"]
        assert 10 < len(said) < 700
        assert said.isprintable()


async def test_methods_that_are_not_there_are_told_so(service: Service) -> None:
    project = await service.project()
    for method in ("nope", "tools/delete", "sampling/createMessage", "resources/subscribe", "logging/setLevel"):
        answer = await speak(project.read, method, {})
        assert answer["error"]["code"] in (-32601, -32602)


async def test_notifications_and_answers_are_taken_and_nothing_follows(service: Service) -> None:
    project = await service.project()
    for message in (
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "id": 4, "result": {}},
    ):
        answer = await post(project.read, json.dumps(message).encode())
        assert (answer.status_code, answer.content) == (202, b"")


SAME: list[tuple[str, dict[str, Any] | None]] = [
    ("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
    ("initialize", {"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
    ("ping", None),
    ("tools/list", None),
    ("resources/list", {}),
    ("resources/templates/list", {}),
    ("prompts/list", {}),
    ("prompts/get", {"name": "investigate"}),
    ("prompts/get", {"name": "no"}),
    ("resources/read", {"uri": "mayday://pattern/nope"}),
    ("tools/call", {"name": "what_is_failing", "arguments": {}}),
    ("tools/call", {"name": "what_is_failing", "arguments": {"window": "1h", "max_tokens": 200}}),
    ("tools/call", {"name": "what_is_failing", "arguments": {"window": "x"}}),
    ("tools/call", {"name": "decide", "arguments": {}}),
    ("tools/call", {"name": "nope", "arguments": {}}),
    ("tools/call", {"arguments": {}}),
    ("nope/nope", {}),
]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_the_short_way_answers_as_the_sdk_does(service: Service, version: str) -> None:
    project = await failing_shop(service)
    agents = service.state["agents"]
    await speak(project.read, "tools/list")
    manager = StreamableHTTPSessionManager(agents.server, stateless=True, json_response=True)
    async with manager.run():
        for method, params in SAME:
            message: dict[str, Any] = {"jsonrpc": "2.0", "id": 7, "method": method}
            message |= {} if params is None else {"params": params}
            body = json.dumps(message).encode()
            short = await post(project.read, body, **{"MCP-Protocol-Version": version})
            scope = {
                "type": "http",
                "method": "POST",
                "path": "/mcp",
                "query_string": b"",
                "headers": [
                    *[
                        (name.lower().encode(), value.encode())
                        for name, value in HEADERS.items()
                        if "Protocol" not in name
                    ],
                    (b"content-type", b"application/json"),
                    (b"mcp-protocol-version", version.encode()),
                ],
                "state": dict(service.state),
                "caller": await service.state["key_ring"].identify(project.read.headers["Authorization"][7:]),
            }
            sent: list[Any] = []

            async def receive() -> Any:
                await asyncio.sleep(60)

            async def send(piece: Any, sent: list[Any] = sent) -> None:
                sent.append(piece)

            await OfManager(manager, body)(Request(scope).scope, receive, send)
            whole = b"".join(piece.get("body", b"") for piece in sent)
            assert (short.status_code, short.content) == (sent[0]["status"], whole), (method, params)


async def test_two_hundred_clients_at_once_are_all_answered(service: Service) -> None:
    project = await failing_shop(service)
    body = json.dumps(CALL).encode()
    answers = await asyncio.gather(*(post(project.read, body) for _ in range(200)))
    texts = {answer.json()["result"]["content"][0]["text"] for answer in answers if answer.status_code == 200}
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sum(answer.status_code == 200 for answer in answers) >= 190
    assert len(texts) == 1
