"""Routes that answer people: each checks its session before anything is read, and a failure is a page as well."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.access.keys import Caller
from api.access.routers import Guarded
from api.access.sessions import AuthorizeSession, check_csrf
from api.http.problems import Forbidden, Invalid, Problem, Unauthorized, plain_words
from api.pages.failing import HEADERS, show_problem
from api.pages.rendering import render
from common.keys import Scope


class Page(Guarded):
    """A page: what it raises is shown as one, and who is not signed in is led to where that is done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def show(request: Request) -> Response:
            try:
                return await handle(request)
            except (RequestValidationError, ValidationError) as error:
                return show_problem(request, Invalid(describe_invalid(error)))
            except Unauthorized as problem:
                return lead_in(request) if request.method == "GET" else show_problem(request, problem)
            except Problem as problem:
                return show_problem(request, problem)

        return show


PageRouter = partial(APIRouter, route_class=Page, include_in_schema=False)
Reader = Annotated[Caller, Depends(AuthorizeSession(Scope.read))]
Decider = Annotated[Caller, Depends(AuthorizeSession(Scope.triage))]
Admin = Annotated[Caller, Depends(AuthorizeSession(Scope.admin))]


def lead_in(request: Request) -> Response:
    """To where one signs in, and from there back. Another site's link does not bring the session along, which is the same
    site's alone: then the page is asked for once more, by a page of ours."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return go_on_by_page(path)
    return Response(status_code=303, headers={**HEADERS, "Location": f"/signin?next={quote(path, safe='/')}"})


def go_on_by_page(path: str) -> Response:
    """A page that asks for another one at once; a redirect would not bring cookies that were not sent with the first."""
    return Response(
        render("go_on.html", path=path), headers={**HEADERS, "Cache-Control": "no-store"}, media_type="text/html"
    )


def go_to(path: str) -> Response:
    """After a form was taken: the page that shows what became of it."""
    return Response(status_code=303, headers={**HEADERS, "Location": path})


async def read_form(request: Request) -> dict[str, list[str]]:
    """The fields of a form of ours. Raises Forbidden where it does not carry its session's token, Invalid."""
    fields = parse_form(await request.body())
    sent = fields.pop("csrf", [""])
    if len(sent) != 1:
        raise Forbidden("a form carries its token once: open the page anew")
    check_csrf(request.scope["session"], sent[0])
    return fields


def parse_form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form, each with its values in order. Raises Invalid."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=2_000)
    except ValueError as error:
        raise Invalid("this is not what a form of ours sends: open the page anew, and try again") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def describe_invalid(error: RequestValidationError | ValidationError) -> str:
    """The first thing that is wrong with what was asked."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body"))
    return f"{where}: {plain_words(first['msg'])}" if where else plain_words(first["msg"])
