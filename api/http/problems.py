"""Every failure that a client can see, as RFC 9457 problem+json.

Problem
├── BadRequest 400          not HTTP, or cut off
├── Unauthorized 401        no key, or one that does not hold
├── Forbidden 403           the key's scope does not allow this
├── NotFound 404            nothing there for this project
├── Conflict 409            there is one of that name
├── RequestTooSlow 408      headers or body did not arrive in time
├── BodyTooLarge 413        over a limit, before or after decompression
├── Unsupported 415         a media type or content coding that is not taken
├── Invalid 422             the request does not say what it must; `errors` names each place
├── QuotaExceeded 429       a limit of the key or the project is used up: see Retry-After; `errors` names the policies
├── HeadTooLarge 431        path and headers are over the limit
├── CodingNotSpoken 501     a Transfer-Encoding other than chunked
├── VersionNotSpoken 505    another HTTP than 1.0 and 1.1
└── Unavailable 503         come again: see Retry-After
    ├── Overloaded          the writer's buffer is full
    ├── Busy                the project's share of the connections is in use
    └── TimedOut            no answer in time; what was sent may have been stored: send it again with the same ids
"""

from collections.abc import Callable
from typing import Any, ClassVar

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

log = structlog.get_logger()

MAX_LISTED = 50
TITLES = {400: "Bad request", 404: "Not found", 405: "Method not allowed"}
BUILT_IN_HINTS = {
    404: "there is no such route: see /openapi.json for those that there are",
    405: "this route does not take this method: see the Allow header",
}


class ProblemPlace(BaseModel):
    """One thing that is wrong in the request."""

    pointer: str = Field(description="JSON pointer into the body, or the name of the parameter.")
    reason: str = Field(description="A short stable code.")
    detail: str = Field(description="What is wrong, and what is expected.")


class ProblemDetails(BaseModel):
    """The body of every failure, as application/problem+json (RFC 9457)."""

    type: str = Field(description="Stable name of the kind of problem, a URN.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What happened, and what to do about it.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="As in X-Request-ID and in the log.")
    errors: list[ProblemPlace] | None = Field(None, description="Each wrong place, 50 at most.")


# How a protocol of others answers a failure; finds that of a path, where it has one.
ProblemForm = Callable[[HTTPException, Scope], Response]
FindProblemForm = Callable[[str], ProblemForm | None]
# How OpenAPI describes a failure.
PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem: `type` says which, `detail` what to do",
    "content": {
        "application/problem+json": {"schema": {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}},
    },
}


