"""Plain requests that come again on their connection, known by their bytes without the parser.

Pages and agents poll with the same bytes, and services send one error after the other with the same head; to read
either costs more than all else that HTTP does to it (docs/decisions/0018 and 0019).
"""

import re
from dataclasses import dataclass
from typing import Self

from api.http.fast_lane import FastRequest
from api.http.framing import END

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
LENGTH_MAX_DIGITS = 9
REMEMBERED_MAX_BYTES = 2_048
NOTHING = None, b""


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head that a parser has read, its bytes in two parts: up to the digits of its Content-Length, and behind them."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, request: bytes, body_bytes: int) -> Self | None:
        """The head of a request that was received alone and whole, with a body of so many bytes; None where these are not
        its bounds."""
        end = request.find(END) + len(END)
        found = LENGTH.search(request, 0, end)
        if found is None or end > REMEMBERED_MAX_BYTES or end + body_bytes != len(request):
            return None
        return cls(request[: found.start(1)], request[found.end(1) : end])

    def find_body(self, received: bytes) -> bytes | None:
        """The body of a whole request that has this head, but for the length; None where anything is different, missing
        or too much."""
        start = len(self.before)
        end = received.find(b"\r", start, start + LENGTH_MAX_DIGITS + 1)
        length = received[start:end]
        body_at = end + len(self.after)
        if end < 0 or not length.isdigit() or int(length) != len(received) - body_at:
            return None
        is_known = received.startswith(self.before) and received.startswith(self.after, end)
        return received[body_at:] if is_known else None


class KnownRequests:
    """Of one connection the last request of the lane without a body, and the last one with one."""

    def __init__(self) -> None:
        self.whole = b""
        self.bare: FastRequest | None = None
        self.head: KnownHead | None = None
        self.bringing: FastRequest | None = None

    def note(self, received: bytes, request: FastRequest) -> None:
        """Remember a request that was received alone: all of one without a body, the head of one that brings something."""
        if request.head.has_body:
            self.head, self.bringing = KnownHead.of(received, request.head.body_bytes), request
        elif len(received) <= REMEMBERED_MAX_BYTES:
            self.whole, self.bare = received, request

    def may_know(self, received: bytes) -> bool:
        return self.head is not None or received == self.whole

    def recall(self, received: bytes) -> tuple[FastRequest | None, bytes]:
        """What was asked with these bytes, or with this head, and the body behind it; nothing for all else."""
        if received == self.whole:
            return self.bare, b""
        body = None if self.head is None else self.head.find_body(received)
        return NOTHING if body is None else (self.bringing, body)
