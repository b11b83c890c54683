"""What a connection may answer by itself: handlers of some request targets, given to it by `create_app`.

A handler lives in the room whose answers it gives; nothing here knows which there are. What is not in the lane, and what
a handler leaves, goes to the routes, which answer the same: the lane is a shorter way, and may be switched off
(MAYDAY_FAST_LANE).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from api.http.exchange import Exchange
from api.http.head import Head
from api.http.responses import Ready

PlainRequest = TypeVar("PlainRequest")


class FastHandler(Protocol[PlainRequest]):
    """Answers the plain requests of one method to one target."""

    @property
    def method(self) -> str: ...

    @property
    def own_fields(self) -> frozenset[bytes]:
        """Fields that it reads as the middleware and the routes would, which leave a head plain for it."""

    def read(self, head: Head, /) -> PlainRequest | None:
        """What this plain head asks, which is the same each time that its bytes come again; None where only the route can
        tell."""

    def begin(
        self, asked: PlainRequest, body_bytes: int, send: Callable[[Exchange, Ready], None], /
    ) -> Ready | Exchange | None:
        """The answer, where it is there at once; or the exchange whose answer `send` will be given, once its body of so
        many bytes is whole; None where this one has to take the route. Never waits."""


# By request target, as it stands in the request line; in one that names a thing by its number NUMBER stands for that. One of a
# single name with a slash behind it (`/p/`) stands for all that are below it.
FastLane = Mapping[bytes, FastHandler[Any]]
NUMBER = b"{number}"
NUMBERED = re.compile(rb"(?<=/)[0-9]{1,18}(?=/)")


@dataclass(slots=True)  # as Head is
class FastRequest:
    """A plain request that a handler of the lane has read."""

    handler: FastHandler[Any]
    asked: Any
    head: Head


def find_request(lane: FastLane, target: bytes, head: Head) -> FastRequest | None:
    """The request as the lane has it; None where only the route can take it."""
    handler = lane.get(target) or lane.get(NUMBERED.sub(NUMBER, target, count=1)) or lane.get(place_of(target))
    if handler is None or handler.method != head.method or not head.is_plain_beside(handler.own_fields):
        return None
    asked = handler.read(head)
    return None if asked is None else FastRequest(handler, asked, head)


def place_of(target: bytes) -> bytes:
    """Its first name, with the slashes around it; empty where there is none."""
    return target[: target.find(b"/", 1) + 1]
