"""One request with a body that its connection takes itself (api/http/fast_lane.py): from its head to its answer."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Protocol

from api.http.bodies import BodyBudget
from api.http.head import Head
from api.http.middleware import QuotaFields, choose_request_id
from api.http.problems import Problem
from api.http.responses import Ready
from common.telemetry import traces


class Asker(Protocol):
    """Who a request comes from."""

    def log_fields(self) -> Mapping[str, str]:
        """What log lines say of it."""


class NobodyWaits:
    """For what uvicorn wakes at the end of a connection."""

    def set(self) -> None:
        pass


NOBODY_WAITS = NobodyWaits()


class Exchange:
    """While it is under way it stands where uvicorn's protocol keeps its cycle, and has what that looks at.

    Its body counts among those that the process holds from here on until it completes, which it does once. Each handler
    has a kind of its own, which says what is done once the body is whole.
    """

    __slots__ = (
        *("head", "asker", "quotas", "body_bytes", "bodies", "send"),
        *("is_complete", "started", "request_id", "pieces", "span", "problem"),
        *("more_body", "keep_alive", "response_started", "response_complete", "disconnected", "message_event"),
    )

    def __init__(
        self,
        head: Head,
        asker: Asker,
        quotas: QuotaFields,
        body_bytes: int,
        bodies: BodyBudget,
        send: Callable[["Exchange", Ready], None],
    ) -> None:
        self.head = head
        self.asker = asker
        self.quotas = quotas
        self.body_bytes = body_bytes
        self.bodies = bodies
        bodies.total_bytes += body_bytes
        self.send = send
        self.is_complete = False
        self.started = perf_counter()
        self.request_id = choose_request_id(head.fields.get(b"x-request-id"))
        self.span = traces.begin_request(head.method, head.path, head.fields.get(b"traceparent"))
        self.pieces: list[bytes] = []
        self.problem: Problem | None = None  # that it was answered with, for its line in the log
        self.more_body = self.keep_alive = True
        self.response_started = self.response_complete = self.disconnected = False
        self.message_event = NOBODY_WAITS

    def is_for_route(self) -> bool:
        """Whether, now that the body is whole, it turns out that only the route can answer; then nothing of it was counted."""
        return False

    def take(self) -> None:
        """Have the body, which is whole, judged and answered, now or later. Raises nothing."""
        raise NotImplementedError

    def complete(self) -> bool:
        """Answered, failed or abandoned: whether it is so now, and was not before."""
        is_first = not self.is_complete
        if is_first:
            self.is_complete = True
            self.bodies.total_bytes -= self.body_bytes
        return is_first

    @property
    def route(self) -> str:
        """The template of its path, by which it is counted."""
        return self.head.path

    @property
    def body(self) -> bytes:
        """What it brought, once that is whole."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
