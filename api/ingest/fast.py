"""The two requests that services send all day, answered by the connection itself where this process knows their key.

The routes stay the ones in OpenAPI and take everything else: bodies that are packed, large, or come in chunks, other
forms of a key, pages of other origins. The work is the same (api/ingest/pipeline.py); what is left out is the framework
around it, which costs several times what is done to a single error.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from api.access.keys import KeyRing, read_bearer, recall_caller
from api.access.quotas import Quotas
from api.http.bodies import BodyBudget
from api.http.exchange import Exchange
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.responder import Responder
from api.http.responses import Ready
from api.ingest.coalescer import Coalescer
from api.ingest.errors import ErrorPipeline
from api.ingest.fast_exchange import Batches, ErrorExchange, Posted
from api.ingest.routes import PREFIX
from api.ingest.scheduler import LARGE_BYTES
from common.keys import Scope as KeyScope
from common.settings import Settings


@dataclass(slots=True, eq=False)
class FastWrites:
    """Takes plain posts of errors to one target, and has each answered once."""

    method: ClassVar[str] = "POST"
    own_fields: ClassVar[frozenset[bytes]] = frozenset()
    settings: Settings
    key_ring: KeyRing
    quotas: Quotas
    bodies: BodyBudget
    responder: Responder
    take_whole: Callable[[ErrorExchange], None]
    body_max_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.body_max_bytes = min(LARGE_BYTES, self.settings.body_max_bytes)

    def read(self, head: Head) -> Posted:
        content_type = head.fields.get(b"content-type")
        return Posted(
            head,
            read_bearer(head.fields.get(b"authorization", b"")),
            None if content_type is None else content_type.decode("latin-1"),
        )

    def begin(self, asked: Posted, body_bytes: int, send: Callable[[Exchange, Ready], None]) -> ErrorExchange | None:
        if body_bytes > self.body_max_bytes or not self.bodies.has_room(body_bytes, self.settings):
            return None
        caller = recall_caller(self.key_ring, asked.key, KeyScope.ingest)
        if caller is None:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=True)
        return ErrorExchange(asked, caller, allowance, body_bytes, self.bodies, send, self.responder, self.take_whole)


def fast_writes(
    settings: Settings,
    key_ring: KeyRing,
    quotas: Quotas,
    pipeline: ErrorPipeline,
    bodies: BodyBudget,
    responder: Responder,
) -> FastLane:
    """What the connection may take of what is sent here."""
    handler = partial(FastWrites, settings, key_ring, quotas, bodies, responder)
    return {
        f"{PREFIX}/batch".encode(): handler(Batches(pipeline, responder).take),
        f"{PREFIX}/log".encode(): handler(Coalescer(pipeline, responder).add),
    }
