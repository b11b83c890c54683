"""What every page of a project shares: its name and address, the other projects that one is signed in to, the menu."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from fastapi import Request, Response

from api.access.sessions import CSRF_BYTES, Session, SessionRing, SignedIn, sessions_held
from api.http.problems import Problem, Unauthorized
from api.http.responses import Ready, Reply, as_ready
from api.http.single_flight import SingleFlight
from api.pages.addresses import home_of
from api.pages.documents import Document
from api.pages.failing import HEADERS
from api.pages.rendering import RELEASE, render
from api.pages.shown import ShownPage, ShownPages, name_asked
from api.reads.http import choose_encoding, matches
from api.reads.local_cache import LocalCache
from common.cache.sealing import make_etag
from common.compression import Encoding, compress_as
from common.keys import Scope

PROJECTS_SHOWN, UNDO_MAX = 12, 200
# What a page says that it was shown after, and whether that can be taken back.
DONE = {
    "resolve": "Resolved", "ignore": "Ignored", "open": "Reopened", "merge": "Merged: it shows within seconds",
    "split": "Split: it shows within seconds", "note": "Noted", "revoke": "Revoked", "rename": "Renamed",
    "delete": "Its keys have ended, and the worker deletes it", "save": "Saved", "remove": "Deleted", "arm": "Armed",
    "disarm": "Disarmed", "mute": "Muted", "unmute": "Heard again",
}  # fmt: skip
UNDONE_BY_REOPENING = ("resolve", "ignore")
TEXTS_MAX_BYTES = 8 * 2**20
OVERHEAD_BYTES = 2_048  # of what is kept: its key, and what holds both
# Stands in a rendered page where each session's token goes; nobody outside this process knows it.
TOKEN_PLACE = secrets.token_hex(2 * CSRF_BYTES)
PAGES = (("Now", ""), ("Search", "search"), ("Live", "live"), ("Spend", "spend"), ("Alerts", "alerts"))
ADMIN_PAGES = (("System", "system"),)


class Notice(NamedTuple):
    """What was just done, and the patterns of which it can be taken back."""

    words: str
    undo: tuple[str, ...] = ()


class Other(NamedTuple):
    """Another project that the browser is signed in to."""

    project: str
    home: str


class Held(NamedTuple):
    """The sessions of a browser that are good, that of the page first; sure where the others are all known to be or not."""

    sessions: tuple[tuple[Session, SignedIn], ...]
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of one page."""

    project: str
    home: str
    here: str
    others: tuple[Other, ...]
    notice: Notice | None
    may_decide: bool
    may_administer: bool
    csrf: str  # what a form of the page carries

    @property
    def pages(self) -> tuple[tuple[str, str], ...]:
        return PAGES + ADMIN_PAGES if self.may_administer else PAGES


texts: LocalCache[Hashable, str] = LocalCache(TEXTS_MAX_BYTES, lambda page: OVERHEAD_BYTES + sys.getsizeof(page))
# who waits is told of a failure, and nobody else need be
rendering = SingleFlight[str](note_failure=lambda _: None)


def frame_of(request: Request, here: str, held: Held) -> Frame:
    """The frame around the page `here` of whoever asks."""
    (session, signed_in), *others = held.sessions
    scope = signed_in.caller.scope
    return Frame(
        project=signed_in.project,
        home=home_of(session.project_id),
        here=here,
        others=tuple(Other(other.project, home_of(one.project_id)) for one, other in others),
        notice=notice_of(request),
        may_decide=scope.allows(Scope.triage),
        may_administer=scope.allows(Scope.admin),
        csrf=session.make_csrf(),
    )


def notice_of(request: Request) -> Notice | None:
    """What the address says was just done; None where nothing was."""
    done = request.query_params.get("done", "")
    undo = request.query_params.getlist("of")[:UNDO_MAX] if done in UNDONE_BY_REOPENING else []
    return Notice(DONE[done], tuple(undo)) if done in DONE else None


