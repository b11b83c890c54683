"""The exchange of one request that brings errors by the fast lane (api/ingest/fast.py): who sent it, on which quotas, and
how a batch is taken once it is whole. Single errors are taken by the coalescer."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pydantic_core import to_json

from api.access.keys import Caller
from api.access.quotas import Allowance, charge
from api.http.bodies import BodyBudget, count_body_bytes
from api.http.exchange import Exchange
from api.http.head import Head
from api.http.problems import QuotaExceeded
from api.http.responder import Responder
from api.http.responses import Ready, as_json
from api.ingest.errors import ErrorPipeline
from api.ingest.pipeline import Sent
from api.ingest.routes import batch_status
from api.ingest.schemas import BatchAnswer
from common.telemetry import traces


class Posted(NamedTuple):
    """A plain POST of errors, as far as its head says."""

    head: Head
    key: str
    content_type: str | None


class ErrorExchange(Exchange):
    """`take_whole` has it judged and answered once its body is whole; what it raises is answered as a defect."""

    __slots__ = ("allowance", "caller", "content_type", "responder", "take_whole")

    def __init__(
        self,
        posted: Posted,
        caller: Caller,
        allowance: Allowance,
        body_bytes: int,
        bodies: BodyBudget,
        send: Callable[[Exchange, Ready], None],
        responder: Responder,
        take_whole: "Callable[[ErrorExchange], None]",
    ) -> None:
        super().__init__(posted.head, caller, allowance, body_bytes, bodies, send)
        self.content_type = posted.content_type
        self.caller = caller
        self.allowance = allowance
        self.responder = responder
        self.take_whole = take_whole

    def take(self) -> None:
        try:
            self.take_whole(self)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(self, error)

    def admit(self) -> bool:
        """Charge for it; False, and answered so, where a quota is used up."""
        try:
            charge(self.allowance)
        except QuotaExceeded as error:
            self.responder.fail(self, error)
            return False
        return True

    @property
    def sent(self) -> Sent:
        """What it brought, once its body is whole."""
        return Sent(self.caller, self.allowance, self.content_type, self.body)


class Batches:
    """Has batches judged, stored and answered."""

    def __init__(self, pipeline: ErrorPipeline, responder: Responder) -> None:
        self.pipeline = pipeline
        self.responder = responder

    def take(self, exchange: ErrorExchange) -> None:
        """Take one whose body is whole. It has a task, since it gives way to others while its rows are made."""
        count_body_bytes(exchange.body_bytes, exchange.body_bytes)
        if exchange.admit():
            with traces.within(exchange.span):
                batch = self.responder.start(self.pipeline.take_batch(exchange.sent))
            self.responder.answer_after([exchange], batch, partial(self.answer, exchange))

    def answer(self, exchange: ErrorExchange, batch: BatchAnswer) -> None:
        try:
            self.responder.answer(exchange, as_json(batch_status(batch), to_json(batch)))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(exchange, error)
