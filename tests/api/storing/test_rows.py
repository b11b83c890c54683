"""Rows hold what is written in the order of the statements, and know what the writer asks of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from api.ingest.rows import RequestContext, make_row
from api.ingest.schemas import ErrorIn
from api.storing import errors, usage
from api.storing.rows import ROW_OVERHEAD_BYTES, ErrorRow, UsageRow
from common.pricing import TokenCounts
from common.settings import Settings

ROW = make_row(ErrorIn(service="s", severity="error", message="m"), RequestContext.now(UUID(int=7), Settings()))
RECORD: dict[str, Any] = dict.fromkeys(UsageRow._fields) | {"event_key": "call-1", "occurred_at": datetime.now(UTC)}
LATER = {"context": "context_text", "tags": "tags_text"}  # as the columns are called


def test_an_error_has_the_columns_of_its_statement_and_where_else_it_may_be() -> None:
    assert [LATER.get(name, name) for name in ErrorRow._fields] == [*errors.COLUMN_TYPES, "look_back"]


def test_a_record_has_the_columns_of_its_statement() -> None:
    assert list(UsageRow._fields) == list(usage.COLUMN_TYPES)


def test_a_row_is_called_by_its_id() -> None:
    assert ROW.name == str(ROW.event_id)
    assert UsageRow(**RECORD).name == "call-1"


@given(st.text(max_size=30), st.lists(st.none() | st.text(max_size=30), min_size=3, max_size=3))
@settings(max_examples=40)
def test_an_error_weighs_its_long_texts_and_what_every_row_does(message: str, others: list[str | None]) -> None:
    trace, context, tags = others
    row = ROW._replace(message=message, stack_trace=trace, context=context, tags=tags)
    assert row.size_bytes == ROW_OVERHEAD_BYTES + len(message) + sum(len(text or "") for text in others)


def test_the_counts_of_a_record_are_its_columns() -> None:
    names = ("input", "output", "cached", "cache_write", "cache_write_1h", "reasoning")
    counts = dict(zip(names, (100, 50, 30, 20, 10, 40), strict=True))
    row = UsageRow(**RECORD | {f"{name}_tokens": count for name, count in counts.items()})
    assert row.counts == TokenCounts(**counts)


def test_a_record_is_tied_to_an_error_by_its_id_or_its_pattern() -> None:
    assert not UsageRow(**RECORD).is_tied_to_an_error
    for name in ("event_id", "pattern_id"):
        assert UsageRow(**RECORD | {name: UUID(int=1)}).is_tied_to_an_error
