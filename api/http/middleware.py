"""Plain ASGI middleware around every request: its id, its time limit, its log line, and an answer whatever happens."""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal, Protocol, cast

import structlog
import uuid_utils
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import FindProblemForm, Problem, TimedOut, respond_to
from common.settings import Settings
from common.telemetry import metrics, traces

log = structlog.get_logger()

UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
CLIENT_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
UNKEPT = (b"cache-control", b"no-store")  # reads say themselves who may keep them
# as ASGI has them
RAW_SECURITY_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

Way = Literal["lane", "routes"]


class QuotaFields(Protocol):
    """What an answer says of the quotas that its request ran on."""

    def headers(self) -> list[tuple[bytes, bytes]]: ...

    def lines(self) -> bytes:
        """The same as HTTP/1.1 writes them."""


def has_no_form(_path: str) -> None:
    """For an application in which all problems are ours."""


class RequestMiddleware:
    """Everything inside it ends in an answer with an X-Request-ID, and in one log line."""

    def __init__(self, app: ASGIApp, settings: Settings, find_problem_form: FindProblemForm = has_no_form) -> None:
        self.app = app
        self.request_seconds = settings.request_seconds
        self.find_problem_form = find_problem_form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["problem_form"] = self.find_problem_form(scope["path"])
        request_id = scope["request_id"] = choose_request_id(find_header(scope["headers"], b"x-request-id"))
        # HEAD is answered as GET is, without the body
        asked = {**scope, "method": "GET", "is_head": True} if scope["method"] == "HEAD" else scope
        structlog.contextvars.bind_contextvars(
            request_id=request_id
        )  # for the task of this request, which ends with it
        reply = Reply(send, request_id, asked, has_body=asked is scope)
        method = asked["method"]
        span = traces.begin_request(method, asked["path"], find_header(scope["headers"], b"traceparent"))
        try:
            with traces.within(span):
                await self.answer(asked, receive, reply)
        finally:
            traces.end_request(span, method, route_of(asked), reply.status, request_id)

    async def answer(self, scope: Scope, receive: Receive, reply: "Reply") -> None:
        """Run the application under the time limit; what it raises becomes a problem, if nothing was sent yet."""
        started = time.perf_counter()
        defect: Exception | None = None
        try:
            async with asyncio.timeout(self.request_seconds):
                await self.app(scope, receive, reply.send)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            problem = as_problem(error)
            defect = error if problem.status == Problem.status else None
            if reply.status == 0:
                await respond_to(problem, scope)(scope, receive, reply.send)
        finally:
            seconds = time.perf_counter() - started
            method = scope["method"] if reply.has_body else "HEAD"
            count_answer(method, route_of(scope), reply.status, seconds, "routes")
            lines = cast("RequestLines", scope["state"]["lines"])
            if defect is not None or reply.status >= 500 or lines.is_due():
                lines.write(scope["method"], scope["path"], reply.status, seconds, defect)


class RequestLines:
    """Writes the lines of requests, with what was bound on their way: the id, the project, why it failed."""

    def __init__(self, settings: Settings) -> None:
        self.share = settings.log_requests_share
        self.are_all_wanted = settings.log_level == "debug"
        self.due = 0.0

    def write(self, method: str, path: str, status: int, seconds: float, defect: Exception | None = None) -> None:
        facts = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 2)}
        if defect is not None:
            log.error("answered", **facts, exc_info=defect)
        elif status >= 500:
            log.warning("answered", **facts)
        else:
            log.info("answered", **facts)

    def is_due(self) -> bool:
        """Whether this request, which went well, has a line: at level debug all have, else the setting's share of
        calls, evenly spread."""
        if self.are_all_wanted:
            return True
        self.due += self.share
        if self.due < 1:
            return False
        self.due -= 1
        return True


class Reply:
    """Sends one answer on, once, with the headers that every answer has, and remembers its status."""

    def __init__(self, send: Send, request_id: str, scope: Scope, *, has_body: bool) -> None:
        self.inner = send
        self.request_id = request_id
        self.scope = scope
        self.has_body = has_body
        self.status = 0
        self.is_complete = False

    async def send(self, message: Message) -> None:
        """Raises RuntimeError, and sends nothing, where that would be another answer or none that HTTP can say."""
        is_start = message["type"] == "http.response.start"
        if self.is_complete or (is_start and self.status):
            raise RuntimeError("a request is answered once")
        if is_start:
            headers: list[tuple[bytes, bytes]] = message["headers"]
            refuse_unsendable(headers)
            self.status = message["status"]
            headers += framing_headers(headers, self.request_id, self.scope.get("allowance"))
            if self.scope["state"]["stopping"].is_set():
                headers.append((b"connection", b"close"))  # the next request goes to another process
        else:
            self.is_complete = not message.get("more_body", False)
            if not self.has_body:
                message = {**message, "body": b""}
        await self.inner(message)


def refuse_unsendable(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raise RuntimeError for values that would end their line: the server closes without a word where it meets one."""
    if UNSENDABLE.search(b"".join([value for _, value in headers])):
        raise RuntimeError("a header of this answer holds a control character")


def find_header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of this header, its name in lower case."""
    return next((value for given, value in headers if given == name), None)


def choose_request_id(sent: bytes | None) -> str:
    """The client's X-Request-ID where that can stand in a log line, else a new one."""
    if sent is not None and CLIENT_REQUEST_ID.fullmatch(sent):
        return sent.decode()
    return uuid_utils.uuid7().hex


def framing_headers(
    given: Sequence[tuple[bytes, bytes]], request_id: str, quotas: QuotaFields | None
) -> list[tuple[bytes, bytes]]:
    """What every answer has beside the headers that it was given."""
    return [*standing_headers(tuple([name for name, _ in given])), *changing_headers(request_id, quotas)]


@lru_cache(maxsize=256)
def standing_headers(given: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    """Those that are the same in every answer with headers of these names."""
    unkept = [] if b"cache-control" in given else [UNKEPT]
    return [*unkept, *(header for header in RAW_SECURITY_HEADERS if header[0] not in given)]


def changing_headers(request_id: str, quotas: QuotaFields | None) -> list[tuple[bytes, bytes]]:
    """The headers that no two answers have alike."""
    return [(b"x-request-id", request_id.encode()), *(quotas.headers() if quotas else ())]


def count_answer(method: str, route: str, status: int, seconds: float, way: Way) -> None:
    """Count a request under its route's template, and the way that it took."""
    count, observe = find_meters(method, route, status, way)
    count()
    observe(seconds)


@lru_cache(maxsize=1_024)
def find_meters(method: str, route: str, status: int, way: Way) -> tuple[Callable[[], None], Callable[[float], None]]:
    """What counts such answers, and what notes their time."""
    count = metrics.REQUESTS.of(method, route, str(status), way).inc
    return count, metrics.REQUEST_DURATION.of(method, route).observe


def route_of(scope: Scope) -> str:
    """The path template of the route, `none` where no route was found."""
    return str(getattr(scope.get("route"), "path", "none"))


def as_problem(error: Exception) -> Problem:
    """What to tell the client of an exception that nothing else answered; never its text."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, TimeoutError):
        return TimedOut("no answer in time; what was sent may have been stored: send it again with the same ids")
    return Problem("this is a defect of Mayday: please report it with the request id")
