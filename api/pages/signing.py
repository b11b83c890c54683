"""How people sign in and out: with a key, or by a link that somebody with a key made, which signs in once."""

from typing import cast
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, Field

from api.access.keys import Caller, KeyRing, ReadCaller
from api.access.routers import Router
from api.access.sessions import (
    LINK_SPAN,
    Session,
    SessionRing,
    end_session,
    make_session,
    refuse_other_sites,
    sessions_held,
    set_cookie,
    take_link,
)
from api.access.shares import share_of
from api.http.bodies import read_of_stranger
from api.http.problems import Forbidden, Problem, QuotaExceeded, Unauthorized
from api.pages.addresses import home_of, is_within
from api.pages.failing import HEADERS, show_problem
from api.pages.rendering import render
from api.pages.routers import PageRouter, Reader, go_on_by_page, go_to, parse_form, read_form
from common.keys import Scope

FORM_MAX_BYTES = 4_096  # of the form with the key, which comes from nobody yet

links = Router(prefix="/api", tags=["pages"])
pages = PageRouter()


class SignInLink(BaseModel):
    """A link that signs in once."""

    path: str = Field(description="Where to go with a browser, on the address that answered this; it is a secret.")
    expires_in_seconds: int = Field(description="How long it is good, if nobody used it.")


@links.post("/signin-links", status_code=201, summary="Make a link that signs in once")
async def create_sign_in_link(request: Request, response: Response, caller: ReadCaller) -> SignInLink:
    """Whoever opens the link first is signed in to the pages of this key's project, with what this key may do."""
    async with share_of(request, caller.project_id).begin() as connection:
        link = await make_session(connection, caller, is_link=True)
    path = response.headers["Location"] = f"/signin/{link.project_id.hex}.{link.token}"
    return SignInLink(path=path, expires_in_seconds=int(LINK_SPAN.total_seconds()))


async def show_sign_in(request: Request) -> Response:
    """The form; for `GET /signin`."""
    return sign_in_page(request.query_params.get("next", ""))


async def sign_in(request: Request) -> Response:
    """Exchange a key for a session; for `POST /signin`."""
    wanted = ""
    try:
        refuse_other_sites(request)
        form = parse_form(await read_of_stranger(request, FORM_MAX_BYTES))
        wanted = form.get("next", [""])[0]
        caller = await cast("KeyRing", request.state.key_ring).identify(form.get("key", [""])[0].strip())
        refuse_writers(caller)
        async with share_of(request, caller.project_id).begin() as connection:
            session = await make_session(connection, caller)
    except (Unauthorized, Forbidden, QuotaExceeded) as problem:
        return sign_in_page(wanted, str(problem.detail), problem.status)
    except Problem as problem:
        return show_problem(request, problem)
    return let_in(request, session, go_to(inside(wanted, session)))


async def follow_link(request: Request) -> Response:
    """Sign in by a link, once; for `GET /signin/{link}`. Whoever only looks what is behind it, as a chat or a browser that
    fetches ahead does, takes it from nobody."""
    if "is_head" in request.scope or "prefetch" in request.headers.get(
        "sec-purpose", request.headers.get("purpose", "")
    ):
        return sign_in_page("", "this link signs in whoever opens it first", 425)
    project_id, _, token = request.path_params["link"].partition(".")
    try:
        link = Session(UUID(hex=project_id), token)
    except ValueError:
        return sign_in_page("", "this is no link of ours: copy it whole", 401)
    try:
        ring_of(request).of_strangers.take()
        async with share_of(request, link.project_id).begin() as connection:
            session = await take_link(connection, link)
        await ring_of(request).identify(session)
    except (Unauthorized, QuotaExceeded) as problem:
        return sign_in_page("", str(problem.detail), problem.status)
    except Problem as problem:
        return show_problem(request, problem)
    return let_in(request, session, go_on_by_page(home_of(session.project_id)))


async def show_first(request: Request) -> Response:
    """From `/` to the first project that the browser is signed in to."""
    held = sessions_held(request)
    return go_to(home_of(held[0].project_id) if held else "/signin")


@pages.post("/p/{project_id}/signout")
async def sign_out(request: Request, caller: Reader) -> Response:
    """End this session; the cookie goes with it."""
    await read_form(request)
    session = cast("Session", request.scope["session"])
    async with share_of(request, caller.project_id).begin() as connection:
        await end_session(connection, session)
    ring_of(request).forget(session)
    answer = go_to("/signin")
    set_cookie(request, answer.headers, session, is_over=True)
    return answer


def sign_in_page(wanted: str, problem: str = "", status: int = 200) -> Response:
    text = render("signin.html", next=wanted, problem=problem)
    return Response(text, status, {**HEADERS, "Cache-Control": "no-store"}, "text/html")


def let_in(request: Request, session: Session, answer: Response) -> Response:
    set_cookie(request, answer.headers, session)
    return answer


def refuse_writers(caller: Caller) -> None:
    """Raises Forbidden for a key that may read nothing."""
    if not caller.scope.allows(Scope.read):
        raise Forbidden(f"this key has the scope {caller.scope.value} and may see nothing: use one that may read")


def inside(path: str, session: Session) -> str:
    """The page that was wanted before signing in, if it is one of ours and of this project; else the first one."""
    home = home_of(session.project_id)
    return path if is_within(path, home) else home


def ring_of(request: Request) -> SessionRing:
    return cast("SessionRing", request.state.session_ring)
