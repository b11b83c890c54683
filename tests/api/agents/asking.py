"""How tests of agents speak MCP by hand: one message, one answer."""

from typing import Any

import httpx

from tests.conftest import Project, Service

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "what_is_failing", "arguments": {}}}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


async def speak(client: httpx.AsyncClient, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to one request."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, **({} if params is None else {"params": params})}
    answer = await client.post("/mcp", json=message, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def use(client: httpx.AsyncClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """The result of a tool that did what it was asked."""
    answer = await speak(client, "tools/call", {"name": tool, "arguments": arguments})
    result = dict(answer["result"])
    assert not result.get("isError"), result
    return result


async def text_of(client: httpx.AsyncClient, tool: str, **arguments: Any) -> str:
    return str((await use(client, tool, **arguments))["content"][0]["text"])


async def refusal(client: httpx.AsyncClient, tool: str, **arguments: Any) -> str:
    """The sentence of a tool that did not do what it was asked."""
    result = (await speak(client, "tools/call", {"name": tool, "arguments": arguments}))["result"]
    assert result["isError"], result
    return str(result["content"][0]["text"])


TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/usr/lib/python3.11/site-packages/starlette/routing.py", line 7, in app\n    await app()\n'
    '  File "/usr/lib/python3.11/site-packages/starlette/middleware.py", line 9, in call\n    await app()\n'
    '  File "/srv/shop/checkout.py", line 214, in settle\n    return await charge(order)\n'
    "PaymentDeclined: card declined by issuer 7"
)


async def failing_shop(service: Service, name: str = "default") -> Project:
    """A project with two patterns, counted."""
    project = await service.project(name)
    declined = [
        {
            "service": "checkout",
            "severity": "error",
            "message": f"payment {n} failed: card declined by issuer {n % 3}",
            "error_type": "PaymentDeclined",
            "stack_trace": TRACE,
            "release": "2.4.1",
        }
        for n in range(30)
    ]
    passwords = [
        {"service": "login", "severity": "warning", "message": f"user {n} gave a wrong password"} for n in range(12)
    ]
    await project.send(*declined, *passwords)
    await service.run_worker()
    return project


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    told = result["structuredContent"]
    return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    sent = {**HEADERS, "Content-Type": "application/json", **headers}
    return await client.post("/mcp", content=body, headers={name: value for name, value in sent.items() if value})
