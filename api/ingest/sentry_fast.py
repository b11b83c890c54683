"""Envelopes of Sentry's SDKs, answered by the connection itself where this process knows their key, as the routes answer them.

The routes take what is left: bodies in chunks, keys that stand anywhere but in X-Sentry-Auth, pages, `/store/`. What is left
out is the framework around them, which costs more than all that is done to an event of 5 KB.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, NamedTuple

from starlette.types import Message

from api.access.dsn import SENTRY_KEY, count_report, may_be_report
from api.access.keys import Caller, DsnRing, recall_caller
from api.access.quotas import Allowance, Quotas, charge
from api.http.bodies import BodyBudget, BodyReader, make_decoder
from api.http.exchange import Exchange
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.problems import Problem, QuotaExceeded, Unsupported
from api.http.responder import Responder
from api.http.responses import Ready, Reply, as_json
from api.ingest.pipeline import Sent
from api.ingest.receivers.sentry import Reader
from api.ingest.rows import make_event_id
from api.ingest.scheduler import LARGE_BYTES
from api.ingest.sentry_intake import SentryIntake
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
    body_max_bytes: int = field(init=False)

    def __post_init__(self) -> None:
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
        settings = self.intake.pipeline.settings
        if body_bytes > self.body_max_bytes or self.bodies.total_bytes + body_bytes > settings.bodies_max_bytes:
            return None
        caller = recall_caller(self.dsn_ring, asked.key, KeyScope.ingest)
        if caller is None or str(caller.project_number) != asked.number:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=True)
        return EnvelopeExchange(asked, caller, allowance, body_bytes, self.bodies, send, self.responder, self.intake)


def is_known_coding(sent: bytes | None) -> bool:
    try:
        make_decoder([] if sent is None else [sent.decode("latin-1")])
    except Unsupported:
        return False
    return True


class EnvelopeExchange(Exchange):
    """One envelope, from its head to its answer."""

    __slots__ = ("allowance", "caller", "intake", "key", "responder")

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
    ) -> None:
        super().__init__(posted.head, caller, allowance, body_bytes, bodies, send)
        self.key = posted.key
        self.caller = caller
        self.allowance = allowance
        self.responder = responder
        self.intake = intake

    @property
    def route(self) -> str:
        return ENVELOPES

    def take(self) -> None:
        """It has a task, since it may wait for room, and gives way to others while its row is made."""
        try:
            with traces.within(self.span):
                reply = self.responder.start(self.judge())
            self.responder.answer_after([self], reply, partial(self.responder.answer, self))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(self, error)

    async def judge(self) -> Reply:
        """The answer, once what was sent is stored."""
        try:
            over_quota = self.charge()
            reader = Reader(self.caller.project_name, make_event_id, self.key, over_quota)
            return as_json(200, await self.store(reader), VARY)
        except Problem as problem:
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


def fast_envelopes(
    intake: SentryIntake, dsn_ring: DsnRing, quotas: Quotas, bodies: BodyBudget, responder: Responder
) -> FastLane:
    """What the connection may take of what Sentry's SDKs send."""
    return {ENVELOPES.encode(): FastEnvelopes(intake, dsn_ring, quotas, bodies, responder)}
