"""The two requests that services send all day, answered by the connection itself where this process knows their key.

The routes stay the ones in OpenAPI and take everything else: bodies that are packed, large, or come in chunks, other
forms of a key, pages of other origins. The work is the same (api/ingest/intake.py); what is left out is the framework
around it, which costs several times what is done to a single error. A single error needs no task either: its row goes
to the writer as soon as its body is whole, and the commit calls back.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json

from api.auth import Caller, KeyRing, recall_caller
from api.bodies import Held
from api.ingest.flushing import Outcome
from api.ingest.intake import Intake, Sent, describe_one
from api.ingest.routes import PREFIX, batch_status, place_of
from api.ingest.rows import Row
from api.ingest.schemas import BatchAnswer, ErrorAnswer
from api.ingest.turns import LARGE_BYTES
from api.limits import Allowance, Limits, charge
from api.middleware import RequestLines, as_problem, choose_request_id, count_answer
from api.problems import Problem, respond
from api.ready import Answer, Headers, Ready, as_ready, changing_lines, compress, note
from common.compression import COMPRESS_FROM_BYTES
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import metrics, traces

BATCH, ONE = f"{PREFIX}/batch", f"{PREFIX}/log"
# The request targets that may be taken here, as they stand in the request line.
HOT_TARGETS = {path.encode(): path for path in (BATCH, ONE)}
# What only the server, the routing or the middleware can deal with.
NOT_PLAIN = {b"content-encoding", b"expect", b"origin", b"transfer-encoding", b"upgrade", b"x-api-key"}


NO_ID = UUID(int=0)  # stands in answers that are made beforehand where an error's id will
NO_ID_TEXT = str(NO_ID).encode()


class Posted(NamedTuple):
    """A plain POST of errors, as far as its head says."""

    path: str
    headers: Headers
    authorization: bytes
    content_type: str | None
    request_id: bytes | None
    body_bytes: int


class NobodyWaits:
    """For what uvicorn wakes at the end of a connection."""

    def set(self) -> None:
        pass


NOBODY_WAITS = NobodyWaits()


class Exchange:
    """One request that brings errors, from its head to its answer.

    While it is under way it stands where uvicorn's protocol keeps its cycle, and has what that looks at.
    """

    __slots__ = (
        *("posted", "caller", "allowance", "body_bytes", "send", "started", "request_id", "pieces", "timer"),
        *("more_body", "keep_alive", "response_started", "response_complete", "disconnected", "message_event"),
    )

    def __init__(
        self,
        posted: Posted,
        caller: Caller,
        allowance: Allowance,
        body_bytes: int,
        send: Callable[["Exchange", Ready], None],
    ) -> None:
        self.posted = posted
        self.caller = caller
        self.allowance = allowance
        self.body_bytes = body_bytes
        self.send = send
        self.started = perf_counter()
        self.request_id = choose_request_id(posted.request_id)
        self.pieces: list[bytes] = []
        self.timer: asyncio.TimerHandle | None = None
        self.more_body = self.keep_alive = True
        self.response_started = self.response_complete = self.disconnected = False
        self.message_event = NOBODY_WAITS

    @property
    def whole_body(self) -> bytes:
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)


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

    def begin(self, posted: Posted, body_bytes: int, send: Callable[[Exchange, Ready], None]) -> Exchange | None:
        """The exchange for this POST with a body of so many bytes; None where only the route can take it. `send` gets the
        answer."""
        if body_bytes > self.body_max_bytes or self.bodies.total_bytes + body_bytes > self.bodies_max_bytes:
            return None
        caller = recall_caller(self.key_ring, posted.authorization, KeyScope.ingest)
        if caller is None or traces.is_on():
            return None
        allowance = self.limits.allowance(caller.project_id, caller.key_id, ingest=True)
        self.bodies.total_bytes += body_bytes
        return Exchange(posted, caller, allowance, body_bytes, send)

    def take(self, exchange: Exchange) -> None:
        """Judge the body, which is whole, and have it answered, now or after the commit."""
        body = exchange.whole_body
        metrics.BODY_BYTES.of("sent").inc(len(body))
        metrics.BODY_BYTES.of("unpacked").inc(len(body))
        try:
            charge(exchange.allowance)
            sent = Sent(exchange.caller, exchange.allowance, exchange.posted.content_type, body)
            if exchange.posted.path == BATCH:
                self.answer_after(exchange, self.start(self.intake.take_batch(sent)), self.answer_batch)
            else:
                [row] = rows = self.intake.judge_one(sent)
                self.answer_after(exchange, self.intake.writer.submit(rows), partial(self.answer_one, row))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.fail(exchange, error)

    def start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def answer_after(
        self, exchange: Exchange, outcome: "asyncio.Future[Any]", answer: Callable[[Exchange, Any], None]
    ) -> None:
        """Answer with what became of it, or that this did not come in time."""
        left = self.request_seconds - (perf_counter() - exchange.started)
        exchange.timer = outcome.get_loop().call_later(left, outcome.cancel)
        outcome.add_done_callback(partial(self.finish, exchange, answer))

    def finish(
        self, exchange: Exchange, answer: Callable[[Exchange, Any], None], outcome: "asyncio.Future[Any]"
    ) -> None:
        if exchange.timer is not None:
            exchange.timer.cancel()
        try:
            answer(exchange, outcome.result())
        except asyncio.CancelledError:
            self.fail(exchange, TimeoutError())
        except Exception as error:  # noqa: BLE001 - as in `take`
            self.fail(exchange, error)

    def answer_batch(self, exchange: Exchange, batch: BatchAnswer) -> None:
        self.answer(exchange, as_json(batch_status(batch), to_json(batch)))

    def answer_one(self, row: Row, exchange: Exchange, outcomes: list[Outcome]) -> None:
        """Raises Invalid."""
        [outcome] = outcomes
        if row.adjustments or outcome is Outcome.rejected:
            self.answer(exchange, tell_one(describe_one(row, outcomes)))
        else:
            event_id, same = str(row.event_id).encode(), tell_unchanged(outcome)
            head, body = (part.replace(NO_ID_TEXT, event_id) for part in (same.head, same.body))
            self.end(exchange, Ready(same.status, head, body))

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with the problem that this is."""
        problem = as_problem(error)
        response = respond(problem, exchange.posted.path, exchange.request_id)
        answer = Answer(response.status_code, response.raw_headers, bytes(response.body))
        self.answer(exchange, answer, error if problem.status == Problem.status else None)

    def answer(self, exchange: Exchange, answer: Answer, defect: Exception | None = None) -> None:
        if len(answer.body) < COMPRESS_FROM_BYTES:
            self.end(exchange, as_ready(answer), defect)
        else:
            self.start(self.compress_and_end(exchange, answer, defect))

    async def compress_and_end(self, exchange: Exchange, answer: Answer, defect: Exception | None) -> None:
        self.end(exchange, as_ready(await compress(answer, exchange.posted.headers)), defect)

    def end(self, exchange: Exchange, same: Ready, defect: Exception | None = None) -> None:
        """Send the answer, with the lines that no two have alike, and count it."""
        self.bodies.total_bytes -= exchange.body_bytes
        head = same.head + changing_lines(exchange.request_id, exchange.allowance)
        exchange.send(exchange, Ready(same.status, head, same.body))
        seconds, path = perf_counter() - exchange.started, exchange.posted.path
        note(self.lines, ("POST", path), (same.status, seconds), exchange.request_id, exchange.caller, defect)

    def abandon(self, exchange: Exchange) -> None:
        """Count a request whose client went away before its body was whole."""
        self.bodies.total_bytes -= exchange.body_bytes
        count_answer("POST", exchange.posted.path, 0, perf_counter() - exchange.started)


