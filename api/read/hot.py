"""The two answers that everyone asks for, made before a request becomes one where this process holds them ready.

The routes stay the ones in OpenAPI and answer everything else: parameters, other forms of a key, a key or an answer
that is not at hand, a quota that is used up. A connection (api/connections.py) asks here first: task, framework and
RequestFrame cost several times what such an answer does. So it gets its id, is counted and has its line here.
"""

from functools import lru_cache
from time import perf_counter
from uuid import UUID

from starlette.datastructures import Headers

from api.auth import Caller, KeyRing, recall_caller
from api.limits import Limits
from api.middleware import RAW_SECURITY_HEADERS, RequestLines, changing_headers, choose_request_id
from api.read.caching import Question, Reads, Served
from api.read.http import choose_encoding, matches, respond
from api.read.parameters import ErrorQuery, PatternsQuery
from api.read.routes import ask_patterns, ask_recent, patterns_max_age_seconds
from api.ready import Ready, as_lines, note
from common.compression import COMPRESS_FROM_BYTES, Encoding
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import traces

RECENT, PATTERNS = "/api/errors/recent", "/api/errors/patterns"
# The request targets that may be answered here, as they stand in the request line.
HOT_TARGETS = {path.encode(): path for path in (RECENT, PATTERNS)}
# What only the server or the routing can deal with.
NOT_PLAIN = {b"content-length", b"transfer-encoding", b"expect", b"upgrade"}


class HotReads:
    """Answers a plain GET of the recent errors or the patterns out of this process's copies; never waits."""

    def __init__(
        self, settings: Settings, key_ring: KeyRing, limits: Limits, reads: Reads, lines: RequestLines
    ) -> None:
        self.key_ring = key_ring
        self.limits = limits
        self.reads = reads
        self.lines = lines
        self.max_age_seconds = {RECENT: 1, PATTERNS: patterns_max_age_seconds(settings)}

    def answer(self, target: bytes, sent: list[tuple[bytes, bytes]]) -> Ready | None:
        """The answer to a GET of one of HOT_TARGETS with these headers, their names in lower case; None where something would
        have to be waited for, or there is more to do than to send it."""
        started = perf_counter()
        path = HOT_TARGETS[target]
        headers = dict(sent)
        if len(headers) < len(sent) or not NOT_PLAIN.isdisjoint(headers) or traces.is_on():
            return None
        caller = recall_caller(self.key_ring, headers.get(b"authorization", b""), KeyScope.read)
        served = self.find(path, caller, headers.get(b"accept-encoding")) if caller else None
        if caller is None or served is None:
            return None
        allowance = self.limits.allowance(caller.project_id, caller.key_id, ingest=False)
        if not allowance.admit():
            return None
        known = headers.get(b"if-none-match")
        is_known = known is not None and matches(known.decode("latin-1"), served.etag)
        request_id = choose_request_id(headers.get(b"x-request-id"))
        same = make_head(served.etag, served.encoding, len(served.body), self.max_age_seconds[path], is_known)
        ready = Ready(
            304 if is_known else 200,
            same + as_lines(changing_headers(request_id, allowance)),
            b"" if is_known else served.body,
        )
        note(self.lines, ("GET", path), (ready.status, perf_counter() - started), request_id, caller)
        return ready

    def find(self, path: str, caller: Caller, accepted: bytes | None) -> Served | None:
        encoding = choose_encoding(None if accepted is None else accepted.decode("latin-1"))
        if encoding == "identity" and accepted is not None:
            return None  # the middleware around the routes has a word in what is sent then
        return self.reads.held(make_question(path, caller.project_id), encoding)


@lru_cache(maxsize=10_000)
def make_question(path: str, project_id: UUID) -> Question:
    """What the route of this path asks when it is given no parameters."""
    if path == RECENT:
        return ask_recent(project_id, ErrorQuery.model_validate({}))
    return ask_patterns(project_id, PatternsQuery.model_validate({}))


@lru_cache(maxsize=1_024)
def make_head(etag: str, encoding: Encoding, body_bytes: int, max_age_seconds: int, is_known: bool) -> bytes:
    """The header lines that the route and the middleware around it give such an answer: made once, since they cost more
    than all the rest of it."""
    served = Served(etag, encoding, bytes(body_bytes), "hit")
    response = respond(served, Headers({"if-none-match": etag} if is_known else {}), max_age_seconds=max_age_seconds)
    if encoding == "identity" and not is_known and body_bytes >= COMPRESS_FROM_BYTES:
        response.headers["Vary"] += ", Accept-Encoding"
    return as_lines([*response.raw_headers, *RAW_SECURITY_HEADERS])