async def find_held(request: Request) -> Held:
    """That of the page, which was let pass, and the others that are good, as they come among the cookies."""
    session, signed_in = cast("Session", request.scope["session"]), cast("SignedIn", request.scope["signed_in"])
    ring = cast("SessionRing", request.state.session_ring)
    others = [one for one in sessions_held(request) if one.project_id != session.project_id][:PROJECTS_SHOWN]
    found = await asyncio.gather(*[identify(ring, one) for one in others])
    good = [(one, other) for one, other in zip(others, found, strict=True) if isinstance(other, SignedIn)]
    is_sure = all(isinstance(other, SignedIn | Unauthorized) for other in found)
    return Held(((session, signed_in), *good), is_sure)


async def identify(ring: SessionRing, session: Session) -> SignedIn | Problem:
    """Whose it is, or why that is not told."""
    try:
        return await ring.identify(session)
    except Problem as problem:
        return problem


async def show_kept(
    request: Request,
    template: str,
    here: str,
    documents: Sequence[Document],
    params: Hashable,
    describe: Callable[[], Mapping[str, object]],
) -> Response:
    """A page that many ask for again. From the tags of the documents that it is made of, its parameters, the frame and this
    release its own tag follows, the same in every process, so who has it is told so without making it. It is rendered once for
    all who see the same of the project, and packed once for each of them, since their forms carry tokens of their own; what one
    was sent is kept for when the same is asked again (api/pages/fast.py)."""
    held = await find_held(request)
    frame, (session, _) = frame_of(request, here, held), held.sessions[0]
    key = (template, replace(frame, csrf=""), base_url_of(request), tuple(one.etag for one in documents), params)
    etag = make_etag(repr((RELEASE, key, session.token)).encode())
    headers = {**HEADERS, "ETag": etag, "Vary": "Cookie, Accept-Encoding"}
    known = Response(status_code=304, headers=headers)
    coding = choose_encoding(request.headers.get("accept-encoding"))
    shown_pages, name = cast("ShownPages", request.state.shown_pages), name_asked(request, coding)
    shown = shown_pages.get(name)
    whole = shown.whole if shown is not None and shown.etag == etag else None
    answer = known
    if not matches(request.headers.get("if-none-match"), etag):
        body = whole.body if whole else await make_body(template, key, frame, describe, coding)
        headers |= {"Content-Encoding": coding} if coding != "identity" else {}
        answer = Response(body, headers=headers, media_type="text/html")
        whole = ready_of(answer)
    sources = [one.source for one in documents if one.source is not None]
    if held.is_sure and len(sources) == len(documents):
        page = ShownPage(request.scope["route"].path, etag, held.sessions, sources, ready_of(known), whole)
        shown_pages.keep(name, page)
    return answer


async def make_body(
    template: str,
    key: tuple[Any, ...],
    frame: Frame,
    describe: Callable[[], Mapping[str, object]],
    coding: Encoding,
) -> bytes:
    """The page as one session sees it."""
    page = texts.get(key)
    if page is None:
        page = await asyncio.shield(rendering.join(key, lambda: make_text(template, key, frame, describe)))
    return await asyncio.to_thread(pack, page, frame.csrf, coding)


def ready_of(answer: Response) -> Ready:
    """The same for a connection, with what the middleware adds."""
    return as_ready(Reply(answer.status_code, answer.raw_headers, bytes(answer.body)))


async def make_text(
    template: str, key: tuple[Any, ...], frame: Frame, describe: Callable[[], Mapping[str, object]]
) -> str:
    """The page with the place for a token in its forms, rendered beside the event loop, and kept."""
    values = {"frame": replace(frame, csrf=TOKEN_PLACE), "base_url": key[2]}
    page = await asyncio.to_thread(lambda: render(template, **values, **describe()))
    texts.keep(key, page)
    return page


def pack(page: str, csrf: str, coding: Encoding) -> bytes:
    """The page of one session in one coding."""
    return compress_as(coding, page.replace(TOKEN_PLACE, csrf).encode())


def base_url_of(request: Request) -> str:
    """As the browser knows us."""
    return str(request.base_url).rstrip("/")


async def show(request: Request, template: str, here: str, /, **values: object) -> Response:
    """A page that is rendered anew each time."""
    frame = frame_of(request, here, await find_held(request))
    body = render(template, **{"frame": frame, "base_url": base_url_of(request), **values})
    return Response(body, headers=HEADERS, media_type="text/html")
