"""One client's connection: HTTP a request at a time (api/http/sequence.py), with limits, so that no client holds more than
its share by being slow.

A head must arrive whole within `header_seconds` and in `header_max_bytes`; a body that nobody waits for any more is
read for LINGER_SECONDS; an answer must be taken within SEND_SECONDS; and when there are `connections_max`, the one
that waits longest for a request makes room for the new one. What HTTP itself forbids is answered as a problem too.
And what is asked most is answered here, without the framework: what is held ready (api/reads/fast.py) as soon as the
head is there, and errors (api/ingest/fast.py) as soon as their body is whole and they are stored.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from time import monotonic
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from api.http.bodies import body_too_slow
from api.http.exchange import FAST_TARGETS as FAST_WRITES
from api.http.exchange import Exchange, Posted, read_post
from api.http.framing import read_framing
from api.http.known_requests import KnownRequests
from api.http.problems import BadRequest, HeadTooLarge, Problem, RequestTooSlow, Unavailable
from api.http.responses import Headers, Ready, as_bytes, as_lines
from api.http.sequence import Sequence
from api.ingest.fast import FastWrites
from api.reads.fast import FAST_TARGETS as FAST_READS
from api.reads.fast import FastReads, PlainGet, read_request
from common.settings import Settings

# A client that is told 413 may be sending still: what comes is thrown away for so long, that it sees the answer.
LINGER_SECONDS = 2.0
# An answer that the client does not take in this time is thrown away with its connection.
SEND_SECONDS = 30.0


class Connection(Sequence):
    """Made by uvicorn for every connection. Its settings are those that the application's lifespan yields."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.settings = cast("Settings", self.app_state["settings"])
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.waits_since: float | None = monotonic()  # for a whole head; None while a request is under way
        self.has_begun = False
        self.begun_here = 0  # requests, in what is being received
        self.asked: PlainGet | None = None  # of what is held ready, by the last of them
        self.posted: Posted | None = None  # by the last of them
        self.known_requests = KnownRequests()
        self.is_sure = True  # what all requests so far mean: else only the server and the routes read the next ones
        self.is_answered = False  # the request that is being parsed, by what was held ready
        self.has_answered = False  # itself, in what is being received
        self.exchange: Exchange | None = None  # whose body is being received
        self.fast_reads = cast("FastReads", self.app_state["fast_reads"])
        self.fast_writes = cast("FastWrites", self.app_state["fast_writes"])
        self.stopping = cast("asyncio.Event", self.app_state["stopping"])
        super().connection_made(transport)
        self.after("head", self.settings.header_seconds, self.give_up_on_head)
        if len(self.connections) > self.settings.connections_max:
            self.make_room()

    def make_room(self) -> None:
        """Close the connection that waits longest for a request; with none of them waiting, this one."""
        others = [c for c in self.connections if isinstance(c, Connection) and c is not self]
        waiting = [(c.waits_since, c) for c in others if c.waits_since and not c.transport.is_closing()]
        if waiting:
            min(waiting, key=itemgetter(0))[1].close()
        else:
            self.refuse(Unavailable("all connections are in use: try again in a moment"))

    def data_received(self, data: bytes) -> None:
        if self.known_requests.may_know(data) and self.pass_parser(data):
            return
        was_between = self.is_between and not self.received.waiting
        self.begun_here, self.asked, self.posted = 0, None, None
        self.received.add(data)
        self.go_on()
        if was_between and self.begun_here == 1 and not self.received.waiting:
            self.known_requests.note(data, self.asked if self.is_between else None, self.posted)

    def go_on(self) -> None:
        self.has_answered = False
        super().go_on()
        if self.unread_bytes > self.settings.header_max_bytes:
            self.refuse(head_too_large(self.settings))
        if self.exchange is not None and "body" not in self.timers:
            self.after("body", self.settings.body_seconds, partial(self.give_up_on_body, self.exchange))
        if self.waits_since is None or self.transport.is_closing() or (self.has_answered and not self.has_begun):
            return
        if "head" not in self.timers:
            self.after("head", self.settings.header_seconds, self.give_up_on_head)

    @property
    def is_between(self) -> bool:
        return not self.has_begun and self.waits_since is not None

    def on_message_begin(self) -> None:
        """The server makes the scope here; it is made later, where it is needed."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.is_answered = self.is_upgrade = False
        self.has_begun = True
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
        self.waits_since = None
        version = self.parser.get_http_version()
        self.received.body_bytes, fields = read_framing(version, self.url, self.headers)
        if fields is None:
            self.step_aside()
            self.expect_100_continue = version == "1.1" and expects_continue(self.headers)
        elif self.is_free:
            self.take_lane(method, fields)
        if self.exchange is not None:
            self.cycle = cast("RequestResponseCycle", self.exchange)
        elif not self.is_answered:
            self.begin_cycle()

    def take_lane(self, method: bytes, fields: dict[bytes, bytes]) -> None:
        """Answer a hot read, or begin a hot write, where that can be done here."""
        if self.url in FAST_READS and method == b"GET":
            self.asked = read_request(self.url, fields)
            self.is_answered = self.asked is not None and self.send_held(self.asked)
        elif self.url in FAST_WRITES and method == b"POST":
            self.posted = read_post(self.url, self.headers, fields)
            if self.posted is not None:
                self.exchange = self.fast_writes.begin(self.posted, self.posted.body_bytes, self.send_outcome)

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
        if self.received.waiting or not (self.is_between and self.is_idle) or self.transport.is_closing():
            return False
        asked, posted, body = self.known_requests.recall(data)
        is_taken = self.send_held(asked) if asked else posted is not None and self.take_whole(posted, body)
        if is_taken:
            self.cancel("head")
        return is_taken

    def take_whole(self, posted: Posted, body: bytes) -> bool:
        """Take a hot write whose body is there."""
        exchange = self.fast_writes.begin(posted, len(body), self.send_outcome)
        if exchange is not None:
            self.has_begun, self.waits_since = True, None
            exchange.more_body = False
            exchange.pieces.append(body)
            self.cycle = cast("RequestResponseCycle", exchange)
            self.fast_writes.take(exchange)
        return exchange is not None

    def send_held(self, asked: PlainGet) -> bool:
        """Answer a hot read, if this process holds what it asks for."""
        ready = self.fast_reads.answer(asked)
        if ready is not None:
            self.send_ready(ready)
            self.look_for_next()
            self.await_next()
        return ready is not None

    def send_outcome(self, exchange: Exchange, ready: Ready) -> None:
        """Answer a hot write, as uvicorn's cycle does."""
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
        self.has_answered = True

    def await_next(self) -> None:
        self.waits_since, self.unread_bytes, self.has_begun = monotonic(), 0, False

    def on_body(self, body: bytes) -> None:
        self.unread_bytes = 0
        if self.exchange is None:
            super().on_body(body)
        else:
            self.exchange.pieces.append(body)

    def on_message_complete(self) -> None:
        if self.is_answered or self.is_upgrade:
            return
        self.unread_bytes = 0
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if "linger" in self.timers:
            self.cancel("linger")
            self.await_next()
        if self.exchange is not None:
            self.cancel("body")
            exchange, self.exchange = self.exchange, None
            self.fast_writes.take(exchange)

    def on_response_complete(self) -> None:
        self.look_for_next()
        if self.flow.read_paused:  # since the body was not taken
            self.flow.resume_reading()
        if self.transport.is_closing():
            self.after("flush", SEND_SECONDS, self.transport.abort)
        elif self.cycle.response_complete and self.cycle.more_body:
            self.after("linger", LINGER_SECONDS, self.close)
        elif self.cycle.response_complete and self.waits_since is None:
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
        waited = 0.0 if self.waits_since is None or self.has_begun else monotonic() - self.waits_since
        left = self.timeout_keep_alive - waited
        if left <= 0:
            self.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self.timers):
            self.cancel(name)
        if self.exchange is not None:
            self.fast_writes.responder.abandon(self.exchange)
        super().connection_lost(exc)

    def give_up_on_head(self) -> None:
        """Nothing is said to a client that sent nothing: it may take the answer for one to its next request."""
        if self.has_begun:
            self.refuse(RequestTooSlow(f"the headers must arrive within {self.settings.header_seconds:g} s"))
        else:
            self.close()

    def give_up_on_body(self, exchange: Exchange) -> None:
        self.exchange = None
        exchange.response_complete = True  # what comes now is thrown away
        self.fast_writes.responder.fail(exchange, body_too_slow(self.settings))

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


def expects_continue(headers: Headers) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


def head_too_large(settings: Settings) -> HeadTooLarge:
    return HeadTooLarge(f"path and headers may have {settings.header_max_bytes:,} bytes: send fewer, or shorter ones")
