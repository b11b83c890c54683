"""One request that brings errors, while its connection deals with it: from its head (`read_post`) to its answer."""

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from api.access.keys import Caller, read_bearer
from api.access.quotas import Allowance
from api.http.bodies import BodyBudget
from api.http.middleware import choose_request_id
from api.http.responses import Headers, Ready
from api.ingest.pipeline import Sent
from api.ingest.routes import PREFIX

BATCH, ONE = f"{PREFIX}/batch", f"{PREFIX}/log"
# The request targets that may be taken by the connection, as they stand in the request line.
FAST_TARGETS = {path.encode(): path for path in (BATCH, ONE)}
# What only the server, the routing or the middleware can deal with.
NOT_PLAIN = {b"content-encoding", b"expect", b"origin", b"transfer-encoding", b"upgrade", b"x-api-key"}


class Posted(NamedTuple):
    """A plain POST of errors, as far as its head says."""

    path: str
    headers: Headers
    key: str
    content_type: str | None
    request_id: bytes | None
    body_bytes: int


class NobodyWaits:
    """For what uvicorn wakes at the end of a connection."""

    def set(self) -> None:
        pass


NOBODY_WAITS = NobodyWaits()


class Exchange:
    """While it is under way it stands where uvicorn's protocol keeps its cycle, and has what that looks at.

    Its body counts among those that the process holds from here on until it completes, which it does once.
    """

    __slots__ = (
        *(
            "posted",
            "caller",
            "allowance",
            "body_bytes",
            "bodies",
            "send",
            "is_complete",
            "started",
            "request_id",
            "pieces",
        ),
        *("more_body", "keep_alive", "response_started", "response_complete", "disconnected", "message_event"),
    )

    def __init__(
        self,
        posted: Posted,
        caller: Caller,
        allowance: Allowance,
        body_bytes: int,
        bodies: BodyBudget,
        send: Callable[["Exchange", Ready], None],
    ) -> None:
        self.posted = posted
        self.caller = caller
        self.allowance = allowance
        self.body_bytes = body_bytes
        self.bodies = bodies
        bodies.total_bytes += body_bytes
        self.send = send
        self.is_complete = False
        self.started = perf_counter()
        self.request_id = choose_request_id(posted.request_id)
        self.pieces: list[bytes] = []
        self.more_body = self.keep_alive = True
        self.response_started = self.response_complete = self.disconnected = False
        self.message_event = NOBODY_WAITS

    def complete(self) -> bool:
        """Answered, failed or abandoned: whether it is so now, and was not before."""
        is_first = not self.is_complete
        if is_first:
            self.is_complete = True
            self.bodies.total_bytes -= self.body_bytes
        return is_first

    @property
    def sent(self) -> Sent:
        """What it brought, once its body is whole."""
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        return Sent(self.caller, self.allowance, self.posted.content_type, body)


def read_post(target: bytes, sent: Headers, headers: dict[bytes, bytes]) -> Posted | None:
    """What a POST to one of HOT_TARGETS with these headers, each there once, says before its body; None where only the
    route can take it."""
    length = headers.get(b"content-length", b"")
    if not NOT_PLAIN.isdisjoint(headers) or not length.isdigit():
        return None
    content_type = headers.get(b"content-type")
    return Posted(
        FAST_TARGETS[target],
        sent,
        read_bearer(headers.get(b"authorization", b"")),
        None if content_type is None else content_type.decode("latin-1"),
        headers.get(b"x-request-id"),
        int(length),
    )
