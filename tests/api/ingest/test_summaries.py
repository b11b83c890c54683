"""The answer for a batch counts each of its items once, and what cannot be stored is refused with its places."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.problems import Invalid
from api.ingest.receivers.items import Batch, Rejected, sort_out
from api.ingest.receivers.native import ERRORS
from api.ingest.schemas import AdjustedItem, ErrorBatchIn
from api.ingest.summaries import NOT_HELD, SENT_AGAIN, body_of, count_rejected, load_of, refuse_if_empty, summarize
from api.storing.flusher import Outcome
from api.storing.rows import ROW_OVERHEAD_BYTES
from common.telemetry import metrics

MISSING, UNKNOWN = Rejected("missing_field", "send it", "/service"), Rejected("unknown_field", "leave it")
REJECTED = st.dictionaries(st.integers(0, 11), st.sampled_from([MISSING, UNKNOWN]), max_size=6)


def batch_of(size: int, rejected: dict[int, Rejected]) -> Batch[int]:
    """Items that are the number of their place."""
    places = [place for place in range(size) if place not in rejected]
    return Batch(places, rejected={place: why for place, why in rejected.items() if place < size})


@given(st.integers(1, 12), REJECTED, st.lists(st.sampled_from(Outcome), min_size=12, max_size=12))
@settings(max_examples=60)
def test_each_item_is_counted_once_and_told_at_its_place(
    size: int, refused: dict[int, Rejected], fates: list[Outcome]
) -> None:
    batch = batch_of(size, refused)
    outcomes = [fates[place] for place in batch.items]
    adjusted = [AdjustedItem(index=0, adjustments=["redacted"])]
    answer = summarize(batch, outcomes, adjusted)
    assert answer.count + answer.duplicates + len(answer.rejected) == size
    again = [place for place in batch.items if fates[place] in SENT_AGAIN]
    assert (answer.count, answer.duplicates) == (
        outcomes.count(Outcome.stored), outcomes.count(Outcome.duplicate) + len(again),
    )  # fmt: skip
    assert [item.index for item in answer.rejected] == [
        place for place in range(size) if place in refused or fates[place] is Outcome.rejected
    ]
    for item in answer.rejected:
        expected = refused.get(item.index, NOT_HELD)
        assert (item.reason, item.detail) == (expected.reason, expected.detail)
    assert answer.status == ("partial" if answer.rejected else "success")
    told = {item.index: item.adjustments for item in answer.adjusted}
    assert told.keys() == {0, *again}
    assert told[0][0] == "redacted"
    assert [told[place][-1] for place in again] == [fates[place].value for place in again]


def test_a_batch_with_one_good_item_is_not_refused() -> None:
    refuse_if_empty(batch_of(2, {0: MISSING}), ERRORS)


def test_a_batch_of_which_nothing_is_left_is_refused_with_its_places_and_counted() -> None:
    rejected = metrics.ITEMS.of("errors", "rejected")._value.get()
    missing = metrics.REJECTIONS.of("errors", "missing_field")._value.get()
    with pytest.raises(Invalid) as refused:
        refuse_if_empty(batch_of(2, {0: MISSING, 1: UNKNOWN}), ERRORS)
    assert refused.value.detail == "none of 2 errors can be stored: send it"
    assert [(each.pointer, each.reason) for each in refused.value.errors or ()] == [
        ("/errors/0/service", "missing_field"),
        ("/errors/1", "unknown_field"),
    ]
    assert metrics.ITEMS.of("errors", "rejected")._value.get() == rejected + 2
    assert metrics.REJECTIONS.of("errors", "missing_field")._value.get() == missing + 1


def test_rejections_are_counted_by_their_kind_and_reason() -> None:
    before = metrics.REJECTIONS.of("errors", "unknown_field")._value.get()
    count_rejected([UNKNOWN, MISSING, UNKNOWN], ERRORS)
    assert metrics.REJECTIONS.of("errors", "unknown_field")._value.get() == before + 2


def test_a_batch_weighs_what_it_brought_and_a_row_for_each_item_rejected_or_not() -> None:
    load = load_of(batch_of(5, {1: MISSING}), 1_000)
    assert (load.rows, load.size_bytes) == (5, 1_000 + 5 * ROW_OVERHEAD_BYTES)
    assert load_of(sort_out([]), 7).rows == 0


def test_the_body_in_openapi_is_json_of_the_model() -> None:
    [(media_type, told)] = body_of(ErrorBatchIn)["requestBody"]["content"].items()
    assert (media_type, told) == ("application/json", {"schema": {"$ref": "#/components/schemas/ErrorBatchIn"}})