class Problem(HTTPException):
    """A failure with a stable type. `detail` says what happened and what to do."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self, detail: str, *, errors: list[ProblemPlace] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(self.status, detail, headers)
        self.errors = errors


class BadRequest(Problem):
    status, slug, title = 400, "bad-request", "Bad request"


class Unauthorized(Problem):
    status, slug, title = 401, "unauthorized", "Key missing or not valid"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="mayday"'})


class Forbidden(Problem):
    status, slug, title = 403, "forbidden", "Key not allowed to do this"


class NotFound(Problem):
    status, slug, title = 404, "not-found", "Not found"


class Conflict(Problem):
    status, slug, title = 409, "conflict", "There is one already"


class RequestTooSlow(Problem):
    status, slug, title = 408, "request-too-slow", "Request came too slowly"


class BodyTooLarge(Problem):
    status, slug, title = 413, "body-too-large", "Body too large"


class Unsupported(Problem):
    status, slug, title = 415, "unsupported", "Media type or coding not supported"


class Invalid(Problem):
    status, slug, title = 422, "invalid", "Request not valid"


class QuotaExceeded(Problem):
    status, slug, title = 429, "quota-exceeded", "Quota used up"

    def __init__(self, detail: str, spent: list[ProblemPlace], *, retry_after_seconds: int) -> None:
        super().__init__(detail, errors=spent, headers={"Retry-After": str(retry_after_seconds)})


class HeadTooLarge(Problem):
    status, slug, title = 431, "head-too-large", "Headers too large"


class CodingNotSpoken(Problem):
    status, slug, title = 501, "coding-not-spoken", "Transfer coding not supported"


class VersionNotSpoken(Problem):
    status, slug, title = 505, "version-not-spoken", "HTTP version not supported"


class Unavailable(Problem):
    status, slug, title = 503, "unavailable", "Not available now"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class Overloaded(Unavailable):
    slug, title = "overloaded", "More than can be written now"


class Busy(Unavailable):
    slug, title = "busy", "More than can be asked at once"


class TimedOut(Unavailable):
    slug, title = "timed-out", "No answer in time"


def respond(problem: HTTPException, path: str, request_id: str) -> Response:
    """The answer for a problem, ours or one that Starlette raised."""
    ours = problem if isinstance(problem, Problem) else None
    status = problem.status_code
    body = ProblemDetails(
        type=f"urn:mayday:problem:{ours.slug if ours else TITLES.get(status, 'error').lower().replace(' ', '-')}",
        title=ours.title if ours else TITLES.get(status, "Error"),
        status=status,
        detail=problem.detail if ours else BUILT_IN_HINTS.get(status, str(problem.detail)),
        instance=path,
        request_id=request_id,
        errors=ours.errors[:MAX_LISTED] if ours and ours.errors else None,
    )
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    return Response(body.model_dump_json(exclude_none=True), status, headers, "application/problem+json")


def respond_to(problem: HTTPException, scope: Scope) -> Response:
    """The answer for a problem of a request: in the form of its protocol where that has one of its own."""
    form = scope.get("problem_form")
    return form(problem, scope) if form else respond(problem, scope["path"], scope.get("request_id", ""))


# What says that Postgres did not answer; the last is raised between a session's last message and its end, and SQLAlchemy lets it
# through.
DATABASE_FAILURES: tuple[type[Exception], ...] = (SQLAlchemyError, TimeoutError, OSError, asyncpg.InternalClientError)


def install(app: FastAPI) -> None:
    """Answer everything that a route raises with a problem."""
    app.add_exception_handler(HTTPException, answer_problem)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    for failure in DATABASE_FAILURES:
        app.add_exception_handler(failure, answer_database_failure)


async def answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    if error.status_code == 405:
        error.headers = {"Allow": ", ".join(sorted(find_methods(request)))}
    return respond_to(error, request.scope)


def find_methods(request: Request) -> set[str]:
    """The methods that this path takes, of all its routes: Starlette names those of the first one."""
    routes = [route.original_route for route in iter_route_contexts(request.app.routes)]
    matching = [
        route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    methods = {method for route in matching if route.path == matching[0].path for method in route.methods or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())


async def answer_invalid(request: Request, error: Exception) -> Response:
    """FastAPI's own validation, without the input that it would echo."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    if request.method not in find_methods(request):  # a word of another route was taken for an id
        return await answer_problem(request, HTTPException(405))
    places = [describe_place(e) for e in error.errors()[:MAX_LISTED]]
    return await answer_problem(request, Invalid("; ".join(f"{p.pointer}: {p.detail}" for p in places), errors=places))


def describe_place(error: Any) -> ProblemPlace:
    """One of pydantic's errors as a place: a pointer for bodies, the bare name for parameters."""
    where, *path = error["loc"]
    pointer = "/" + "/".join(str(p) for p in path) if where == "body" else str(path[0] if path else where)
    return ProblemPlace(pointer=pointer, reason=error["type"], detail=plain_words(error["msg"]))


EXTRA = "Extra inputs are not permitted"  # in pydantic's words


def plain_words(message: str) -> str:
    """What pydantic says, without the name of Python's exception, and of a name that is too much what to do."""
    if message == EXTRA:
        return "unknown, leave it out"
    return message.removeprefix("Value error, ")


NOT_STORABLE = "22021"  # character_not_in_repertoire
DATA_EXCEPTION = "22"  # the class of SQLSTATE for values that do not fit; asyncpg's own say it too


async def answer_database_failure(request: Request, error: Exception) -> Response:
    """Postgres did not do what was asked: the client may come again, the log has the reason."""
    original = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(original, "sqlstate", None) or ""
    if sqlstate == NOT_STORABLE:  # no second try will do, here and below
        return await answer_problem(request, Invalid("a text holds U+0000, which cannot be stored or looked for"))
    structlog.contextvars.bind_contextvars(failure=f"{type(original).__name__}: {original}")  # for the request's line
    if sqlstate.startswith(DATA_EXCEPTION):
        return await answer_problem(request, Invalid("a value is beyond what can be stored or looked for"))
    return await answer_problem(request, Unavailable("the database did not answer: try again in a moment"))
