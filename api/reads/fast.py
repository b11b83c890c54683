"""The two answers that everyone asks for, made before a request becomes one where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand, a quota that is used up. A connection (api/http/connection.py) asks here first: task, framework and
RequestMiddleware cost several times what such an answer does. So it gets its id, is counted and has its line here.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from time import perf_counter
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers as HeaderMap

from api.access.keys import KeyRing, read_bearer, recall_caller
from api.access.quotas import Quotas
from api.http.middleware import RAW_SECURITY_HEADERS, RequestLines, choose_request_id
from api.http.responses import Ready, as_lines, changing_lines, note
from api.reads.answer_cache import Question
from api.reads.caching import Reads, Served, Source
from api.reads.catalogue import Asked, BuildContext, Read
from api.reads.entries import PATTERN_LIST, RECENT
from api.reads.http import choose_encoding, matches, respond
from common.compression import COMPRESS_FROM_BYTES, Encoding
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import traces

# The request targets that may be answered here, as they stand in the request line: reads without parameters.
FAST_TARGETS: dict[bytes, Read[Any]] = {read.path.encode(): read for read in (RECENT, PATTERN_LIST)}
# What only the server or the routing can deal with.
NOT_PLAIN = {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"x-api-key"}


@dataclass(frozen=True, slots=True)
class PlainGet:
    """A plain GET of one of FAST_TARGETS, as far as its bytes say. `known` is its If-None-Match."""

    read: Read[Any]
    key: str
    encoding: Encoding
    known: str | None
    request_id: bytes | None


class FastReads:
    """Answers out of this process's copies; never waits."""

    def __init__(
        self,
        settings: Settings,
        key_ring: KeyRing,
        quotas: Quotas,
        reads: Reads,
        context: BuildContext,
        lines: RequestLines,
    ) -> None:
        self.key_ring = key_ring
        self.quotas = quotas
        self.reads = reads
        self.lines = lines
        self.context = context
        self.max_age_seconds = {read.path: read.max_age_seconds(settings) for read in FAST_TARGETS.values()}

    def answer(self, sent: PlainGet) -> Ready | None:
        """None where something would have to be waited for, or there is more to do than to send it."""
        started = perf_counter()
        caller = recall_caller(self.key_ring, sent.key, KeyScope.read)
        if caller is None or traces.is_on():
            return None
        asked, question = ask_plainly(sent.read, caller.project_id)
        build = partial(sent.read.build, self.context, asked)
        served = self.reads.held(question, sent.encoding, build)
        if served is None:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=False)
        if not allowance.admit():
            return None
        is_known = matches(sent.known, served.etag)
        request_id = choose_request_id(sent.request_id)
        kind = (served.etag, served.encoding, served.source, len(served.body))
        same = make_head(*kind, self.max_age_seconds[sent.read.path], is_known)
        ready = Ready(
            304 if is_known else 200,
            same + changing_lines(request_id, allowance.lines()),
            b"" if is_known else served.body,
        )
        note(self.lines, ("GET", sent.read.path), (ready.status, perf_counter() - started), request_id, caller)
        return ready


def read_request(target: bytes, headers: dict[bytes, bytes]) -> PlainGet | None:
    """What a GET of one of FAST_TARGETS with these headers, each there once, asks; None where only the routing can tell."""
    if not NOT_PLAIN.isdisjoint(headers):
        return None
    accepted, known = headers.get(b"accept-encoding"), headers.get(b"if-none-match")
    encoding = choose_encoding(None if accepted is None else accepted.decode("latin-1"))
    if encoding == "identity" and accepted is not None:
        return None  # the middleware around the routes has a word in what is sent then
    return PlainGet(
        FAST_TARGETS[target],
        read_bearer(headers.get(b"authorization", b"")),
        encoding,
        None if known is None else known.decode("latin-1"),
        headers.get(b"x-request-id"),
    )


@lru_cache(maxsize=10_000)
def ask_plainly(read: Read[Any], project_id: UUID) -> tuple[Asked[Any], Question]:
    """What this read's route asks when it is given no parameters."""
    asked = Asked(project_id, read.params.model_validate({}))
    assert read.question is not None  # noqa: S101 - what is held ready has a name in the cache
    return asked, read.question(asked)


@lru_cache(maxsize=1_024)
def make_head(
    etag: str, encoding: Encoding, source: Source, body_bytes: int, max_age_seconds: int, is_known: bool
) -> bytes:
    """The header lines that the route and the middleware around it give such an answer: made once, since they cost more
    than all the rest of it."""
    served = Served(etag, encoding, bytes(body_bytes), source)
    response = respond(served, HeaderMap({"if-none-match": etag} if is_known else {}), max_age_seconds=max_age_seconds)
    if encoding == "identity" and not is_known and body_bytes >= COMPRESS_FROM_BYTES:
        response.headers["Vary"] += ", Accept-Encoding"
    return as_lines([*response.raw_headers, *RAW_SECURITY_HEADERS])
