"""A request of the fast lane is answered once, whatever goes wrong, and its body's bytes are given back once."""

import asyncio

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from api.http import responder as replies_module
from api.http.problems import Unavailable
from api.http.responses import as_json
from tests.api.http.wire import Wire


@pytest.fixture
def wire() -> Wire:
    return Wire()


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


def test_the_line_of_a_refusal_says_which_problem_it_was(wire: Wire) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        wire.replies.fail(wire.exchange, Unavailable("Postgres is away"))
    [line] = [line for line in lines if line["event"] == "answered"]
    assert (line["status"], line["problem"], line["detail"]) == (503, "unavailable", "Postgres is away")


async def test_what_failed_may_be_dealt_with_by_who_asked(wire: Wire) -> None:
    told: list[Exception] = []
    for error in (Unavailable("Postgres is away"), None):
        outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        wire.replies.answer_after(
            [wire.exchange], outcome, lambda _: wire.replies.answer(wire.exchange, as_json(200, b"{}")), told.append
        )
        outcome.set_exception(error) if error else outcome.set_result(1)
        await asyncio.sleep(0)
    assert ([str(error) for error in told], wire.sent) == (["503: Postgres is away"], [200])


async def test_a_large_answer_that_cannot_be_packed_is_sent_plain(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies_module, "compress", lambda *_: 1 / 0)
    wire.replies.answer(wire.exchange, as_json(201, b"x" * 10_000))
    await asyncio.gather(*wire.replies.tasks)
    assert (wire.sent, wire.held.total_bytes) == ([201], 0)
