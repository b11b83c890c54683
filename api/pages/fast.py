"""Pages that are as they were when this process showed them to the same browser, sent by the connection (api/http/fast_lane.py):
first ones that are looked at again, and what a page that is left open asks every few seconds.

Sessions, quotas, and what a page was made of are looked at as the route does; where one of them is not at hand, or is not what it
was, the route answers.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar, NamedTuple

from api.access.quotas import Quotas
from api.access.sessions import SessionRing
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.responder import Responder
from api.http.responses import Ready
from api.pages.shown import ShownPage, ShownPages, name_page
from api.reads.caching import Reads
from api.reads.http import choose_encoding, matches

PLACE = b"/p/"


class PlainLook(NamedTuple):
    """A plain GET of a page, as far as its head says. `known` is its If-None-Match."""

    head: Head
    name: bytes
    known: str | None


@dataclass(slots=True, eq=False)
class FastPages:
    """Answers out of the pages that were shown."""

    method: ClassVar[str] = "GET"
    own_fields: ClassVar[frozenset[bytes]] = frozenset()
    session_ring: SessionRing
    quotas: Quotas
    reads: Reads
    shown_pages: ShownPages
    responder: Responder

    def read(self, head: Head) -> PlainLook | None:
        """None also where the middleware around the routes has a word in what is sent."""
        coding = choose_encoding(head.fields.get(b"accept-encoding", b"").decode("latin-1"))
        if coding == "identity":
            return None
        known = head.fields.get(b"if-none-match")
        host, cookies = head.fields.get(b"host", b""), head.fields.get(b"cookie", b"")
        name = name_page(head.path.encode("latin-1"), host, cookies, coding)
        return PlainLook(head, name, None if known is None else known.decode("latin-1"))

    def begin(self, asked: PlainLook, _body_bytes: int, _send: object) -> Ready | None:
        """None where something would have to be waited for, or the page is not what it was."""
        started = perf_counter()
        page = self.shown_pages.get(asked.name)
        if page is None:
            return None
        ready = page.known if matches(asked.known, page.etag) else page.whole
        if ready is None or not self.is_good(page):
            return None
        caller = page.sessions[0][1].caller
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=False)
        if not allowance.admit():
            return None
        return self.responder.answer_at_once(
            asked.head, caller, allowance, started, ready.status, ready.head, ready.body, page.route
        )

    def is_good(self, page: ShownPage) -> bool:
        """Whether all that it was made of is trusted now, and as it was."""
        if any(self.session_ring.recall(session) != signed_in for session, signed_in in page.sessions):
            return False
        held = [self.reads.held(source.question, "identity", source.build) for source in page.sources]
        return all(
            served is not None and served.etag == source.etag for served, source in zip(held, page.sources, strict=True)
        )


def fast_pages(
    session_ring: SessionRing, quotas: Quotas, reads: Reads, shown_pages: ShownPages, responder: Responder
) -> FastLane:
    """What the connection may answer of the pages of projects."""
    return {PLACE: FastPages(session_ring, quotas, reads, shown_pages, responder)}
