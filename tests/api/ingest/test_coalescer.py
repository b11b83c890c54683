"""Single errors of one turn go together to the writer, and each is answered by itself."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.problems import Overloaded
from api.http.responses import as_ready
from api.ingest import coalescer
from api.ingest.coalescer import NO_ID_TEXT, TOGETHER_MAX, Coalescer, leave_place, tell_one, tell_unchanged
from api.ingest.errors import ErrorPipeline
from api.ingest.fast_exchange import ErrorExchange
from api.ingest.schemas import ErrorAnswer
from api.storing.admission import Admission
from api.storing.flusher import Outcome
from api.storing.writer import Writer
from tests.api.http.wire import Wire
from tests.api.ingest.sending import ERROR, EVENT_ID, Raw, count_stored, port_of
from tests.conftest import Project, Service

SendInOneTurn = Callable[[list[str]], Awaitable[list[tuple[int, bytes, bytes]]]]


@pytest.fixture
async def in_one_turn(project: Project) -> AsyncIterator[SendInOneTurn]:
    """Sends each of these bodies on a connection of its own, in one turn of the event loop, and gives the answers."""
    open_ones: list[Raw] = []

    async def send(bodies: list[str]) -> list[tuple[int, bytes, bytes]]:
        for _ in bodies:
            open_ones.append(Raw(project.ingest.headers["authorization"]))
            await open_ones[-1].connect(port_of(project))
        await asyncio.sleep(0.05)
        for number, (raw, body) in enumerate(zip(open_ones, bodies, strict=True)):
            raw.writer.write(raw.log(number, body=body))
        return [await raw.answer() for raw in open_ones]

    yield send
    for raw in open_ones:
        raw.writer.close()


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were given to the writers at once."""
    sizes: list[int] = []
    submit = Writer.submit

    def note(self: Writer[Any], rows: Any, *given: Any, **named: Any) -> Any:
        sizes.append(len(rows))
        return submit(self, rows, *given, **named)

    monkeypatch.setattr(Writer, "submit", note)
    return sizes


async def test_errors_of_one_turn_are_one_submission_and_each_is_answered_by_itself(
    in_one_turn: SendInOneTurn, submitted: list[int], service: Service
) -> None:
    errors = [ERROR | {"message": f"of one turn: {name}"} for name in "abcdef"]
    errors[1] |= {"event_id": EVENT_ID}
    errors[2] |= {"severity": "none"}
    errors[3] |= {"event_id": EVENT_ID}
    errors[4] |= {"message": "login failed password=hunter2"}
    answers = await in_one_turn([json.dumps(error) for error in errors])
    assert submitted == [5]
    assert [status for status, _, _ in answers] == [201, 201, 422, 201, 201, 201]
    assert [re.findall(rb"x-request-id: (\d)", head) for _, head, _ in answers] == [[b"%d" % n] for n in range(6)]
    told = [json.loads(body) for _, _, body in answers]
    assert [one.get("outcome") for one in told] == ["stored", "stored", None, "duplicate", "stored", "stored"]
    assert told[4]["adjustments"] == ["redacted"]
    stored = dict(await service.execute("SELECT event_id::text, message FROM errors"))
    assert [stored[one["id"]] for one in told if "id" in one] == [
        *("of one turn: a", "of one turn: b", "of one turn: b"),
        *(stored[told[4]["id"]], "of one turn: f"),
    ]


async def test_what_does_not_find_room_together_is_told_to_come_again(
    in_one_turn: SendInOneTurn, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Overloaded("no room")

    monkeypatch.setattr(Admission, "take", refuse)
    answers = await in_one_turn([json.dumps(ERROR)] * 3)
    assert [status for status, _, _ in answers] == [503] * 3
    assert all(b"retry-after: " in head for _, head, _ in answers)
    assert await count_stored(service) == 1


@pytest.mark.parametrize("quotas", [{"limit_key_requests": 4}])
async def test_a_quota_may_end_between_errors_of_one_turn(in_one_turn: SendInOneTurn, service: Service) -> None:
    answers = await in_one_turn([json.dumps(ERROR)] * 5)
    assert Counter(status for status, _, _ in answers) == {201: 3, 429: 2}
    assert await count_stored(service) == 4


async def test_more_errors_than_go_together_are_all_answered(
    in_one_turn: SendInOneTurn, submitted: list[int], service: Service
) -> None:
    answers = await in_one_turn([json.dumps(ERROR)] * (TOGETHER_MAX + 2))
    assert [status for status, _, _ in answers] == [201] * (TOGETHER_MAX + 2)
    assert max(submitted) == TOGETHER_MAX
    assert await count_stored(service) == TOGETHER_MAX + 3


async def test_an_error_that_was_slow_to_come_goes_by_itself(
    in_one_turn: SendInOneTurn, submitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer, "SLOW_SECONDS", 0.0)
    answers = await in_one_turn([json.dumps(ERROR)] * 3)
    assert [status for status, _, _ in answers] == [201] * 3
    assert submitted == [1] * 3


@pytest.mark.parametrize("where", ["count_body_bytes", "admit", "request"])
async def test_single_errors_are_answered_whatever_fails_on_their_way(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    wire = Wire()

    class Full:
        def refuse_when_full(self, _project: Any) -> None:
            pass

    class Failing:
        writer = Full()

        def request(self, _caller: Any) -> None:
            raise RuntimeError("planted")

    if where == "count_body_bytes":
        monkeypatch.setattr(coalescer, where, lambda *_: 1 / 0)
    elif where == "admit":
        monkeypatch.setattr(ErrorExchange, where, lambda *_: 1 / 0)
    else:
        monkeypatch.setattr(ErrorExchange, "admit", lambda *_: True)
    Coalescer(cast("ErrorPipeline", Failing()), wire.replies).add(wire.exchange)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (wire.sent, wire.held.total_bytes) == ([500], 0)


@given(st.binary(), st.binary())
@settings(max_examples=40)
def test_an_answer_that_was_made_beforehand_is_itself_but_for_the_id(before: bytes, after: bytes) -> None:
    told = before + NO_ID_TEXT + after
    if told.count(NO_ID_TEXT) == 1:
        assert leave_place(told) % NO_ID_TEXT == told
        assert leave_place(told) % b"another" == before + b"another" + after


@pytest.mark.parametrize("outcome", [Outcome.stored, Outcome.duplicate])
def test_it_says_the_same_as_the_model_would_of_each_error(outcome: Outcome) -> None:
    made = tell_unchanged(outcome)
    told = as_ready(tell_one(ErrorAnswer(id=UUID(EVENT_ID), outcome=str(outcome), adjustments=[])))
    event_id = EVENT_ID.encode()
    assert (made.status, made.head % event_id, made.body % event_id) == tuple(told)
    assert json.loads(told.body) == {"id": EVENT_ID, "outcome": outcome.value, "adjustments": []}
    assert b"location: /api/errors/%b\r\n" % event_id in told.head
