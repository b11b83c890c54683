"""Calls of tools that were answered before, and whose answer is the same now, sent by the connection (api/http/fast_lane.py).

The head says who asks, the body what; so its exchange begins with the head, and where the whole body is anything but such a call
the connection has the route answer it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from api.access.keys import Caller, KeyRing, read_bearer, recall_caller
from api.access.quotas import Allowance, Quotas
from api.agents.answered import Answered, AnsweredCalls, CallName, read_call, write_answer
from api.agents.routes import PATH
from api.agents.transport import BODY_MAX_BYTES, DEFAULT_VERSION, VERSION_FIELD
from api.http.bodies import BodyBudget, count_body_bytes
from api.http.exchange import Exchange
from api.http.fast_lane import FastLane
from api.http.head import Head
from api.http.responder import Responder
from api.http.responses import Ready, as_json, as_ready
from api.reads.caching import Reads
from common.keys import Scope
from common.settings import Settings


class PlainCall(NamedTuple):
    """A plain POST of a message, as far as its head says."""

    head: Head
    key: str
    version: str


class CallExchange(Exchange):
    """One message whose body comes."""

    __slots__ = ("allowance", "caller", "found", "lane", "request_number", "version")

    def __init__(
        self,
        asked: PlainCall,
        caller: Caller,
        allowance: Allowance,
        body_bytes: int,
        send: Callable[[Exchange, Ready], None],
        lane: "FastAgents",
    ) -> None:
        super().__init__(asked.head, caller, allowance, body_bytes, lane.bodies, send)
        self.caller = caller
        self.allowance = allowance
        self.version = asked.version
        self.lane = lane
        self.found: Answered | None = None
        self.request_number: int | str = 0

    def is_for_route(self) -> bool:
        """Whether it is no call of a tool whose answer is at hand; what is answered here is counted in the quotas."""
        message = read_call(self.body)
        if message is None:
            return True
        name = CallName(self.caller.project_id, self.caller.scope, self.version, bytes(message.params))
        found = self.lane.answered.get(name)
        if found is None or not found.is_good(self.lane.reads) or not self.allowance.admit():
            return True
        self.found, self.request_number = found, message.id
        return False

    def take(self) -> None:
        """Answer it; not packed, which takes longer than all the rest of it."""
        count_body_bytes(self.body_bytes, self.body_bytes)
        result = self.found.result if self.found is not None else b"{}"
        reply = as_json(200, write_answer(self.request_number, result), (b"cache-control", b"no-store"))
        self.lane.responder.end(self, as_ready(reply), self.quotas.lines())


@dataclass(slots=True, eq=False)
class FastAgents:
    """Answers what was answered before."""

    method: ClassVar[str] = "POST"
    own_fields: ClassVar[frozenset[bytes]] = frozenset()
    settings: Settings
    key_ring: KeyRing
    quotas: Quotas
    reads: Reads
    bodies: BodyBudget
    responder: Responder
    answered: AnsweredCalls

    def read(self, head: Head) -> PlainCall | None:
        version = head.fields.get(VERSION_FIELD.encode(), DEFAULT_VERSION.encode()).decode("latin-1")
        is_json = head.fields.get(b"content-type") == b"application/json"
        accepts = b"application/json" in head.fields.get(b"accept", b"")
        if version not in HANDSHAKE_PROTOCOL_VERSIONS or not is_json or not accepts:
            return None
        return PlainCall(head, read_bearer(head.fields.get(b"authorization", b"")), version)

    def begin(self, asked: PlainCall, body_bytes: int, send: Callable[[Exchange, Ready], None]) -> CallExchange | None:
        """None also while nothing was answered yet: then each would go to the route."""
        if body_bytes > BODY_MAX_BYTES or not self.bodies.has_room(body_bytes, self.settings):
            return None
        caller = recall_caller(self.key_ring, asked.key, Scope.read)
        if caller is None or not self.answered.held:
            return None
        allowance = self.quotas.allowance(caller.project_id, caller.key_id, ingest=False)
        return CallExchange(asked, caller, allowance, body_bytes, send, self)


def fast_agents(
    settings: Settings,
    key_ring: KeyRing,
    quotas: Quotas,
    reads: Reads,
    bodies: BodyBudget,
    responder: Responder,
    answered: AnsweredCalls,
) -> FastLane:
    """What the connection may answer of what agents ask."""
    return {PATH.encode(): FastAgents(settings, key_ring, quotas, reads, bodies, responder, answered)}
