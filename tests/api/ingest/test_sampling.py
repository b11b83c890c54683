"""Storm control: of like errors in a minute those beyond the limit are slim, and only what is stored counts."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest import sampling
from api.ingest.rows import RequestContext, make_row
from api.ingest.sampling import Sampler, make_slim
from api.ingest.schemas import ErrorIn
from api.storing.flusher import Outcome
from api.storing.rows import ErrorRow
from common.settings import Settings
from common.tables import Adjustment

NOW = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
WHOLE = make_row(
    ErrorIn(service="s", severity="error", message="m", stack_trace="t", context={"a": 1}, tags={"b": "c"}),
    RequestContext.now(UUID(int=1), Settings()),
)._replace(received_at=NOW)


def rows(*fingerprints: int, project: int = 1, at: datetime = NOW) -> list[ErrorRow]:
    return [WHOLE._replace(project_id=UUID(int=project), fingerprint=each, received_at=at) for each in fingerprints]


def count_whole(taken: list[ErrorRow]) -> int:
    return sum(row.stack_trace is not None for row in taken)


def test_a_slim_row_is_the_same_error_without_its_bulk_and_says_so() -> None:
    slim = make_slim(WHOLE._replace(adjustments=Adjustment.redacted))
    assert (slim.stack_trace, slim.context, slim.tags) == (None, None, None)
    assert Adjustment(slim.adjustments) == Adjustment.redacted | Adjustment.sampled
    assert slim._replace(stack_trace="t", context='{"a":1}', tags='{"b":"c"}', adjustments=0) == WHOLE


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=6), st.integers(1, 4))
@settings(max_examples=60)
def test_of_each_kind_the_first_of_a_minute_are_whole_however_they_are_batched(
    batches: list[list[int]], limit: int
) -> None:
    sampler, seen = Sampler(limit), Counter[int]()
    for batch in batches:
        sent = rows(*batch)
        taken = sampler.admit(sent)
        assert taken is sent
        assert [make_slim(row) for row in taken] == [make_slim(row) for row in rows(*batch)]
        for row in taken:
            seen[row.fingerprint] += 1
            assert (row.stack_trace is not None) == (seen[row.fingerprint] <= limit)


def test_the_next_minute_and_another_project_begin_anew() -> None:
    sampler = Sampler(2)
    assert count_whole(sampler.admit(rows(1, 1, 1))) == 2
    assert count_whole(sampler.admit(rows(1, 1, 1, project=2))) == 2
    assert count_whole(sampler.admit(rows(1, at=NOW + timedelta(seconds=29)))) == 0
    assert count_whole(sampler.admit(rows(1, 1, 1, at=NOW + timedelta(seconds=30)))) == 2


def test_without_a_limit_all_are_whole_and_nothing_is_counted() -> None:
    sampler = Sampler(0)
    assert count_whole(sampler.admit(rows(*[1] * 50))) == 50
    sampler.take_back(rows(1))
    assert sampler.counts == {}


def test_what_was_not_stored_leaves_its_place_to_the_next() -> None:
    sampler = Sampler(2)
    lost = sampler.admit(rows(1, 1))
    assert count_whole(sampler.admit(rows(1))) == 0
    sampler.take_back(lost)
    assert count_whole(sampler.admit(rows(1, 1))) == 1


def test_taking_back_what_was_counted_in_another_minute_makes_no_room() -> None:
    sampler = Sampler(1)
    lost = sampler.admit(rows(1, 1))
    sampler.admit(rows(2, at=NOW + timedelta(minutes=1)))
    sampler.take_back(lost)
    assert count_whole(sampler.admit(rows(1, 1, at=NOW + timedelta(minutes=1)))) == 1


@pytest.mark.parametrize(("ending", "next_whole"), [("stored", 0), ("failed", 1), ("cancelled", 1)])
async def test_it_is_known_from_how_the_write_ends(ending: str, next_whole: int) -> None:
    sampler = Sampler(1)
    stored: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
    sampler.take_back_unless(stored, sampler.admit(rows(1)))
    if ending == "stored":
        stored.set_result([Outcome.stored])
    elif ending == "failed":
        stored.set_exception(OSError("gone"))
    else:
        stored.cancel()
    await asyncio.sleep(0)
    assert count_whole(sampler.admit(rows(1))) == next_whole


def test_no_more_kinds_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MAX_REMEMBERED", 10)
    sampler = Sampler(1)
    for first in range(0, 40, 8):
        sampler.admit(rows(*range(first, first + 8)))
    assert sum(map(len, sampler.counts.values())) <= 10 + 8
    assert sampler.remembered == sum(map(len, sampler.counts.values()))
