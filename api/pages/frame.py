"""What every page of a project shares: its name and address, the other projects that one is signed in to, the menu."""

import asyncio
import secrets
import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from fastapi import Request, Response

from api.access.sessions import CSRF_BYTES, Session, SessionRing, sessions_held
from api.http.problems import Problem
from api.http.single_flight import SingleFlight
from api.pages.addresses import home_of
from api.pages.failing import HEADERS
from api.pages.rendering import RELEASE, render
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
TEXTS_MAX_BYTES = PACKED_MAX_BYTES = 8 * 2**20
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
packed: LocalCache[tuple[str, Encoding], bytes] = LocalCache(PACKED_MAX_BYTES, lambda body: OVERHEAD_BYTES + len(body))
# who waits is told of a failure, and nobody else need be
rendering = SingleFlight[str](note_failure=lambda _: None)


async def frame_of(request: Request, here: str) -> Frame:
    """The frame around the page `here` of whoever asks."""
    session, scope = cast("Session", request.scope["session"]), request.scope["caller"].scope
    return Frame(
        project=request.scope["project_name"],
        home=home_of(session.project_id),
        here=here,
        others=await find_others(request, session),
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


async def find_others(request: Request, session: Session) -> tuple[Other, ...]:
    """The other projects whose sessions are good, as they come among the cookies."""
    ring = cast("SessionRing", request.state.session_ring)
    others = [held for held in sessions_held(request) if held.project_id != session.project_id][:PROJECTS_SHOWN]
    names = await asyncio.gather(*[name_project(ring, held) for held in others])
    return tuple(
        Other(name, home_of(held.project_id)) for held, name in zip(others, names, strict=True) if name is not None
    )


async def name_project(ring: SessionRing, session: Session) -> str | None:
    try:
        return (await ring.identify(session)).project
    except Problem:
        return None


async def show_kept(
    request: Request, template: str, here: str, made_of: Hashable, describe: Callable[[], Mapping[str, object]]
) -> Response:
    """A page that many ask for again. `made_of` are the tags of its documents and its parameters: from these, the frame and this
    release its own tag follows, the same in every process, so who has it is told so without making it. It is rendered once for
    all who see the same of the project, and packed once for each of them, since their forms carry tokens of their own."""
    frame, session = await frame_of(request, here), cast("Session", request.scope["session"])
    key = (template, replace(frame, csrf=""), base_url_of(request), made_of)
    etag = make_etag(repr((RELEASE, key, session.token)).encode())
    headers = {**HEADERS, "ETag": etag, "Vary": "Cookie, Accept-Encoding"}
    if matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    coding = choose_encoding(request.headers.get("accept-encoding"))
    body = packed.get((etag, coding))
    if body is None:
        page = texts.get(key)
        if page is None:
            page = await asyncio.shield(rendering.join(key, lambda: make_text(template, key, frame, describe)))
        body = await asyncio.to_thread(pack, page, frame.csrf, coding)
        packed.keep((etag, coding), body)
    headers |= {"Content-Encoding": coding} if coding != "identity" else {}
    return Response(body, headers=headers, media_type="text/html")


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
    frame = await frame_of(request, here)
    body = render(template, **{"frame": frame, "base_url": base_url_of(request), **values})
    return Response(body, headers=HEADERS, media_type="text/html")
