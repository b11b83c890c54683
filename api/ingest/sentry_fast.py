"""Envelopes of Sentry's SDKs, answered by the connection itself where this process knows their key, as the routes answer them.

The routes take what is left: bodies in chunks, keys that stand anywhere but in X-Sentry-Auth, pages, `/store/`. What is left
out is the framework around them, which costs more than all that is done to an event of 5 KB.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

from starlette.types import Message

from api.access.dsn import SENTRY_KEY, count_report, may_be_report
from api.access.keys import Caller, DsnRing, recall_caller
from api.access.quotas import Allowance, Quotas, charge
from api.http.bodies import BodyBudget, BodyReader, count_body_bytes, make_decoder, unpack_at_once
from api.http.exchange import Exchange
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.problems import Problem, QuotaExceeded, Unavailable, Unsupported
from api.http.responder import Responder
from api.http.responses import Ready, Reply, as_json
from api.ingest.pipeline import Sent
from api.ingest.receivers.sentry import Reader
from api.ingest.rows import make_event_id
from api.ingest.scheduler import LARGE_BYTES
from api.ingest.sentry_intake import SentryIntake, Taken
from api.ingest.sentry_routes import ENVELOPES
from common.keys import Scope as KeyScope
from common.telemetry import traces

VARY = (b"vary", b"Origin")  # as the answers of the routes have it, which pages may ask too


class PostedEnvelope(NamedTuple):
    """A plain POST of an envelope, as far as its head says: the key of its DSN, and the number of the project in its path."""

    head: Head
    key: str
    number: str


@dataclass(slots=True, eq=False)
class FastEnvelopes:
    """Takes plain posts of envelopes, packed or not, and has each answered once."""

    method: ClassVar[str] = "POST"
    own_fields: ClassVar[frozenset[bytes]] = frozenset({b"content-encoding"})
    intake: SentryIntake
    dsn_ring: DsnRing
    quotas: Quotas
    bodies: BodyBudget
    responder: Responder
    turns: "Turns" = field(init=False)
    body_max_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.turns = Turns()
        self.body_max_bytes = min(LARGE_BYTES, self.intake.pipeline.settings.body_max_bytes)

    def read(self, head: Head) -> PostedEnvelope | None:
        auth = head.fields.get(b"x-sentry-auth")
        if auth is None or b"authorization" in head.fields:
            return None
        keys = {key.lower() for key in SENTRY_KEY.findall(auth.decode("latin-1"))}
        if len(keys) != 1 or not is_known_coding(head.fields.get(b"content-encoding")):
            return None
        return PostedEnvelope(head, keys.pop(), head.path.split("/")[2])

    def begin(
        self, asked: PostedEnvelope, body_bytes: int, send: Callable[[Exchange, Ready], None]
    ) -> "EnvelopeExchange | None":
        if body_bytes > self.body_max_bytes or not self.bodies.has_room(body_bytes, self.intake.pipeline.settings):
            return None
        caller = recall_caller(self.dsn_ring, asked.key, KeyScope.ingest)
        if caller is None or str(caller.project_number) != asked.number:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=True)
        return EnvelopeExchange(
            asked, caller, allowance, body_bytes, self.bodies, send, self.responder, self.intake, self.turns
        )


def is_known_coding(sent: bytes | None) -> bool:
    try:
        make_decoder([] if sent is None else [sent.decode("latin-1")])
    except Unsupported:
        return False
    return True


class Turns:
    """Gives each envelope whose body is whole a turn of the event loop by itself, in their order: to make its row takes what
    several hot reads do, which are answered between two."""

    def __init__(self) -> None:
        self.waiting: deque[EnvelopeExchange] = deque()

    def add(self, exchange: "EnvelopeExchange") -> None:
        self.waiting.append(exchange)
        if len(self.waiting) == 1:
            asyncio.get_running_loop().call_soon(self.go_on)

    def go_on(self) -> None:
        self.waiting[0].begin()
        self.waiting.popleft()
        if self.waiting:
            asyncio.get_running_loop().call_soon(self.go_on)


class EnvelopeExchange(Exchange):
    """One envelope, from its head to its answer."""

    __slots__ = ("allowance", "caller", "intake", "key", "responder", "turns")

    def __init__(
        self,
        posted: PostedEnvelope,
        caller: Caller,
        allowance: Allowance,
        body_bytes: int,
        bodies: BodyBudget,
        send: Callable[[Exchange, Ready], None],
        responder: Responder,
        intake: SentryIntake,
        turns: Turns,
    ) -> None:
        super().__init__(posted.head, caller, allowance, body_bytes, bodies, send)
        self.key = posted.key
        self.caller = caller
        self.allowance = allowance
        self.responder = responder
        self.intake = intake
        self.turns = turns

    @property
    def route(self) -> str:
        return ENVELOPES

    def take(self) -> None:
        self.turns.add(self)

    def begin(self) -> None:
        """Have it answered, at its turn. It gets a task where it is not stored at once: where it is large or wrong, brings more
        than errors, or has to wait for room."""
        try:
            with traces.within(self.span):
                over_quota = self.charge()
                if over_quota is not None or not self.take_at_once():
                    self.start(self.judge(over_quota))
        except QuotaExceeded as problem:
            self.responder.answer(self, self.describe(problem))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(self, error)

    def start(self, work: Coroutine[Any, Any, Reply]) -> None:
        self.responder.answer_after([self], self.responder.start(work), partial(self.responder.answer, self))

    def take_at_once(self) -> bool:
        """Have its errors stored, and answered after the commit; False, with nothing done, where that takes more than a turn."""
        body = unpack_at_once(self.body, self.head.fields.get(b"content-encoding"), self.intake.at_once_max_bytes)
        if body is None:
            return False
        reader = Reader(self.caller.project_name, make_event_id, self.key)
        taken = self.intake.take_at_once(Sent(self.caller, self.allowance, None, body), reader)
        if taken is None:
            return False
        count_body_bytes(self.body_bytes, len(body))
        self.responder.answer_after([self], taken.stored, partial(self.answer, taken), partial(self.wait, taken))
        return True

    def answer(self, taken: Taken, _outcomes: object) -> None:
        self.responder.answer(self, tell_stored(taken.answer))

    def wait(self, taken: Taken, error: Exception) -> None:
        """Postgres did not take it: it waits, since its sender drops what it is refused."""
        if not isinstance(error, Unavailable):
            self.responder.fail(self, error)
            return
        with traces.within(self.span):
            self.start(self.answer_later(taken))

    async def answer_later(self, taken: Taken) -> Reply:
        try:
            await self.intake.store_later(taken, self.caller.project_id, perf_counter() - self.started)
            return tell_stored(taken.answer)
        except Problem as problem:
            return self.describe(problem)

    async def judge(self, over_quota: QuotaExceeded | None) -> Reply:
        """The answer, once what was sent is stored."""
        try:
            return tell_stored(await self.store(Reader(self.caller.project_name, make_event_id, self.key, over_quota)))
        except Problem as problem:
            return self.describe(problem)

    def describe(self, problem: Problem) -> Reply:
        """What the sender is told of it."""
        self.problem = problem
        response = self.intake.describe_failure(problem, self.caller.project_id)
        return Reply(response.status_code, [*response.raw_headers, VARY], bytes(response.body))

    def charge(self) -> QuotaExceeded | None:
        """Charge for it; what was used up, where it is let in all the same as what may be a report. Raises QuotaExceeded."""
        try:
            charge(self.allowance)
        except QuotaExceeded as problem:
            if not may_be_report(str(self.body_bytes), problem):
                raise
            count_report(self.allowance)
            return problem
        return None

    async def store(self, reader: Reader) -> bytes:
        """Unpack what was sent and have it stored. Raises Problem."""
        scope = {"headers": self.head.sent, "caller": self.caller, "takes_large": True}
        whole = BodyReader(scope, self.tell_body, self.intake.pipeline.settings, self.bodies)
        try:
            message = await whole.receive()
            sent = Sent(self.caller, self.allowance, None, message["body"])
            return await self.intake.take(sent, reader, Reader.read_envelope)
        finally:
            self.bodies.total_bytes -= whole.held_bytes

    async def tell_body(self) -> Message:
        return {"type": "http.request", "body": self.body, "more_body": False}


def tell_stored(answer: bytes) -> Reply:
    return as_json(200, answer, VARY)


def fast_envelopes(
    intake: SentryIntake, dsn_ring: DsnRing, quotas: Quotas, bodies: BodyBudget, responder: Responder
) -> FastLane:
    """What the connection may take of what Sentry's SDKs send."""
    return {ENVELOPES.encode(): FastEnvelopes(intake, dsn_ring, quotas, bodies, responder)}
