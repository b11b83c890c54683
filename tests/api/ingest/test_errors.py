"""The pipeline of errors: alone as in a batch, slim in a storm, and not counted where they were not stored."""

import asyncio
import json
from typing import Any, cast
from uuid import UUID

import pytest

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.http.problems import Invalid, Overloaded, Unsupported
from api.ingest.errors import (
    ErrorPipeline,
    describe_one,
    list_adjusted,
    make_rows,
    name_adjustments,
    read_alone,
    refuse_alone,
)
from api.ingest.pipeline import Sent
from api.ingest.receivers.items import Batch, Rejected
from api.ingest.receivers.native import SentError
from api.ingest.rows import CLEANED, TRUNCATED
from api.ingest.scheduler import BodyScheduler
from api.ingest.schemas import ErrorIn
from api.storing.admission import Admission, Load
from api.storing.flusher import Outcome
from api.storing.other_days import EarlyDays
from api.storing.rows import ErrorRow
from common.keys import Scope
from common.settings import Settings
from common.tables import Adjustment
from tests.api.ingest.sending import ERROR

CALLER = Caller(UUID(int=7), "key", Scope.ingest)
REFUSED = Rejected("missing_field", "send a service", "/service")


class Counts:
    """The allowance of a key."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, int]] = []

    def is_used(self, _share: float) -> bool:
        return False

    def count(self, name: str, number: int) -> None:
        self.counted.append((name, number))


class Kept:
    """A writer that keeps what it is given, unless it is full."""

    def __init__(self) -> None:
        self.rows: list[ErrorRow] = []
        self.outcome = Outcome.stored
        self.failure: Exception | None = None
        self.admission = Admission("errors", Load(1_000, 2**30))

    def refuse_when_full(self, _project: UUID) -> None:
        pass

    def submit(self, rows: list[ErrorRow], *_: Any, **__: Any) -> "asyncio.Future[list[Outcome]]":
        if self.failure:
            raise self.failure
        self.rows += rows
        told: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        told.set_result([self.outcome] * len(rows))
        return told


@pytest.fixture
def writer() -> Kept:
    return Kept()


@pytest.fixture
def pipeline(writer: Kept) -> ErrorPipeline:
    return ErrorPipeline(Settings(storm_errors_per_minute=2), cast("Any", writer), BodyScheduler(), EarlyDays())


def sent(document: Any = ERROR, content_type: str | None = None) -> Sent:
    return Sent(CALLER, cast("Allowance", Counts()), content_type, json.dumps(document).encode())


@pytest.mark.parametrize(
    "document", [ERROR, ERROR | {"message": "password=x1y2z3", "tags": {"n": 7}, "context": {"a": [1]}}]
)
async def test_an_error_becomes_the_same_row_alone_judged_at_once_and_in_a_batch(
    pipeline: ErrorPipeline, writer: Kept, document: dict[str, Any]
) -> None:
    document = document | {"event_id": "0192f0c0-0000-7000-8000-000000000001"}
    await pipeline.take_one(sent(document))
    await pipeline.take_batch(sent({"errors": [document]}))
    judged = pipeline.judge_one(sent(document), pipeline.request(CALLER))
    alone, in_batch = (
        row._replace(received_at=judged.received_at, occurred_at=judged.occurred_at) for row in writer.rows
    )
    assert alone == in_batch == judged


async def test_what_was_read_is_stored_at_once_as_in_a_batch(pipeline: ErrorPipeline, writer: Kept) -> None:
    document = ERROR | {"event_id": "0192f0c0-0000-7000-8000-000000000001"}
    await pipeline.take_batch(sent({"errors": [document]}))
    one = sent(document)
    taken = pipeline.store_at_once(one, read_alone(one.body, pipeline.settings))
    assert taken is not None
    assert await taken[1] == [Outcome.stored]
    first, again = writer.rows
    assert again == first._replace(received_at=again.received_at, occurred_at=again.occurred_at)
    assert cast("Counts", one.allowance).counted == [("bytes", len(one.body)), ("errors", 1)]


@pytest.mark.parametrize("why", ["full", "pressed"])
async def test_what_has_to_wait_is_not_stored_at_once_and_not_counted(
    pipeline: ErrorPipeline, writer: Kept, why: str
) -> None:
    if why == "full":
        writer.failure = Overloaded("x")
    else:
        writer.admission.take(CALLER.project_id, Load(900, 0))
    one = sent()
    assert pipeline.store_at_once(one, read_alone(one.body, pipeline.settings)) is None
    assert (writer.rows, cast("Counts", one.allowance).counted) == ([], [])


async def test_an_error_alone_is_told_its_id_and_what_was_changed(pipeline: ErrorPipeline, writer: Kept) -> None:
    what = sent(ERROR | {"message": "password=x1y2z3"})
    answer = await pipeline.take_one(what)
    assert (answer.id, answer.outcome, answer.adjustments) == (writer.rows[0].event_id, "stored", ["redacted"])
    assert cast("Any", what.allowance).counted == [("bytes", len(what.body)), ("errors", 1)]


@pytest.mark.parametrize("take", ["take_one", "judge_one"])
async def test_an_error_alone_that_is_bad_is_refused_with_its_place(pipeline: ErrorPipeline, take: str) -> None:
    with pytest.raises(Invalid) as refused:
        await run(pipeline, take, sent({"severity": "error", "message": "m"}))
    assert [(each.pointer, each.reason) for each in refused.value.errors or ()] == [("/service", "missing_field")]
    with pytest.raises(Unsupported):
        await run(pipeline, take, sent(ERROR, "text/csv"))
    assert pipeline.writer.admission.held == Load()


async def run(pipeline: ErrorPipeline, take: str, what: Sent) -> Any:
    if take == "take_one":
        return await pipeline.take_one(what)
    return pipeline.judge_one(what, pipeline.request(CALLER))


async def test_in_a_storm_what_is_beyond_the_limit_is_slim_alone_and_in_batches(
    pipeline: ErrorPipeline, writer: Kept
) -> None:
    bulky = ERROR | {"context": {"a": 1}}
    await pipeline.take_one(sent(bulky))
    answer = await pipeline.take_batch(sent({"errors": [bulky] * 2}))
    assert [row.context is None for row in writer.rows] == [False, False, True]
    assert [(item.index, item.adjustments) for item in answer.adjusted] == [(1, ["sampled"])]


async def test_what_found_no_room_does_not_count_in_the_storm(pipeline: ErrorPipeline, writer: Kept) -> None:
    bulky = ERROR | {"context": {"a": 1}}
    writer.failure = Overloaded("full")
    for _ in range(3):
        with pytest.raises(Overloaded):
            await pipeline.take_one(sent(bulky))
    writer.failure = None
    await pipeline.take_one(sent(bulky))
    assert writer.rows[0].context is not None


async def test_rows_are_made_of_all_items_and_told_what_was_done_to_each(pipeline: ErrorPipeline) -> None:
    items: list[SentError] = [ErrorIn.model_validate(ERROR | {"message": f"m{number}"}) for number in range(3)]
    batch = Batch(items, {2: CLEANED}, {1: REFUSED})
    rows = await make_rows(BodyScheduler(), batch, pipeline.request(CALLER), 0)
    assert [(row.message, row.adjustments) for row in rows] == [("m0", 0), ("m1", 0), ("m2", CLEANED)]
    assert [item.index for item in list_adjusted(Batch(rows, rejected={1: REFUSED}))] == [3]


def test_a_body_alone_is_a_batch_of_one_and_is_refused_where_that_is_bad() -> None:
    assert len(read_alone(json.dumps(ERROR).encode(), Settings()).items) == 1
    bad = read_alone(b"[1]", Settings())
    with pytest.raises(Invalid):
        refuse_alone(bad, None)


def test_a_row_that_postgres_cannot_hold_is_refused(pipeline: ErrorPipeline) -> None:
    row = pipeline.judge_one(sent(), pipeline.request(CALLER))
    with pytest.raises(Invalid, match="cannot hold"):
        describe_one(row, [Outcome.rejected])
    assert describe_one(row, [Outcome.duplicate]).outcome == "duplicate"
    assert name_adjustments(row._replace(adjustments=CLEANED | TRUNCATED)) == [
        flag.name for flag in (Adjustment.truncated, Adjustment.cleaned)
    ]
