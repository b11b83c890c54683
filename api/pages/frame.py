"""What every page of a project shares: its name and address, the other projects that one is signed in to, the menu."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from fastapi import Request, Response

from api.access.sessions import Session, SessionRing, sessions_held
from api.http.problems import Problem
from api.pages.addresses import home_of
from api.pages.rendering import render
from api.pages.routers import HEADERS
from api.reads.http import choose_encoding, matches
from api.reads.local_cache import LocalCache
from common.cache.sealing import make_etag
from common.compression import Encoding, compress
from common.keys import Scope

PROJECTS_SHOWN, UNDO_MAX = 12, 200
# What a page says that it was shown after, and whether that can be taken back.
DONE = {
    "resolve": "Resolved", "ignore": "Ignored", "open": "Reopened", "merge": "Merged: it shows within seconds",
    "split": "Split: it shows within seconds", "note": "Noted",
}  # fmt: skip
UNDONE_BY_REOPENING = ("resolve", "ignore")
PAGES = (("Now", ""), ("Search", "search"), ("Live", "live"), ("Spend", "spend"))
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
    session: Session
    others: tuple[Other, ...]
    notice: Notice | None
    may_decide: bool
    may_administer: bool

    @property
    def csrf(self) -> str:
        """What a form of the page carries."""
        return self.session.make_csrf()

    @property
    def pages(self) -> tuple[tuple[str, str], ...]:
        return PAGES + ADMIN_PAGES if self.may_administer else PAGES


async def frame_of(request: Request, here: str) -> Frame:
    """The frame around the page `here` of whoever asks."""
    session, scope = cast("Session", request.scope["session"]), request.scope["caller"].scope
    return Frame(
        project=request.scope["project_name"],
        home=home_of(session.project_id),
        here=here,
        session=session,
        others=await find_others(request, session),
        notice=notice_of(request),
        may_decide=scope.allows(Scope.triage),
        may_administer=scope.allows(Scope.admin),
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


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page in every coding, and its tag."""

    etag: str
    bodies: Mapping[Encoding, bytes]

    @property
    def size_bytes(self) -> int:
        return RENDERED_OVERHEAD_BYTES + sum(map(len, self.bodies.values()))


RENDERED_MAX_BYTES, RENDERED_OVERHEAD_BYTES = 16 * 2**20, 4_096
rendered: LocalCache[Hashable, Rendered] = LocalCache(RENDERED_MAX_BYTES, lambda one: one.size_bytes)


async def show_kept(
    request: Request, template: str, here: str, made_of: Hashable, describe: Callable[[], Mapping[str, object]]
) -> Response:
    """A page that many ask for again, rendered once for each session while that of which it is made stays the same: the tags
    of its documents and its parameters. `describe` gives its values. A large one is rendered beside the event loop."""
    frame, base_url = await frame_of(request, here), base_url_of(request)
    key = (template, frame, base_url, made_of)
    page = rendered.get(key)
    if page is None:

        def make() -> Rendered:
            body = render(template, frame=frame, base_url=base_url, **describe()).encode()
            return Rendered(make_etag(body), compress(body))

        page = await asyncio.to_thread(make)
        rendered.keep(key, page)
    headers = {**HEADERS, "ETag": page.etag, "Vary": "Cookie, Accept-Encoding"}
    if matches(request.headers.get("if-none-match"), page.etag):
        return Response(status_code=304, headers=headers)
    coding = choose_encoding(request.headers.get("accept-encoding"))
    coding = coding if coding in page.bodies else "identity"
    headers |= {"Content-Encoding": coding} if coding != "identity" else {}
    return Response(page.bodies[coding], headers=headers, media_type="text/html")


def base_url_of(request: Request) -> str:
    """As the browser knows us."""
    return str(request.base_url).rstrip("/")


async def show(request: Request, template: str, here: str, /, **values: object) -> Response:
    """A page that is rendered anew each time."""
    frame = await frame_of(request, here)
    body = render(template, frame=frame, base_url=base_url_of(request), **values)
    return Response(body, headers=HEADERS, media_type="text/html")
