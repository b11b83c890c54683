"""The two requests that services send all day, answered by the connection itself where this process knows their key.

The routes stay the ones in OpenAPI and take everything else: bodies that are packed, large, or come in chunks, other
forms of a key, pages of other origins. The work is the same (api/ingest/pipeline.py); what is left out is the framework
around it, which costs several times what is done to a single error.
"""

from collections.abc import Callable
from functools import partial

from pydantic_core import to_json

from api.access.keys import KeyRing, recall_caller
from api.access.quotas import Quotas
from api.http.bodies import BodyBudget, count_body_bytes
from api.http.exchange import ONE, Exchange, Posted
from api.http.middleware import RequestLines
from api.http.responder import Responder, as_json
from api.http.responses import Ready
from api.ingest.coalescer import Coalescer
from api.ingest.errors import ErrorPipeline
from api.ingest.routes import batch_status
from api.ingest.scheduler import LARGE_BYTES
from api.ingest.schemas import BatchAnswer
from common.keys import Scope as KeyScope
from common.settings import Settings
from common.telemetry import traces


class FastWrites:
    """Takes plain posts of errors, and has each answered once."""

    def __init__(
        self,
        settings: Settings,
        key_ring: KeyRing,
        quotas: Quotas,
        pipeline: ErrorPipeline,
        lines: RequestLines,
        bodies: BodyBudget,
    ) -> None:
        self.bodies = bodies
        self.bodies_max_bytes = settings.bodies_max_bytes
        self.body_max_bytes = min(LARGE_BYTES, settings.body_max_bytes)
        self.key_ring = key_ring
        self.quotas = quotas
        self.pipeline = pipeline
        self.responder = Responder(settings.request_seconds, lines)
        self.coalescer = Coalescer(pipeline, self.responder)

    def begin(self, posted: Posted, body_bytes: int, send: Callable[[Exchange, Ready], None]) -> Exchange | None:
        """The exchange for this POST with a body of so many bytes; None where only the route can take it. `send` gets the
        answer."""
        if body_bytes > self.body_max_bytes or self.bodies.total_bytes + body_bytes > self.bodies_max_bytes:
            return None
        caller = recall_caller(self.key_ring, posted.key, KeyScope.ingest)
        if caller is None or traces.is_on():
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=True)
        return Exchange(posted, caller, allowance, body_bytes, self.bodies, send)

    def take(self, exchange: Exchange) -> None:
        """Have the body, which is whole, judged and answered, now or after the commit."""
        take = self.coalescer.add if exchange.posted.path == ONE else self.take_batch
        try:
            take(exchange)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(exchange, error)

    def take_batch(self, exchange: Exchange) -> None:
        """A batch has a task, since it gives way to others while its rows are made."""
        count_body_bytes(exchange.body_bytes, exchange.body_bytes)
        if self.responder.admit(exchange):
            batch = self.responder.start(self.pipeline.take_batch(exchange.sent))
            self.responder.answer_after([exchange], batch, partial(self.answer_batch, exchange))

    def answer_batch(self, exchange: Exchange, batch: BatchAnswer) -> None:
        try:
            self.responder.answer(exchange, as_json(batch_status(batch), to_json(batch)))
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail(exchange, error)
