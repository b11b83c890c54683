"""What every page of a project shares: its name and address, the other projects that one is signed in to, the menu."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, cast

from fastapi import Request, Response

from api.access.sessions import Session, SessionRing, sessions_held
from api.http.problems import Problem
from api.pages.rendering import render
from api.pages.routers import HEADERS
from api.reads.http import matches
from common.cache.sealing import make_etag
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
    """The frame of one page; `csrf` goes into each of its forms."""

    project: str
    home: str
    here: str
    csrf: str
    others: tuple[Other, ...]
    notice: Notice | None
    may_decide: bool
    may_administer: bool

    @property
    def pages(self) -> tuple[tuple[str, str], ...]:
        return PAGES + ADMIN_PAGES if self.may_administer else PAGES


async def frame_of(request: Request, here: str) -> Frame:
    """The frame around the page `here` of whoever asks."""
    session, scope = cast("Session", request.scope["session"]), request.scope["caller"].scope
    return Frame(
        project=request.scope["project_name"],
        home=home_of(session),
        here=here,
        csrf=session.csrf,
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
    return tuple(Other(name, home_of(held)) for held, name in zip(others, names, strict=True) if name is not None)


async def name_project(ring: SessionRing, session: Session) -> str | None:
    try:
        return (await ring.identify(session)).project
    except Problem:
        return None


def home_of(session: Session) -> str:
    return f"/p/{session.project_id}/"


async def show(request: Request, template: str, here: str, status: int = 200, /, **values: object) -> Response:
    """The page, or 304 where the browser has it as it is."""
    frame = await frame_of(request, here)
    base_url = str(request.base_url).rstrip("/")
    body = render(template, frame=frame, base_url=base_url, **values).encode()
    etag = make_etag(body)
    headers = {**HEADERS, "ETag": etag}
    if status == 200 and matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, "text/html")