def read_post(target: bytes, sent: Headers) -> Posted | None:
    """What a POST to one of HOT_TARGETS with these headers, their names in lower case, says before its body; None where
    only the route can take it."""
    headers = dict(sent)
    length = headers.get(b"content-length", b"")
    if len(headers) < len(sent) or not NOT_PLAIN.isdisjoint(headers) or not length.isdigit():
        return None
    content_type = headers.get(b"content-type")
    return Posted(
        HOT_TARGETS[target],
        sent,
        headers.get(b"authorization", b""),
        None if content_type is None else content_type.decode("latin-1"),
        headers.get(b"x-request-id"),
        int(length),
    )


@lru_cache(maxsize=len(Outcome))
def tell_unchanged(outcome: Outcome) -> Ready:
    """What is answered for an error that is stored as it was sent, with NO_ID for its id: the model's own words, made
    once, since they cost a tenth of a single error."""
    return as_ready(tell_one(ErrorAnswer(id=NO_ID, outcome=str(outcome), adjustments=[])))


def tell_one(one: ErrorAnswer) -> Answer:
    return as_json(201, to_json(one), (b"location", place_of(one).encode()))


def as_json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """With the headers that Starlette's Response would give it, at a quarter of the price."""
    return Answer(
        status, [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *headers], body
    )
