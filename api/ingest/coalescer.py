"""Single errors: those that came in one turn of the event loop go together, from their bodies to their answers.

Of what a single error cost, more than a third was the change from one step to the next, and what is the same for all:
the time, the room, the wait for the commit, the quotas that its answer names (docs/decisions/0020). None of them needs a
task: the commit calls back.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from time import perf_counter
from uuid import UUID

from pydantic_core import to_json

from api.http.bodies import count_body_bytes
from api.http.problems import Unavailable
from api.http.responder import Responder
from api.http.responses import Ready, Reply, as_json, as_ready
from api.ingest.errors import ErrorPipeline, describe_one
from api.ingest.fast_exchange import ErrorExchange
from api.ingest.routes import place_of
from api.ingest.schemas import ErrorAnswer
from api.storing.flusher import Outcome
from api.storing.rows import ErrorRow
from common.telemetry import traces

TOGETHER_MAX = 32
# What took longer to come goes by itself, since those that go together have one time limit, that of the oldest.
SLOW_SECONDS = 0.1
NO_ID = UUID(int=0)  # stands in answers that are made beforehand where an error's id will
NO_ID_TEXT = str(NO_ID).encode()


class Coalescer:
    """Gathers the single errors of each key, judges and stores them, and has each answered by itself."""

    def __init__(self, pipeline: ErrorPipeline, responder: Responder) -> None:
        self.pipeline = pipeline
        self.responder = responder
        self.gathered: dict[str, list[ErrorExchange]] = {}  # by the id of their key

    def add(self, exchange: ErrorExchange) -> None:
        """Take one whose body is whole."""
        is_kept = exchange.span is not None and traces.is_kept(exchange.span)
        if is_kept or perf_counter() - exchange.started > SLOW_SECONDS:
            with traces.within(exchange.span):  # which the flush links to: so it goes by itself
                self.take([exchange])
            return
        if not self.gathered:
            asyncio.get_running_loop().call_soon(self.end_turn)
        together = self.gathered.setdefault(exchange.caller.key_id, [])
        together.append(exchange)
        if len(together) == TOGETHER_MAX:
            self.take(self.gathered.pop(exchange.caller.key_id))

    def end_turn(self) -> None:
        gathered, self.gathered = self.gathered, {}
        for together in gathered.values():
            self.take(together)

    def take(self, together: Sequence[ErrorExchange]) -> None:
        """Judge the errors of one key, and have what can be stored answered after the commit."""
        try:
            self.take_admitted(together)
        except Exception as error:  # noqa: BLE001 - the last line of defence: every request is answered
            self.responder.fail_all([exchange for exchange in together if not exchange.is_complete], error)

    def take_admitted(self, together: Sequence[ErrorExchange]) -> None:
        body_bytes = sum([exchange.body_bytes for exchange in together])
        count_body_bytes(body_bytes, body_bytes)
        admitted = [exchange for exchange in together if exchange.admit()]
        if not admitted:
            return
        try:
            self.pipeline.writer.refuse_when_full(together[0].caller.project_id)
        except Unavailable as error:
            self.responder.fail_all(admitted, error)
        else:
            self.store(*self.judge(admitted))

    def judge(self, together: Sequence[ErrorExchange]) -> tuple[list[ErrorExchange], list[ErrorRow]]:
        """Those that can be stored, and their rows; the others are answered."""
        request = self.pipeline.request(together[0].caller)
        taken: list[ErrorExchange] = []
        rows: list[ErrorRow] = []
        for exchange in together:
            try:
                rows.append(self.pipeline.judge_one(exchange.sent, request))
                taken.append(exchange)
            except Exception as error:  # noqa: BLE001 - as in `take`
                self.responder.fail(exchange, error)
        return taken, rows

    def store(self, taken: Sequence[ErrorExchange], judged: list[ErrorRow]) -> None:
        if not taken:
            return
        try:
            outcomes = self.pipeline.store(judged, requests=len(judged))
        except Exception as error:  # noqa: BLE001 - as in `take`
            self.responder.fail_all(taken, error)
        else:
            self.responder.answer_after(taken, outcomes, partial(self.answer, taken, judged))

    def answer(self, taken: Sequence[ErrorExchange], rows: Sequence[ErrorRow], outcomes: Sequence[Outcome]) -> None:
        quotas = taken[0].allowance.lines()
        for exchange, row, outcome in zip(taken, rows, outcomes, strict=True):
            try:
                self.answer_one(exchange, row, outcome, quotas)
            except Exception as error:  # noqa: BLE001 - as in `take`
                self.responder.fail(exchange, error)

    def answer_one(self, exchange: ErrorExchange, row: ErrorRow, outcome: Outcome, quotas: bytes) -> None:
        """Raises Invalid."""
        if row.adjustments or outcome is Outcome.rejected:
            self.responder.answer(exchange, tell_one(describe_one(row, [outcome])))
        else:
            event_id, same = str(row.event_id).encode(), tell_unchanged(outcome)
            self.responder.end(exchange, Ready(same.status, same.head % event_id, same.body % event_id), quotas)


@lru_cache(maxsize=len(Outcome))
def tell_unchanged(outcome: Outcome) -> Ready:
    """What is answered for an error that is stored as it was sent, with a place (%b) for its id in head and body: the
    model's own words, made once, since they cost a tenth of a single error."""
    status, head, body = as_ready(tell_one(ErrorAnswer(id=NO_ID, outcome=str(outcome), adjustments=[])))
    return Ready(status, leave_place(head), leave_place(body))


def leave_place(told: bytes) -> bytes:
    return told.replace(b"%", b"%%").replace(NO_ID_TEXT, b"%b")


def tell_one(one: ErrorAnswer) -> Reply:
    return as_json(201, to_json(one), (b"location", place_of(one).encode()))
