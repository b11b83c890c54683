"""The two answers that everyone asks for, made before a request becomes one where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand, a quota that is used up. A connection (api/http/connection.py) asks here first: task, framework and
RequestMiddleware cost several times what such an answer does.
"""

from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

from api.access.keys import KeyRing, read_bearer, recall_caller
from api.access.quotas import Quotas
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.responder import Responder
from api.http.responses import Ready
from api.reads.caching import Reads
from api.reads.catalogue import BuildContext, Read, name_plain
from api.reads.entries import PATTERN_LIST, RECENT
from api.reads.http import choose_encoding, make_head, matches
from common.compression import Encoding
from common.keys import Scope as KeyScope
from common.settings import Settings

FAST_READS: tuple[Read[Any], ...] = (RECENT, PATTERN_LIST)


class PlainGet(NamedTuple):
    """A plain GET of a read without parameters, as far as its head says. `known` is its If-None-Match."""

    head: Head
    key: str
    encoding: Encoding
    known: str | None


@dataclass(slots=True, eq=False)
class FastRead:
    """Answers one read out of this process's copies."""

    method: ClassVar[str] = "GET"
    own_fields: ClassVar[frozenset[bytes]] = frozenset()
    settings: Settings
    key_ring: KeyRing
    quotas: Quotas
    reads: Reads
    context: BuildContext
    responder: Responder
    entry: Read[Any]
    max_age_seconds: int = field(init=False)

    def __post_init__(self) -> None:
        self.max_age_seconds = self.entry.max_age_seconds(self.settings)

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
        params, question = name_plain(self.entry, caller.project_id)
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
