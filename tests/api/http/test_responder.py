"""An exchange completes once, whatever goes wrong: one answer, and its body's bytes given back once."""

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.http import responder as replies_module
from api.http.bodies import BodyBudget
from api.http.exchange import Exchange
from api.http.head import read_head
from api.http.middleware import RequestLines
from api.http.responder import Responder
from api.http.responses import Ready, as_json
from api.ingest import coalescer as singles_module
from api.ingest.coalescer import Coalescer
from api.ingest.errors import ErrorPipeline
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


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_a_body_counts_until_its_exchange_completes(wire: Wire) -> None:
    assert wire.held.total_bytes == BODY_BYTES
    assert wire.exchange.complete()
    assert not wire.exchange.complete()
    assert wire.held.total_bytes == 0


@pytest.mark.parametrize("second", ["answer", "fail", "abandon"])
@pytest.mark.parametrize("first", ["answer", "fail", "abandon"])
def test_a_second_completion_reaches_nobody(wire: Wire, first: str, second: str) -> None:
    def complete(how: str) -> None:
        if how == "answer":
            wire.replies.answer(wire.exchange, as_json(201, b"{}"))
        elif how == "fail":
            wire.replies.fail(wire.exchange, RuntimeError("planted"))
        else:
            wire.replies.abandon(wire.exchange)

    with capture_logs() as lines:
        complete(first)
        complete(second)
    assert wire.sent == {"answer": [201], "fail": [500], "abandon": []}[first]
    assert wire.held.total_bytes == 0
    assert [line["event"] for line in lines if line["event"] == "answered_again"] == (
        [] if second == "abandon" else ["answered_again"]
    )


def test_what_fails_after_the_answer_was_written_is_a_defect_and_no_second_answer(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a line or a counter could not be written: what calls tells the exchange that it failed."""
    monkeypatch.setattr(wire.replies, "note", lambda *_: 1 / 0)
    with capture_logs() as lines:
        try:
            wire.replies.answer(wire.exchange, as_json(201, b"{}"))
        except ZeroDivisionError as error:
            wire.replies.fail(wire.exchange, error)
    assert (wire.sent, wire.held.total_bytes) == ([201], 0)
    [defect] = [line for line in lines if line["event"] == "answered_again"]
    assert defect["log_level"] == "error"


async def test_a_large_answer_that_cannot_be_packed_is_sent_plain(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies_module, "compress", lambda *_: 1 / 0)
    wire.replies.answer(wire.exchange, as_json(201, b"x" * 10_000))
    await asyncio.gather(*wire.replies.tasks)
    assert (wire.sent, wire.held.total_bytes) == ([201], 0)


@pytest.mark.parametrize("where", ["count_body_bytes", "admit", "request"])
async def test_single_errors_are_answered_whatever_fails_on_their_way(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    class Full:
        def refuse_when_full(self, _project: Any) -> None:
            pass

    class Failing:
        writer = Full()

        def request(self, _caller: Any) -> None:
            raise RuntimeError("planted")

    if where == "count_body_bytes":
        monkeypatch.setattr(singles_module, where, lambda *_: 1 / 0)
    elif where == "admit":
        monkeypatch.setattr(ErrorExchange, where, lambda *_: 1 / 0)
    else:
        monkeypatch.setattr(ErrorExchange, "admit", lambda *_: True)
    Coalescer(cast("ErrorPipeline", Failing()), wire.replies).add(wire.exchange)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (wire.sent, wire.held.total_bytes) == ([500], 0)
