"""The two answers that everyone asks for, sent before everything else where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand, a quota that is used up. It stands in front of the framework and of RequestFrame, whose layers cost
three times what an answer does; so it gives the answer its id, counts it and writes its line by itself.
"""

from functools import lru_cache
from time import perf_counter
from typing import cast
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Caller, recall_caller
from api.limits import Allowance, Limits
from api.middleware import RAW_SECURITY_HEADERS, RequestLines, changing_headers, choose_request_id, count_answer
from api.read.caching import Question, Reads, Served
from api.read.http import choose_encoding, matches, respond
from api.read.parameters import ErrorQuery, PatternsQuery
from api.read.routes import ask_patterns, ask_recent, patterns_max_age_seconds
from common.compression import COMPRESS_FROM_BYTES, Encoding
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import traces

RECENT, PATTERNS = "/api/errors/recent", "/api/errors/patterns"

RawHeaders = tuple[tuple[bytes, bytes], ...]
Found = tuple[Caller, Allowance, Served]


class HotReads:
    """The ASGI application in front: answers a plain GET of the recent errors or the patterns out of this process's
    copies. It waits for nothing but the client."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.max_age_seconds = {RECENT: 1, PATTERNS: patterns_max_age_seconds(settings)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.max_age_seconds and is_plain(scope):
            started = perf_counter()
            headers = dict(scope["headers"])
            found = find(scope, headers) if len(headers) == len(scope["headers"]) else None
            if found is not None:
                await self.answer(scope, headers, *found, started, send)
                return
        await self.app(scope, receive, send)

    async def answer(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        caller: Caller,
        allowance: Allowance,
        served: Served,
        started: float,
        send: Send,
    ) -> None:
        known = headers.get(b"if-none-match")
        is_known = known is not None and matches(known.decode("latin-1"), served.etag)
        status = 304 if is_known else 200
        sent = make_headers(
            served.etag, served.encoding, len(served.body), self.max_age_seconds[scope["path"]], is_known
        )
        request_id = choose_request_id(scope["headers"])
        head = [*sent, *changing_headers(request_id, allowance)]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": b"" if is_known else served.body})
        seconds = perf_counter() - started
        count_answer("GET", scope["path"], status, seconds)
        lines = cast("RequestLines", scope["state"]["lines"])
        if lines.is_due():
            facts = {"request_id": request_id, "project_id": str(caller.project_id), "key_id": caller.key_id}
            with structlog.contextvars.bound_contextvars(**facts):
                lines.write(scope, status, seconds)


def is_plain(scope: Scope) -> bool:
    return scope["method"] == "GET" and not scope["query_string"]


def find(scope: Scope, headers: dict[bytes, bytes]) -> Found | None:
    """Who asks, on which allowance, and the answer; None where one of them would have to be waited for, or there is
    more to do than to send it. The request is counted."""
    state = scope["state"]
    caller = recall_caller(scope, headers.get(b"authorization", b""), KeyScope.read)
    if caller is None or traces.is_on() or state["stopping"].is_set():
        return None
    accepted = headers.get(b"accept-encoding")
    encoding = choose_encoding(None if accepted is None else accepted.decode("latin-1"))
    if encoding == "identity" and accepted is not None:
        return None  # the middleware behind has a word in what is sent then
    served = cast("Reads", state["reads"]).held(make_question(scope["path"], caller.project_id), encoding)
    if served is None:
        return None
    allowance = cast("Limits", state["limits"]).allowance(caller.project_id, caller.key_id, ingest=False)
    return (caller, allowance, served) if allowance.admit() else None


@lru_cache(maxsize=10_000)
def make_question(path: str, project_id: UUID) -> Question:
    """What the route of this path asks when it is given no parameters."""
    if path == RECENT:
        return ask_recent(project_id, ErrorQuery.model_validate({}))
    return ask_patterns(project_id, PatternsQuery.model_validate({}))


@lru_cache(maxsize=1_024)
def make_headers(etag: str, encoding: Encoding, body_bytes: int, max_age_seconds: int, is_known: bool) -> RawHeaders:
    """The headers that the route and the middleware around it give such an answer: made once, since they cost more
    than all the rest of it."""
    served = Served(etag, encoding, bytes(body_bytes), "hit")
    response = respond(served, Headers({"if-none-match": etag} if is_known else {}), max_age_seconds=max_age_seconds)
    if encoding == "identity" and not is_known and body_bytes >= COMPRESS_FROM_BYTES:
        response.headers["Vary"] += ", Accept-Encoding"
    return (*response.raw_headers, *RAW_SECURITY_HEADERS)
