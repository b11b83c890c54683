"""A batch knows what goes on, what does not, and where each of them stood."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.receivers.items import (
    Batch,
    Item,
    ItemKind,
    Parsed,
    Rejected,
    describe_place,
    describe_places,
    sort_out,
)
from api.ingest.receivers.native import ERRORS
from api.ingest.receivers.wording import ERROR_WORDING
from api.ingest.schemas import ErrorIn

REFUSED = Rejected("missing_field", "send a service", "/service")
ITEMS = st.lists(st.builds(Parsed, st.integers(), st.integers(0, 3)) | st.just(REFUSED), max_size=20)


@given(ITEMS)
@settings(max_examples=60)
def test_items_are_sorted_out_each_at_its_place(items: list[Item[int]]) -> None:
    batch = sort_out(items)
    assert len(batch) == len(items)
    assert [items[place] for place in batch.rejected] == [REFUSED] * len(batch.rejected)
    assert [items[place] for place in batch.places] == [
        Parsed(value, batch.adjusted.get(number, 0)) for number, value in enumerate(batch.items)
    ]
    assert sorted([*batch.places, *batch.rejected]) == list(range(len(items)))
    assert all(batch.adjusted.values())  # those that were not adjusted are not named


def test_a_batch_of_which_all_goes_on_has_every_place() -> None:
    assert list(Batch(["a", "b"]).places) == [0, 1]
    assert len(Batch([])) == 0


def test_places_are_told_as_pointers_into_the_body() -> None:
    [told] = describe_places({3: REFUSED}, ERRORS)
    assert (told.pointer, told.reason, told.detail) == ("/errors/3/service", "missing_field", "send a service")
    assert describe_place(REFUSED).pointer == "/service"
    assert describe_place(Rejected("not_json", "no")).pointer == ""


def test_a_kind_without_a_shorter_way_reads_nothing_as_plain() -> None:
    kind: ItemKind[Any] = ItemKind("errors", ErrorIn, "errors", ERROR_WORDING)
    assert kind.read_plain_batch(b'{"errors": []}') is None
    assert kind.read_plain_item(b"{}") is None
