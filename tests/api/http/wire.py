"""An exchange of the fast lane without a connection: what it is told, and the bytes that are held, can be looked at."""

from typing import cast
from uuid import uuid4

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.http.bodies import BodyBudget
from api.http.exchange import Exchange
from api.http.head import read_head
from api.http.middleware import RequestLines
from api.http.responder import Responder
from api.http.responses import Ready
from api.ingest.fast_exchange import ErrorExchange, Posted
from common.keys import Scope
from common.settings import Settings

BODY_BYTES = 100
FIELDS = [(b"host", b"x"), (b"content-length", str(BODY_BYTES).encode())]
POSTED = Posted(read_head(b"POST", "1.1", b"/api/errors/log", FIELDS), "key", None)


class NoQuotas:
    def lines(self) -> bytes:
        return b""

    def admit(self) -> bool:
        return True


class Wire:
    """What a connection would be told, and the bytes that are held."""

    def __init__(self) -> None:
        self.held = BodyBudget()
        self.sent: list[int] = []
        self.replies = Responder(5.0, RequestLines(Settings.load()))
        caller = Caller(uuid4(), "key", Scope.ingest)
        allowance = cast("Allowance", NoQuotas())
        self.exchange = ErrorExchange(
            POSTED, caller, allowance, BODY_BYTES, self.held, self.send, self.replies, lambda _: None
        )

    def send(self, _exchange: Exchange, ready: Ready) -> None:
        self.sent.append(ready.status)
