"""One client's connection: HTTP a request at a time (api/http/sequence.py), with limits, so that no client holds more than
its share by being slow.

A head must arrive whole within `header_seconds` and in `header_max_bytes`; a body that nobody waits for any more is
read for LINGER_SECONDS; an answer must be taken within SEND_SECONDS; and when there are `connections_max`, the one
that waits longest for a request makes room for the new one. What HTTP itself forbids is answered as a problem too.
And what is asked most is answered here, without the framework, by the handlers of the fast lane (api/http/fast_lane.py)
that the application gives it: at once, or as soon as a body is whole and dealt with.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Literal, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from api.http.bodies import body_too_slow
from api.http.exchange import Exchange
from api.http.fast_lane import FastLane, FastRequest, find_request
from api.http.head import Head, expects_continue, read_head
from api.http.known_requests import KnownRequests
from api.http.problems import BadRequest, HeadTooLarge, Problem, RequestTooSlow, Unavailable
from api.http.responder import Responder
from api.http.responses import Ready, as_bytes, as_lines
from api.http.sequence import Sequence
from common.settings import Settings

# A client that is told 413 may be sending still: what comes is thrown away for so long, that it sees the answer.
LINGER_SECONDS = 2.0
# An answer that the client does not take in this time is thrown away with its connection.
SEND_SECONDS = 30.0


# Where a connection is with its requests: the last one is answered and the next has not begun; or its head has, or that is
# whole and its body or its answer is not. Words, since to name a member of an Enum costs a fiftieth of a hot read.
Stage = Literal["between", "in head", "under way"]


class Connection(Sequence):
    """Made by uvicorn for every connection. Its settings are those that the application's lifespan yields."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.settings = cast("Settings", self.app_state["settings"])
        self.lane = cast("FastLane", self.app_state["fast_lane"])
        self.responder = cast("Responder", self.app_state["responder"])
        self.stopping = cast("asyncio.Event", self.app_state["stopping"])
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.stage: Stage = "between"
        self.waits_since = monotonic()  # for a whole head, where none is under way
        self.is_sure = True  # what all requests so far mean: else only the server and the routes read the next ones
        self.begun_here = 0  # requests, in what is being received
        self.taken_here: FastRequest | None = None  # the last of them that the lane took
        self.exchange: Exchange | None = None  # whose body is being received
        self.known_requests = KnownRequests()
        super().connection_made(transport)
        self.after("head", self.settings.header_seconds, self.give_up_on_head)
        if len(self.connections) > self.settings.connections_max:
            self.make_room()

    def make_room(self) -> None:
        """Close the connection that waits longest for a request; with none of them waiting, this one."""
        others = [c for c in self.connections if isinstance(c, Connection) and c is not self]
        waiting = [c for c in others if c.stage != "under way" and not c.transport.is_closing()]
        if waiting:
            min(waiting, key=lambda c: c.waits_since).close()
        else:
            self.refuse(Unavailable("all connections are in use: try again in a moment"))

    def data_received(self, data: bytes) -> None:
        if self.known_requests.may_know(data) and self.pass_parser(data):
            return
        was_between = self.stage == "between" and not self.received.waiting
        self.read_requests(data)
        if was_between and self.begun_here == 1 and self.taken_here is not None and not self.received.waiting:
            self.known_requests.note(data, self.taken_here)

    def read_requests(self, data: bytes) -> None:
        self.begun_here, self.taken_here = 0, None
        self.received.add(data)
        self.go_on()

    def go_on(self) -> None:
        super().go_on()
        if self.unread_bytes > self.settings.header_max_bytes:
            self.refuse(head_too_large(self.settings))
        if self.exchange is not None and "body" not in self.timers:
            self.after("body", self.settings.body_seconds, partial(self.give_up_on_body, self.exchange))
        if self.stage == "under way" or not self.unread_bytes or self.transport.is_closing():
            return
        if "head" not in self.timers:
            self.after("head", self.settings.header_seconds, self.give_up_on_head)

    @property
    def is_between(self) -> bool:
        return self.stage == "between"

    def on_message_begin(self) -> None:
        """The server makes the scope here; it is made later, where it is needed."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.is_upgrade = False
        self.stage = "in head"
        self.begun_here += 1
        self.waits_since = monotonic()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.unread_bytes > self.settings.header_max_bytes:
            raise head_too_large(self.settings)
        method, self.is_upgrade = self.parser.get_method(), self.parser.should_upgrade()
        if method == b"CONNECT":
            raise BadRequest("this is no proxy: CONNECT is not taken")
        if self.is_upgrade:
            self.step_aside()
            return
        self.cancel("head")
        self.stage = "under way"
        head = read_head(method, self.parser.get_http_version(), self.url, self.headers)
        self.received.body_bytes = head.body_bytes
        if not head.is_sure:
            self.step_aside()
            self.expect_100_continue = self.parser.get_http_version() == "1.1" and expects_continue(self.headers)
        if not (self.is_free and self.take_lane(head)):
            self.begin_cycle()

    def take_lane(self, head: Head) -> bool:
        """Answer the request, or begin its exchange, where a handler of the lane does that."""
        request = find_request(self.lane, self.url, head)
        if request is None or not self.begin(request, head.body_bytes):
            return False
        self.taken_here = request
        return True

    def begin(self, request: FastRequest, body_bytes: int) -> bool:
        """Have the handler answer, or take what it begins as the request under way; False where it does neither."""
        begun = request.handler.begin(request.asked, body_bytes, self.send_outcome)
        if isinstance(begun, Ready):
            self.send_ready(begun)
            self.look_for_next()
            self.await_next()
        elif begun is not None:
            self.exchange, self.cycle = begun, cast("RequestResponseCycle", begun)
            self.stage = "under way"
        return begun is not None

    def step_aside(self) -> None:
        """Leave this request and all that follow to the server and the routes."""
        self.is_sure = False
        self.known_requests = KnownRequests()

    def begin_cycle(self) -> None:
        """Have the routes answer."""
        if self.is_owing:
            raise BadRequest("a request began before the one before it had ended")
        self.make_scope()
        super().on_headers_complete()
        self.headers = []  # trailers, which nobody reads: the scope has its own

    def make_scope(self) -> None:
        """As the server does at a message's beginning, around what was parsed since."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the scope has this list

    @property
    def is_free(self) -> bool:
        """Whether nothing is under way, and the request is plain and does not end the connection."""
        return self.is_sure and self.is_idle and bool(self.parser.should_keep_alive())

    @property
    def is_idle(self) -> bool:
        """Whether no answer is owed, the client reads, and the process is not stopping."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused and not self.stopping.is_set()

    def pass_parser(self, data: bytes) -> bool:
        """Deal with a request that came as before without reading it again, if it is one: that is dearer than to answer.

        Only between two requests, where the parser stands at a beginning, may it go without these bytes.
        """
        is_free = self.stage == "between" and self.is_idle and not self.received.waiting
        if not is_free or self.transport.is_closing():
            return False
        request, body = self.known_requests.recall(data)
        if request is None or not self.begin(request, len(body)):
            return False
        self.cancel("head")
        if self.exchange is None:
            return True
        self.exchange.pieces.append(body)
        if self.exchange.is_for_route():
            self.leave_exchange()
            self.await_next()
            return False
        self.take_whole()
        return True

    def leave_exchange(self) -> bytes:
        """Have the exchange under way as good as never begun; gives its body."""
        exchange, self.exchange = cast("Exchange", self.exchange), None
        exchange.complete()
        exchange.response_complete, exchange.more_body = True, False  # for the server, which looks at what was before
        return exchange.body

    def hand_over(self) -> None:
        """Have the routes answer what an exchange was begun for, whose body is whole."""
        body = self.leave_exchange()
        self.begin_cycle()
        super().on_body(body)
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def take_whole(self) -> None:
        """Hand over the exchange whose body is whole."""
        exchange, self.exchange = cast("Exchange", self.exchange), None
        exchange.more_body = False
        exchange.take()

    def send_outcome(self, exchange: Exchange, ready: Ready) -> None:
        """Answer the request of an exchange, as uvicorn's cycle does."""
        exchange.response_complete = True
        if self.transport.is_closing():
            return
        is_last = self.stopping.is_set() or not exchange.keep_alive
        self.send_ready(ready, b"connection: close\r\n" if is_last else b"")
        if is_last:
            self.transport.close()
        self.on_response_complete()

    def send_ready(self, ready: Ready, more: bytes = b"") -> None:
        date = as_lines(self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[ready.status], date, ready.head, more, b"\r\n", ready.body)))

    def await_next(self) -> None:
        self.stage, self.waits_since, self.unread_bytes = "between", monotonic(), 0

    def on_body(self, body: bytes) -> None:
        self.unread_bytes = 0
        if self.exchange is None:
            super().on_body(body)
        else:
            self.exchange.pieces.append(body)

    def on_message_complete(self) -> None:
        if self.stage != "under way":  # it is answered, or comes again without its Upgrade
            return
        self.unread_bytes = 0
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if "linger" in self.timers:
            self.cancel("linger")
            self.await_next()
        if self.exchange is not None:
            self.cancel("body")
            if self.exchange.is_for_route():
                self.hand_over()
            else:
                self.take_whole()

    def on_response_complete(self) -> None:
        self.look_for_next()
        if self.flow.read_paused:  # since the body was not taken
            self.flow.resume_reading()
        if self.transport.is_closing():
            self.after("flush", SEND_SECONDS, self.transport.abort)
        elif self.cycle.response_complete and self.cycle.more_body:
            self.after("linger", LINGER_SECONDS, self.close)
        elif self.cycle.response_complete and self.stage == "under way":
            self.await_next()
        self.go_on_soon()

    def look_for_next(self) -> None:
        """As the server does at the end of an answer; but a timer that runs still looks at the time when it is up."""
        if self.timeout_keep_alive_task is None:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1

    def pause_writing(self) -> None:
        super().pause_writing()
        self.after("write", SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.cancel("write")

    def timeout_keep_alive_handler(self) -> None:
        """Close, unless a request came meanwhile: they leave the timer alone, since a new one costs as much as to find out
        what they ask."""
        waited = monotonic() - self.waits_since if self.stage == "between" else 0.0
        left = self.timeout_keep_alive - waited
        if left <= 0:
            self.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self.timers):
            self.cancel(name)
        if self.exchange is not None:
            self.responder.abandon(self.exchange)
        super().connection_lost(exc)

    def give_up_on_head(self) -> None:
        """Nothing is said to a client that sent nothing: it may take the answer for one to its next request."""
        if self.stage == "in head":
            self.refuse(RequestTooSlow(f"the headers must arrive within {self.settings.header_seconds:g} s"))
        else:
            self.close()

    def give_up_on_body(self, exchange: Exchange) -> None:
        self.exchange = None
        exchange.response_complete = True  # what comes now is thrown away
        self.responder.fail(exchange, body_too_slow(self.settings))

    def refuse(self, problem: Problem) -> None:
        """Say why and close, unless the request that is wrong has an answer, or part of one."""
        if self.transport.is_closing():
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_under_way = cycle is not None and cycle.more_body
        if not (is_under_way and (self.cycle.response_started or self.cycle.response_complete)):
            self.transport.write(as_bytes(problem))
        if is_under_way:
            self.cycle.disconnected = True  # whoever is at work on it has nothing to add
        self.close()

    def close(self) -> None:
        """Close, and give the client some time to take what was sent."""
        self.transport.close()
        self.after("flush", SEND_SECONDS, self.transport.abort)

    def after(self, name: str, seconds: float, do: Callable[[], None]) -> None:
        self.cancel(name)
        self.timers[name] = self.loop.call_later(seconds, do)

    def cancel(self, name: str) -> None:
        if (timer := self.timers.pop(name, None)) is not None:
            timer.cancel()


def head_too_large(settings: Settings) -> HeadTooLarge:
    return HeadTooLarge(f"path and headers may have {settings.header_max_bytes:,} bytes: send fewer, or shorter ones")
