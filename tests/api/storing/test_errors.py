"""Errors are stored once and counted as they are stored, by COPY, by one statement, one by one, and beside duplicates."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from api.ingest.rows import RequestContext, make_row
from api.ingest.schemas import ErrorIn
from api.storing.copy_format import END, HEAD, Occurrences, encode_some
from api.storing.errors import (
    COLUMN_TYPES,
    COPY_FROM_ROWS,
    columns_of,
    count_changes,
    in_turns,
    key_order,
    store_errors,
)
from api.storing.flusher import Outcome
from api.storing.rows import ErrorRow
from api.storing.scheduler import Scheduler
from common.settings import Settings
from common.tables import Adjustment
from common.telemetry import metrics
from tests.api.storing.sent import error, stored
from tests.conftest import Service

DELTAS_OF_ROWS = """
SELECT date_bin('5 minutes', occurred_at, '2000-01-01Z'), fingerprint, service, severity, coalesce(environment, ''),
       count(*), min(occurred_at), max(occurred_at)
FROM errors GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
DELTAS = """
SELECT bucket, fingerprint, service, severity, environment, sum(count), min(first_seen), max(last_seen)
FROM deltas GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""


async def test_counts_in_deltas_are_those_of_the_rows_that_were_stored(service: Service) -> None:
    project = await service.project()
    ids = [f"00000000-0000-4000-8000-{n:012d}" for n in range(30)]
    await project.send(*[error(n, event_id=ids[n]) for n in range(20)])
    await project.send(*[error(n, event_id=ids[n]) for n in range(10, 30)])
    [[counted]] = await service.execute("SELECT sum(count) FROM deltas")
    assert counted == await stored(service) == 30


async def test_many_rows_are_copied_and_counted_as_few_are(service: Service) -> None:
    project = await service.project()
    now = datetime.now(UTC)
    errors = [
        error(n % 7, timestamp=(now - timedelta(seconds=3 * n)).isoformat(), environment=("a", "b", None)[n % 3])
        for n in range(3 * COPY_FROM_ROWS)
    ]
    assert (await project.send(*errors))["count"] == len(errors)
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)


@pytest.mark.parametrize("half", [10, COPY_FROM_ROWS])
async def test_a_batch_that_was_stored_in_part_is_stored_and_counted_once(service: Service, half: int) -> None:
    project = await service.project()
    ids = [f"00000000-0000-4000-8000-{n:012d}" for n in range(2 * half)]
    stamp = datetime.now(UTC).isoformat()
    errors = [error(event_id=event_id, timestamp=stamp) for event_id in ids]
    await project.send(*errors[:half])
    answer = await project.send(*errors, errors[0])
    assert (answer["count"], answer["duplicates"]) == (half, half + 1)
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)
    [[counted]] = await service.execute("SELECT sum(count) FROM deltas")
    assert counted == await stored(service) == 2 * half


async def test_errors_that_come_one_by_one_are_stored_and_counted_once(service: Service) -> None:
    project = await service.project()
    stamp = datetime.now(UTC).isoformat()
    alone = error(event_id="00000000-0000-4000-8000-000000000001", timestamp=stamp)
    sent = [alone, alone, error(environment="a", context={"a": [1]}), error(stack_trace="x", tags={"b": "c"}), error()]
    answers = [await project.ingest.post("/api/errors/log", json=one) for one in sent]
    assert [answer.json()["outcome"] for answer in answers] == ["stored", "duplicate", "stored", "stored", "stored"]
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)
    assert await stored(service) == 4


async def test_a_flush_is_encoded_in_turns_and_counted_on_the_way() -> None:
    row = make_row(ErrorIn(service="shop", severity="error", message="m"), RequestContext.now(uuid4(), Settings()))
    given, taken = Scheduler(), 0
    occurrences: Occurrences = defaultdict(list)
    next_turn = given.turn_for_flush

    async def count_next() -> None:
        nonlocal taken
        taken += 1
        await next_turn()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(given, "turn_for_flush", count_next)
        sent = [each async for each in in_turns(given, partial(encode_some, iter([row] * 3), occurrences, 0.0))]
    assert (sent[0][: len(HEAD)], sent[-1], len(sent[:-1])) == (HEAD, END, 3)
    assert taken == 4  # the last one to see that nothing is left
    assert [len(times) for times in occurrences.values()] == [3]


def make(number: int = 0, **others: Any) -> ErrorRow:
    request = RequestContext.now(UUID(int=7), Settings())
    return make_row(ErrorIn.model_validate(error(number, **others)), request)


@pytest.mark.parametrize("size", [1, 5, COPY_FROM_ROWS])
async def test_of_each_row_it_is_told_whether_it_was_new(database_url: str, size: int) -> None:
    connection = await asyncpg.connect(database_url)
    rows = [make(number, event_id=uuid4()) for number in range(size + 1)]
    assert await store_errors(Scheduler(), connection, rows[:size]) == [Outcome.stored] * size
    assert await store_errors(Scheduler(), connection, rows) == [*[Outcome.duplicate] * size, Outcome.stored]
    twice = [make(event_id=rows[0].event_id)._replace(event_id=uuid4())] * 2
    assert await store_errors(Scheduler(), connection, twice) == [Outcome.stored, Outcome.duplicate]
    assert await connection.fetchval("SELECT count(*) FROM errors") == size + 2
    assert await connection.fetchval("SELECT sum(count) FROM deltas") == size + 2
    await connection.close()


def test_rows_by_column_are_all_that_is_stored_in_its_order() -> None:
    rows = [make(number, release=str(number)) for number in range(3)]
    columns = columns_of(rows)
    assert len(columns) == len(COLUMN_TYPES)
    assert columns[list(COLUMN_TYPES).index("release")] == ["0", "1", "2"]
    assert columns[-1] == [None] * 3  # tags; where else it may be stored is not


def test_rows_are_ordered_as_their_keys_are() -> None:
    rows = [
        make()._replace(project_id=UUID(int=project), day=make().day + timedelta(days=day), event_id=UUID(int=event))
        for project in (2, 1) for day in (1, 0) for event in (2**127, 3)
    ]  # fmt: skip
    keys = [(str(row.project_id), row.day, str(row.event_id)) for row in sorted(rows, key=key_order)]
    assert keys == sorted(keys)


def test_what_was_done_to_rows_is_counted_by_each_flag() -> None:
    flags = [metrics.ADJUSTMENTS.of(name)._value for name in ("cleaned", "redacted", "truncated")]
    before, redactions = [flag.get() for flag in flags], metrics.REDACTIONS.of()._value.get()
    both = int(Adjustment.cleaned | Adjustment.redacted)
    count_changes(
        [make()._replace(adjustments=both, redactions=3), make(), make()._replace(adjustments=both, redactions=2)]
    )
    assert [flag.get() - was for flag, was in zip(flags, before, strict=True)] == [2, 2, 0]
    assert metrics.REDACTIONS.of()._value.get() == redactions + 5
