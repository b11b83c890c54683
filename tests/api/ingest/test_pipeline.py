"""What is sent is received, let in, built and submitted in that order, and nothing is held that did not go on."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.http.problems import Invalid, Overloaded, Unsupported
from api.ingest.pipeline import Pipeline, Sent
from api.ingest.receivers import Receiver, Receivers
from api.ingest.receivers.items import Batch, ItemKind, Parsed, Rejected, sort_out
from api.ingest.receivers.wording import ERROR_WORDING
from api.ingest.scheduler import LARGE_BYTES, BodyScheduler
from api.ingest.schemas import AdjustedItem, ErrorIn
from api.storing.admission import Admission, Load, Reservation
from api.storing.flusher import Outcome
from common.keys import Scope
from common.settings import Settings

KIND: ItemKind[str] = ItemKind("words", ErrorIn, "errors", ERROR_WORDING)
CALLER = Caller(UUID(int=7), "key", Scope.ingest)
NO_WORD = Rejected("invalid_field", "no word")


def read_words(body: bytes, _settings: Settings) -> Batch[str]:
    """Each word of a body; numbers are none."""
    if not body.strip():
        raise Invalid("no words")
    return sort_out([NO_WORD if word.isdigit() else Parsed(word) for word in body.decode().split()])


class Counts:
    """The allowance of a key."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int]] = []

    def count(self, name: str, number: int) -> None:
        self.counted.append((name, number))


class Process:
    """A pipeline that stores words in a list; what is done is noted in its order."""

    def __init__(self, room: int = 100) -> None:
        self.admission = Admission("errors", Load(room, 2**30))
        self.steps: list[str] = []
        self.stored: list[str] = []
        self.is_full = False
        self.pipeline: Pipeline[str, Any] = Pipeline(
            KIND, Receivers(Receiver("words", ("text/plain",), read_words)), Settings(), cast("Any", self), BodyScheduler(),
            prepare=self.prepare, list_adjusted=lambda batch: [AdjustedItem(index=len(batch), adjustments=[])],
        )  # fmt: skip

    def refuse_when_full(self, _project: UUID) -> None:
        self.steps.append("look for room")
        if self.is_full:
            raise Overloaded("full")

    async def prepare(self, _caller: Caller) -> Any:
        self.steps.append("prepare")

        async def build(batch: Batch[str], _size: int) -> Batch[str]:
            self.steps.append(f"build, {self.admission.held.rows} held")
            if "fail" in batch.items:
                raise ZeroDivisionError
            kept = [word.upper() for word in batch.items if word != "odd"]
            odd = {place: NO_WORD for place, word in zip(batch.places, batch.items, strict=True) if word == "odd"}
            return Batch(kept, rejected={**batch.rejected, **odd})

        return build

    def submit(self, rows: list[str], reservation: Reservation, **_: Any) -> "asyncio.Future[list[Outcome]]":
        self.steps.append("submit")
        self.admission.complete(reservation, Load(len(rows), 1))
        self.stored += rows
        told: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        told.set_result([Outcome.stored] * len(rows))
        return told


def sent(body: bytes, content_type: str | None = "text/plain") -> Sent:
    return Sent(CALLER, cast("Allowance", Counts()), content_type, body)


@pytest.mark.parametrize("padding", [0, LARGE_BYTES], ids=["small", "large"])
async def test_each_item_goes_on_or_is_told_at_its_place(padding: int) -> None:
    process = Process()
    what = sent(b"one 2 odd four" + b" " * padding)
    answer = await process.pipeline.take_batch(what)
    assert (answer.status, answer.count, [item.index for item in answer.rejected]) == ("partial", 2, [1, 2])
    assert process.stored == ["ONE", "FOUR"]
    assert answer.adjusted == [AdjustedItem(index=4, adjustments=[])]
    assert process.steps == ["look for room", "prepare", "look for room", "build, 4 held", "submit"]
    assert cast("Any", what.allowance).counted == [("bytes", len(what.body)), ("errors", 4)]


@pytest.mark.parametrize(
    ("body", "content_type", "raised", "last"),
    [
        (b"one", "text/csv", Unsupported, "look for room"),
        (b" ", "text/plain", Invalid, "look for room"),
        (b"1 2", "text/plain", Invalid, "look for room"),
        (b"odd", "text/plain", Invalid, "build, 1 held"),
        (b"fail", "text/plain", ZeroDivisionError, "build, 1 held"),
    ],
)
async def test_what_ends_on_its_way_holds_no_room(
    body: bytes, content_type: str, raised: type[Exception], last: str
) -> None:
    process = Process()
    with pytest.raises(raised):
        await process.pipeline.take_batch(sent(body, content_type))
    assert (process.steps[-1], process.admission.held, process.stored) == (last, Load(), [])


async def test_where_there_is_no_room_nothing_is_read_or_counted() -> None:
    process, what = Process(), sent(b"one")
    process.is_full = True
    with pytest.raises(Overloaded):
        await process.pipeline.take_batch(what)
    assert (process.steps, cast("Any", what.allowance).counted) == (["look for room"], [])


async def test_more_than_a_project_may_hold_is_refused_before_it_is_built() -> None:
    process = Process(room=10)
    process.admission.hold(CALLER.project_id, Load(8, 1))
    with pytest.raises(Overloaded):
        await process.pipeline.take_batch(sent(b"a b c d"))
    assert (process.steps[-1], process.admission.held) == ("look for room", Load(8, 1))


async def test_a_route_may_say_who_reads_it() -> None:
    process = Process()
    letters = Receiver("letters", (), lambda body, _: sort_out([Parsed(chr(byte)) for byte in body]))
    assert (await process.pipeline.take_batch(sent(b"ab", "odd/type"), letters)).count == 2
    assert process.stored == ["A", "B"]
