"""A failure on the way to a page is a page too, whatever it was: no such page, a store that is away, no answer in time."""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api.http.problems import BUILT_IN_HINTS, TITLES, Problem
from api.pages.addresses import home_of
from api.pages.rendering import render

# No foreign host, no inline script or style; forms go to our own pages alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
# Where no referrer may be told, browsers hide from us, too, that our own form was it that sent something.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie",
}


def find_problem_form(path: str) -> Callable[[HTTPException, Scope], Response] | None:
    """How failures are answered where pages are; None for other paths."""
    is_page = path.startswith(("/p/", "/signin/")) or path in ("/", "/signin", "/docs")
    return show_failure if is_page else None


def show_failure(problem: HTTPException, scope: Scope) -> Response:
    """What went wrong and what to do, as a page."""
    status = problem.status_code
    ours = problem if isinstance(problem, Problem) else None
    text = render(
        "problem.html",
        title=ours.title if ours else TITLES.get(status, "Error"),
        detail=str(ours.detail if ours else BUILT_IN_HINTS.get(status, problem.detail)),
        home=way_out(scope),
        request_id=scope.get("request_id", "") if status >= 500 else "",
    )
    headers = {**(problem.headers or {}), **HEADERS, "Cache-Control": "no-store"}
    return Response(text, status, headers, "text/html")


def show_problem(request: Request, problem: HTTPException) -> Response:
    """The same for a request."""
    return show_failure(problem, request.scope)


def way_out(scope: Scope) -> str:
    """Where to go from a page that could not be shown."""
    return home_of(scope["caller"].project_id) if "caller" in scope else "/signin"
