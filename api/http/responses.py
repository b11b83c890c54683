"""Answers that a connection (api/http/connection.py) writes itself, as whole bytes, and what is kept of them.

Whoever makes one gives it the headers that RequestMiddleware and the compression around the routes give theirs.
"""

from email.utils import formatdate
from typing import NamedTuple, cast

import uuid_utils
from starlette.types import Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from api.http.middleware import SECURITY_HEADERS, standing_headers
from api.http.problems import Problem, respond
from common.compression import COMPRESS_FROM_BYTES

Headers = list[tuple[bytes, bytes]]


class Ready(NamedTuple):
    """A whole answer; `head` has its header lines, without the status line and what every answer of a server has."""

    status: int
    head: bytes
    body: bytes


class Reply(NamedTuple):
    """What is answered, before the headers that every answer has."""

    status: int
    headers: Headers
    body: bytes


def as_lines(headers: Headers) -> bytes:
    """Header fields as HTTP/1.1 writes them."""
    return b"".join([b"%s: %s\r\n" % field for field in headers])


def changing_lines(request_id: str, quotas: bytes) -> bytes:
    """The lines that no two answers have alike; `quotas` are those of `QuotaFields`."""
    return b"x-request-id: %b\r\n%b" % (request_id.encode(), quotas)


def as_ready(answer: Reply) -> Ready:
    """The answer with the lines that are the same in every one with such headers."""
    standing = standing_headers(tuple([name for name, _ in answer.headers]))
    return Ready(answer.status, as_lines([*answer.headers, *standing]), answer.body)


def as_json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Reply:
    """With the headers that Starlette's Response would give it, at a quarter of the price."""
    return Reply(
        status, [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *headers], body
    )


def as_bytes(problem: Problem) -> bytes:
    """A whole answer, for a client that the application never sees."""
    request_id = uuid_utils.uuid7().hex
    response = respond(problem, "", request_id)
    common = {**SECURITY_HEADERS, "Date": formatdate(usegmt=True), "X-Request-ID": request_id, "Connection": "close"}
    fields = [*response.raw_headers, *((name.lower().encode(), value.encode()) for name, value in common.items())]
    return STATUS_LINE[response.status_code] + as_lines(fields) + b"\r\n" + bytes(response.body)


async def compress(answer: Reply, request_headers: Headers) -> Reply:
    """The answer as the compression around the routes sends it."""
    sent: list[Message] = []

    async def tell(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def keep(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "POST", "headers": request_headers}
    await CompressMiddleware(tell, minimum_size=COMPRESS_FROM_BYTES)(scope, cast("Receive", None), keep)
    return Reply(answer.status, sent[0]["headers"], b"".join([message.get("body", b"") for message in sent[1:]]))
