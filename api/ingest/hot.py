"""The two requests that services send all day, answered by the connection itself where this process knows their key.

The routes stay the ones in OpenAPI and take everything else: bodies that are packed, large, or come in chunks, other
forms of a key, pages of other origins. The work is the same (api/ingest/intake.py); what is left out is the framework
around it, which costs several times what is done to a single error. A single error needs no task either: its row goes
to the writer as soon as its body is whole, and the commit calls back.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import Any

from pydantic_core import to_json

from api.auth import Caller, KeyRing, recall_caller
from api.bodies import Held
from api.ingest.flushing import Outcome
from api.ingest.intake import Intake, Sent, describe_one
from api.ingest.routes import PREFIX, batch_status, place_of
from api.ingest.rows import Row
from api.ingest.schemas import BatchAnswer
from api.ingest.turns import LARGE_BYTES
from api.limits import Allowance, Limits, charge
from api.middleware import RequestLines, as_problem, choose_request_id, count_answer, framing_headers
from api.problems import Problem, respond
from api.ready import Answer, Headers, Ready, as_lines, compress, note
from common.compression import COMPRESS_FROM_BYTES
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import metrics, traces

BATCH, ONE = f"{PREFIX}/batch", f"{PREFIX}/log"
# The request targets that may be taken here, as they stand in the request line.
HOT_TARGETS = {path.encode(): path for path in (BATCH, ONE)}
# What only the server, the routing or the middleware can deal with.
NOT_PLAIN = {b"content-encoding", b"expect", b"origin", b"transfer-encoding", b"upgrade", b"x-api-key"}


class NobodyWaits:
    """For what uvicorn wakes at the end of a connection."""

    def set(self) -> None:
        pass


class Exchange:
    """One request that brings errors, from its head to its answer.

    While it is under way it stands where uvicorn's protocol keeps its cycle, and has what that looks at.
    """

    __slots__ = (
        *("path", "caller", "allowance", "headers", "body_bytes", "send", "started", "request_id", "pieces"),
        *("timer", "more_body", "keep_alive", "response_started", "response_complete", "disconnected", "message_event"),
    )

    def __init__(
        self,
        path: str,
        caller: Caller,
        allowance: Allowance,
        headers: dict[bytes, bytes],
        body_bytes: int,
        send: Callable[["Exchange", Ready], None],
    ) -> None:
        self.path = path
        self.caller = caller
        self.allowance = allowance
        self.headers = headers
        self.body_bytes = body_bytes
        self.send = send
        self.started = perf_counter()
        self.request_id = choose_request_id(headers.get(b"x-request-id"))
        self.pieces: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None
        self.more_body = self.keep_alive = True
        self.response_started = self.response_complete = self.disconnected = False
        self.message_event = NobodyWaits()

    @property
    def whole_body(self) -> bytes:
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    @property
    def content_type(self) -> str | None:
        sent = self.headers.get(b"content-type")
        return None if sent is None else sent.decode("latin-1")


class HotWrites:
    """Takes plain posts of errors, and has each answered once."""

    def __init__(
        self,
        settings: Settings,
        key_ring: KeyRing,
        limits: Limits,
        intake: Intake,
        lines: RequestLines,
        bodies: Held,
    ) -> None:
        self.bodies = bodies
        self.bodies_max_bytes = settings.bodies_max_bytes
        self.request_seconds = settings.request_seconds
        self.body_max_bytes = min(LARGE_BYTES, settings.body_max_bytes)
        self.key_ring = key_ring
        self.limits = limits
        self.intake = intake
        self.lines = lines
        self.tasks: set[asyncio.Task[Any]] = set()

    def begin(self, target: bytes, sent: Headers, send: Callable[[Exchange, Ready], None]) -> Exchange | None:
        """The exchange for a POST to one of HOT_TARGETS with these headers, their names in lower case; None where only
        the route can take it. `send` gets the answer."""
        headers = dict(sent)
        if len(headers) < len(sent) or not NOT_PLAIN.isdisjoint(headers) or traces.is_on():
            return None
        length = headers.get(b"content-length", b"")
        body_bytes = int(length) if length.isdigit() else self.body_max_bytes + 1
        if body_bytes > self.body_max_bytes or self.bodies.total_bytes + body_bytes > self.bodies_max_bytes:
            return None
        caller = recall_caller(self.key_ring, headers.get(b"authorization", b""), KeyScope.ingest)
        if caller is None:
            return None
        allowance = self.limits.allowance(caller.project_id, caller.key_id, ingest=True)
        self.bodies.total_bytes += body_bytes
        return Exchange(HOT_TARGETS[target], caller, allowance, headers, body_bytes, send)

    def take(self, exchange: Exchange) -> None:
        """Judge the body, which is whole, and have it answered, now or after the commit."""
        body = exchange.whole_body
        metrics.BODY_BYTES.of("sent").inc(len(body))
        metrics.BODY_BYTES.of("unpacked").inc(len(body))
        try:
            charge(exchange.allowance)
            sent = Sent(exchange.caller, exchange.allowance, exchange.content_type, body)
            if exchange.path == BATCH:
                self.answer_after(exchange, self.start(self.intake.take_batch(sent)), describe_batch)
            else:
                row = self.intake.judge_one(sent)
                self.answer_after(exchange, self.intake.writer.submit([row]), partial(describe_stored, row))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.fail(exchange, error)

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def answer_after(
        self, exchange: Exchange, outcome: "asyncio.Future[Any]", describe: Callable[[Any], Answer]
    ) -> None:
        """Answer with what is made of the outcome, or that it did not come in time."""
        left = self.request_seconds - (perf_counter() - exchange.started)
        exchange.timer = outcome.get_loop().call_later(left, outcome.cancel)
        outcome.add_done_callback(partial(self.finish, exchange, describe))

    def finish(self, exchange: Exchange, describe: Callable[[Any], Answer], outcome: "asyncio.Future[Any]") -> None:
        if exchange.timer is not None:
            exchange.timer.cancel()
        try:
            answer = describe(outcome.result())
        except asyncio.CancelledError:
            self.fail(exchange, TimeoutError())
        except Exception as error:  # noqa: BLE001 - as in `take`
            self.fail(exchange, error)
        else:
            self.answer(exchange, answer)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with the problem that this is."""
        problem = as_problem(error)
        response = respond(problem, exchange.path, exchange.request_id)
        answer = Answer(response.status_code, response.raw_headers, bytes(response.body))
        self.answer(exchange, answer, error if problem.status == Problem.status else None)

    def answer(self, exchange: Exchange, answer: Answer, defect: Exception | None = None) -> None:
        if len(answer.body) < COMPRESS_FROM_BYTES:
            self.end(exchange, answer, defect)
        else:
            self.start(self.compress_and_end(exchange, answer, defect))

    async def compress_and_end(self, exchange: Exchange, answer: Answer, defect: Exception | None) -> None:
        self.end(exchange, await compress(answer, list(exchange.headers.items())), defect)

    def end(self, exchange: Exchange, answer: Answer, defect: Exception | None) -> None:
        """Send the answer and count it."""
        self.bodies.total_bytes -= exchange.body_bytes
        framing = framing_headers(answer.headers, exchange.request_id, exchange.allowance)
        head = as_lines(answer.headers) + as_lines(framing)
        exchange.send(exchange, Ready(answer.status, head, answer.body))
        seconds = perf_counter() - exchange.started
        note(
            self.lines, ("POST", exchange.path), (answer.status, seconds), exchange.request_id, exchange.caller, defect
        )

    def abandon(self, exchange: Exchange) -> None:
        """Count a request whose client went away before its body was whole."""
        self.bodies.total_bytes -= exchange.body_bytes
        count_answer("POST", exchange.path, 0, perf_counter() - exchange.started)


def describe_stored(row: Row, outcomes: list[Outcome]) -> Answer:
    """Raises Invalid."""
    one = describe_one(row, outcomes)
    return as_json(201, to_json(one), (b"location", place_of(one).encode()))


def describe_batch(batch: BatchAnswer) -> Answer:
    return as_json(batch_status(batch), to_json(batch))


def as_json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """With the headers that Starlette's Response would give it, at a quarter of the price."""
    return Answer(
        status, [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *headers], body
    )
