"""The two answers that everyone asks for, sent before the routing where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand. It stands inside RequestFrame, so that id, log line, limits and metrics are the same both ways.
"""

from functools import lru_cache
from typing import cast
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth import Caller, admit_before_routing, recall_caller
from api.read.caching import Question, Reads, Served
from api.read.http import choose_encoding, matches, respond
from api.read.parameters import ErrorQuery, PatternsQuery
from api.read.routes import ask_patterns, ask_recent, patterns_max_age_seconds
from common.compression import COMPRESS_FROM_BYTES
from common.keys import Scope as KeyScope
from common.settings import Settings

RECENT, PATTERNS = "/api/errors/recent", "/api/errors/patterns"

RawHeaders = tuple[tuple[bytes, bytes], ...]


class HotReads:
    """ASGI middleware: answers a plain GET of the recent errors or the patterns out of this process's copies."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.max_age_seconds = {RECENT: 1, PATTERNS: patterns_max_age_seconds(settings)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self.max_age_seconds and is_plain(scope):
            headers = dict(scope["headers"])
            found = find(scope, headers) if len(headers) == len(scope["headers"]) else None
            if found is not None:
                admit_before_routing(scope, found[0], KeyScope.read)
                await self.send(found[1], scope["path"], headers, send)
                return
        await self.app(scope, receive, send)

    async def send(self, served: Served, path: str, headers: dict[bytes, bytes], send: Send) -> None:
        known = headers.get(b"if-none-match")
        is_known = known is not None and matches(known.decode("latin-1"), served.etag)
        body = b"" if is_known else served.body
        sent = make_headers(served.etag, served.encoding, len(served.body), self.max_age_seconds[path], is_known)
        await send({"type": "http.response.start", "status": 304 if is_known else 200, "headers": list(sent)})
        await send({"type": "http.response.body", "body": body})


def is_plain(scope: Scope) -> bool:
    return scope["method"] == "GET" and not scope["query_string"]


def find(scope: Scope, headers: dict[bytes, bytes]) -> tuple[Caller, Served] | None:
    """Who asks, and the answer; None where either would have to be waited for."""
    caller = recall_caller(scope, headers.get(b"authorization", b""), KeyScope.read)
    if caller is None:
        return None
    accepted = headers.get(b"accept-encoding")
    encoding = choose_encoding(None if accepted is None else accepted.decode("latin-1"))
    if encoding == "identity" and accepted is not None:
        return None  # the middleware behind the routing has a word in what is sent then
    question = make_question(scope["path"], caller.project_id)
    served = cast("Reads", scope["state"]["reads"]).held(question, encoding)
    return None if served is None else (caller, served)


@lru_cache(maxsize=10_000)
def make_question(path: str, project_id: UUID) -> Question:
    """What the route of this path asks when it is given no parameters."""
    if path == RECENT:
        return ask_recent(project_id, ErrorQuery.model_validate({}))
    return ask_patterns(project_id, PatternsQuery.model_validate({}))


@lru_cache(maxsize=1_024)
def make_headers(etag: str, encoding: str, body_bytes: int, max_age_seconds: int, is_known: bool) -> RawHeaders:
    """The headers that the route and the middleware behind it give such an answer: made once, since they cost more
    than all the rest of it."""
    served = Served(etag, encoding, bytes(body_bytes), "hit")  # type: ignore[arg-type]
    asked = Headers({"if-none-match": etag} if is_known else {})
    response = respond(served, asked, max_age_seconds=max_age_seconds)
    if encoding == "identity" and not is_known and body_bytes >= COMPRESS_FROM_BYTES:
        response.headers["Vary"] += ", Accept-Encoding"
    return tuple(response.raw_headers)
