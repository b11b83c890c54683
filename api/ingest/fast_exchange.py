"""The exchange of one request that brings errors by the fast lane (api/ingest/fast.py): who sent it, on which quotas."""

from collections.abc import Callable
from typing import NamedTuple

from api.access.keys import Caller
from api.access.quotas import Allowance, charge
from api.http.bodies import BodyBudget
from api.http.exchange import Exchange
from api.http.head import Head
from api.http.problems import QuotaExceeded
from api.http.responder import Responder
from api.http.responses import Ready
from api.ingest.pipeline import Sent


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
