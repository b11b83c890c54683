"""The two answers that everyone asks for, made before a request becomes one where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand, a quota that is used up. A connection (api/http/connection.py) asks here first: task, framework and
RequestMiddleware cost several times what such an answer does.
"""

from functools import lru_cache, partial
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

from starlette.datastructures import Headers as HeaderMap

from api.access.keys import KeyRing, read_bearer, recall_caller
from api.access.quotas import Quotas
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.middleware import RAW_SECURITY_HEADERS
from api.http.responder import Responder
from api.http.responses import Ready, as_lines
from api.reads.answer_cache import Question
from api.reads.caching import Reads, Served, Source
from api.reads.catalogue import Asked, BuildContext, Read
from api.reads.entries import PATTERN_LIST, RECENT
from api.reads.http import choose_encoding, matches, respond
from common.compression import COMPRESS_FROM_BYTES, Encoding
from common.keys import Scope as KeyScope
from common.settings import Settings

FAST_READS: tuple[Read[Any], ...] = (RECENT, PATTERN_LIST)


class PlainGet(NamedTuple):
    """A plain GET of a read without parameters, as far as its head says. `known` is its If-None-Match."""

    head: Head
    key: str
    encoding: Encoding
    known: str | None


class FastRead:
    """Answers one read out of this process's copies."""

    method = "GET"

    def __init__(
        self,
        settings: Settings,
        key_ring: KeyRing,
        quotas: Quotas,
        reads: Reads,
        context: BuildContext,
        responder: Responder,
        read: Read[Any],
    ) -> None:
        self.key_ring = key_ring
        self.quotas = quotas
        self.reads = reads
        self.context = context
        self.responder = responder
        self.entry = read
        self.max_age_seconds = read.max_age_seconds(settings)

    def read(self, head: Head) -> PlainGet | None:
        accepted, known = head.fields.get(b"accept-encoding"), head.fields.get(b"if-none-match")
        encoding = choose_encoding(None if accepted is None else accepted.decode("latin-1"))
        if encoding == "identity" and accepted is not None:
            return None  # the middleware around the routes has a word in what is sent then
        key = read_bearer(head.fields.get(b"authorization", b""))
        return PlainGet(head, key, encoding, None if known is None else known.decode("latin-1"))

    def begin(self, asked: PlainGet, _body_bytes: int, _send: object) -> Ready | None:
        """None where something would have to be waited for, or there is more to do than to send it."""
        started = perf_counter()
        caller = recall_caller(self.key_ring, asked.key, KeyScope.read)
        if caller is None:
            return None
        params, question = ask_plainly(self.entry, caller.project_id)
        served = self.reads.held(question, asked.encoding, partial(self.entry.build, self.context, params))
        if served is None:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=False)
        if not allowance.admit():
            return None
        is_known = matches(asked.known, served.etag)
        kind = (served.etag, served.encoding, served.source, len(served.body))
        same = make_head(*kind, self.max_age_seconds, is_known)
        status, body = (304, b"") if is_known else (200, served.body)
        return self.responder.answer_at_once(asked.head, caller, allowance, started, status, same, body)


def fast_reads(
    settings: Settings, key_ring: KeyRing, quotas: Quotas, reads: Reads, context: BuildContext, responder: Responder
) -> FastLane:
    """What the connection may answer of what is read here."""
    handler = partial(FastRead, settings, key_ring, quotas, reads, context, responder)
    return {read.path.encode(): handler(read) for read in FAST_READS}


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
