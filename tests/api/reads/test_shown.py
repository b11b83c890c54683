"""An error is shown by the words of its numbers, with what was sent of it as it was sent."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.reads.shown import SEVERITIES, SUMMARY_FIELDS, detail, hexadecimal, summarize, summary_fields
from common.tables import Adjustment, Severity

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Row(NamedTuple):
    """A row of Postgres: the columns of a summary, then the others."""

    event_id: UUID = UUID(int=7)
    occurred_at: datetime = NOW
    service: str = "shop"
    severity: int = Severity.error.value
    error_type: str | None = None
    message: str = "card declined"
    environment: str | None = None
    release: str | None = "1.0"
    pattern_id: UUID | None = None
    received_at: datetime = NOW
    stack_trace: str | None = None
    context: str | None = None
    tags: str | None = None
    fingerprint: int = -1
    adjustments: int = (Adjustment.truncated | Adjustment.redacted).value
    redactions: int = 2
    feedback: str | None = None


def test_a_summary_has_the_first_columns_under_their_names_and_more_columns_do_no_harm() -> None:
    fields = summary_fields(Row())
    assert tuple(fields) == SUMMARY_FIELDS
    assert (fields["severity"], fields["message"], fields["release"]) == ("error", "card declined", "1.0")
    assert summarize(Row()).model_dump() == fields


def test_every_severity_has_its_word() -> None:
    assert set(SEVERITIES) == {severity.value for severity in Severity}


@pytest.mark.parametrize(("sent", "shown"), [(None, None), ("{}", {}), ('{"a": [1.0, null]}', {"a": [1.0, None]})])
def test_context_and_tags_are_what_was_sent_and_null_where_nothing_was(sent: str | None, shown: Any) -> None:
    told = detail(Row(context=sent, tags=sent))
    assert (told.context, told.tags) == (shown, shown)


def test_each_adjustment_is_told_by_its_word() -> None:
    told = detail(Row())
    assert (sorted(told.adjustments), told.redactions, told.fingerprint) == (["redacted", "truncated"], 2, "f" * 16)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_fingerprint_is_sixteen_digits_whatever_its_sign(fingerprint: int) -> None:
    shown = hexadecimal(fingerprint)
    assert len(shown) == 16
    assert int(shown, 16) % 2**64 == fingerprint % 2**64
