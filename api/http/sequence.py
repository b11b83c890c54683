"""HTTP on one connection, a request at a time: uvicorn's protocol, which would read all that a client sends ahead, drop
what stands behind an Upgrade, and close where the client has only ended its own side.

What stands behind a request waits as bytes until it is answered, and nothing more is received meanwhile. An Upgrade is
ignored, as RFC 9110, 7.8 allows: the request is the one that it would be without. `Connection` (api/http/connection.py)
adds what is ours.
"""

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.framing import Received, without_upgrade
from api.http.problems import BadRequest, Problem

# So many pieces of what was received are read in one turn of the event loop: the rest gives way to others.
PIECES_A_TURN = 32


class Flow(FlowControl):
    """Stops receiving for two reasons: a body that is not taken (uvicorn's), and requests that wait for their turn."""

    is_held = False

    def hold(self) -> None:
        self.is_held = True
        self.pause_reading()

    def release(self) -> None:
        self.is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()


class Sequence(HttpToolsProtocol):
    """Gives `Connection` the events of one request after the other."""

    flow: Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.received = Received()
        self.unread_bytes = 0  # of a head, or of chunks without data, that were received so far
        self.has_ended = False  # the client its side
        self.is_upgrade = False  # what is being parsed, which comes again without it
        self.turn: asyncio.Handle | None = None  # the next, in which what waits is looked at
        super().connection_made(cast("asyncio.Transport", transport))
        self.flow = Flow(self.transport)

    @property
    def is_owing(self) -> bool:
        """Whether a request that is whole has no answer yet."""
        cycle: Any = self.cycle  # None before the first
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    def go_on(self) -> None:
        """Parse what was received, up to the end of a request that is not answered at once."""
        if self.turn is not None:
            self.cancel_turn()
        pieces = 0
        while self.received.waiting and not self.is_owing and not self.transport.is_closing():
            if pieces == PIECES_A_TURN:
                self.go_on_soon()
                break
            pieces += 1
            self.parse(self.received.take())
        if self.received.waiting or self.flow.is_held:
            self.wait_for_more()

    def wait_for_more(self) -> None:
        """Receive more once nothing waits any more; end what the client has ended."""
        if self.received.waiting:
            self.flow.hold()
        elif self.has_ended:
            self.end()
        else:
            self.flow.release()

    def go_on_soon(self) -> None:
        """Look at what waits in a turn of its own, so that one connection's requests do not go before all others'."""
        if self.turn is None and (self.received.waiting or self.has_ended):
            self.turn = self.loop.call_soon(self.go_on)

    def cancel_turn(self) -> None:
        if self.turn is not None:
            self.turn.cancel()
            self.turn = None

    def parse(self, piece: bytes) -> None:
        if not self.received.body_bytes:
            self.unread_bytes += len(piece)
        self.feed(piece)
        if self.is_upgrade:
            self.parse_without_upgrade()

    def feed(self, piece: bytes) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # known to `is_upgrade`
        except httptools.HttpParserError as error:
            raised = error.__context__  # by one of the callbacks
            self.refuse(raised if isinstance(raised, Problem) else BadRequest(f"this is not HTTP: {error}"))

    def parse_without_upgrade(self) -> None:
        """Where it stops at an Upgrade, the parser has read the head and takes no body; a new one gets the head again."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = httptools.HttpRequestParser(self)
        self.feed(without_upgrade(method, self.url, version, self.headers))

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client may send no more and wait for its answer: it gets it, and then the connection is closed."""
        self.has_ended = True
        self.flow.is_held = True  # what is read from now on is this end again
        if not self.received.waiting:
            self.end()
        return True

    def end(self) -> None:
        """Close a connection whose client has ended its side, once all that came whole is answered."""
        if self.is_owing or self.transport.is_closing():
            return
        if self.is_between:
            self.close()
        else:
            self.refuse(BadRequest("the connection ended before the request was whole: send it again"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.cancel_turn()
        self.received.clear()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    @property
    def is_between(self) -> bool:
        """Whether no request has begun since the last one was answered."""
        raise NotImplementedError

    def refuse(self, problem: Problem) -> None:
        """Say why and close."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
