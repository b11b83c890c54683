"""The application's answer goes out once, and is one that HTTP can say."""

import asyncio
from typing import Any, cast

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from api.http.middleware import RequestLines, RequestMiddleware
from common.settings import Settings

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b"{}"}
BROKEN: Message = {"type": "http.response.start", "status": 200, "headers": [(b"etag", b"a\r\nX: b")]}


async def sent_by(*messages: Message) -> list[Message]:
    """What leaves the frame around an application that sends these, and then fails."""
    sent: list[Message] = []
    settings = Settings.load()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send({**message, **({"headers": list(message["headers"])} if "headers" in message else {})})
        raise RuntimeError("planted")

    async def note(message: Message) -> None:
        sent.append(message)

    state: dict[str, Any] = {"lines": RequestLines(settings), "stopping": asyncio.Event()}
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "state": state}
    with capture_logs() as lines:
        await RequestMiddleware(app, settings)(scope, cast("Receive", None), note)
    assert [line["log_level"] for line in lines if line["event"] == "answered"] == ["error"]
    return sent


@pytest.mark.parametrize(
    ("messages", "status", "parts"),
    [
        ([], 500, 2),
        ([START], 200, 1),
        ([START, BODY], 200, 2),
        ([START, BODY, BODY], 200, 2),
        ([START, BODY, START, BODY], 200, 2),
        ([START, START, BODY], 200, 1),
        ([BROKEN, BODY], 500, 2),
    ],
)
async def test_a_request_is_answered_once_whatever_fails(messages: list[Message], status: int, parts: int) -> None:
    sent = await sent_by(*messages)
    assert (sent[0]["status"], len(sent)) == (status, parts)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"][:parts]
