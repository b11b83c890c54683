"""Answers that a connection (api/connections.py) writes itself, as whole bytes, and what is kept of them.

Whoever makes one gives it the headers that RequestFrame and the compression around the routes give theirs.
"""

from dataclasses import dataclass
from typing import NamedTuple, cast

import structlog
from starlette.types import Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware

from api.auth import Caller
from api.middleware import RequestLines, count_answer
from common.compression import COMPRESS_FROM_BYTES

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Ready:
    """A whole answer; `head` has its header lines, without the status line and what every answer of a server has."""

    status: int
    head: bytes
    body: bytes


class Answer(NamedTuple):
    """What is answered, before the headers that every answer has."""

    status: int
    headers: Headers
    body: bytes


def as_lines(headers: Headers) -> bytes:
    """Header fields as HTTP/1.1 writes them."""
    return b"".join([b"%s: %s\r\n" % field for field in headers])


def note(
    lines: RequestLines,
    request: tuple[str, str],
    answer: tuple[int, float],
    request_id: str,
    caller: Caller,
    defect: Exception | None = None,
) -> None:
    """Count a request (method, path), answered with a status after so many seconds, and write its line if it has one."""
    count_answer(*request, *answer)
    if defect is not None or answer[0] >= 500 or lines.is_due():
        bound = {"request_id": request_id, "project_id": str(caller.project_id), "key_id": caller.key_id}
        with structlog.contextvars.bound_contextvars(**bound):
            lines.write(*request, *answer, defect)


async def compress(answer: Answer, request_headers: Headers) -> Answer:
    """The answer as the compression around the routes sends it."""
    sent: list[Message] = []

    async def tell(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def keep(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "headers": request_headers}
    await CompressMiddleware(tell, minimum_size=COMPRESS_FROM_BYTES)(scope, cast("Receive", None), keep)
    return Answer(answer.status, sent[0]["headers"], b"".join([message.get("body", b"") for message in sent[1:]]))
