"""From an error as sent to its row: cut, cleaned, redacted, in time, and the same however it was read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.rows import (
    CLEANED,
    MOST_REDACTIONS,
    TRUNCATED,
    RequestContext,
    is_small,
    make_event_id,
    make_row,
    note_adjustments,
    read_bounded,
    redact_names,
    sanitize_json,
    sanitize_text,
    sanitize_trace,
)
from api.ingest.sanitize.cleaning import clean_value, cut_text
from api.ingest.sanitize.redaction import REDACTED, redact_text, redact_value
from api.ingest.schemas import ErrorIn
from api.storing.rows import ErrorRow
from common.fingerprint import split_trace
from common.settings import Settings
from common.tables import Adjustment, Severity
from tests.api.ingest.sanitize.redaction.samples import FRAMES, PIECES, WORDS

SMALL = Settings(json_max_depth=3, json_max_keys=8, error_max_bytes=200, message_max_bytes=40, stack_trace_max_bytes=80)
SENT: dict[str, Any] = {"service": "shop", "severity": "error", "message": "payment 1 failed"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60) | WORDS | PIECES
OBJECTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.integers() | st.sampled_from([float("nan"), float("inf"), 1.5, 10**301]) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=5,
)


def make(limits: Settings = SMALL, **sent: Any) -> ErrorRow:
    return make_row(ErrorIn.model_validate(SENT | sent), RequestContext.now(UUID(int=7), limits))


@given(st.lists(st.lists(PIECES | WORDS | FRAMES, max_size=4).map("".join), max_size=5).map("\n".join))
def test_a_trace_that_is_searched_in_two_parts_is_redacted_as_any_text(trace: str) -> None:
    *settled, split = sanitize_trace(trace, 64)
    assert tuple(settled) == sanitize_text(trace, 64)
    assert split == split_trace(sanitize_text(trace, 64)[0])


def test_secrets_in_names_are_not_stored_or_fingerprinted(row_of_secrets: ErrorRow) -> None:
    stored = [field for field in row_of_secrets if isinstance(field, str)]
    assert not [field for field in stored if "0a1b2c3d4e5f6a7b" in field]
    assert row_of_secrets.redactions == 6
    assert row_of_secrets.adjustments & Adjustment.redacted


@pytest.fixture
def row_of_secrets() -> ErrorRow:
    """The row of an error that has a secret in every text."""
    secret = "token=0a1b2c3d4e5f6a7b"
    error = ErrorIn(
        service=secret, severity="error", message=secret, error_type=secret, environment=secret, release=secret,
        fingerprint=secret,
    )  # fmt: skip
    return make_row(error, RequestContext.now(uuid4(), Settings()))


@given(TEXTS.map(lambda text: text * 3), st.integers(4, 200))
def test_a_text_is_cut_first_and_then_redacted_whichever_way_it_takes(text: str, max_bytes: int) -> None:
    redacted, redactions, adjustments = sanitize_text(text, max_bytes)
    cut = cut_text(text, max_bytes)
    assert (redacted, redactions) == redact_text(cut)
    assert (adjustments == TRUNCATED) == (cut != text)


@given(OBJECTS)
@settings(max_examples=60)
def test_a_context_is_cleaned_cut_and_redacted_whichever_way_it_takes(value: dict[str, Any]) -> None:
    text, redactions, adjustments = sanitize_json(value, SMALL)
    cleaned = clean_value(value, SMALL.json_max_depth, SMALL.json_max_keys)
    kept = to_json(cleaned.value).decode()
    assert (adjustments & CLEANED == CLEANED) == cleaned.is_cleaned
    if len(kept) > SMALL.error_max_bytes:
        assert json.loads(text) == {"cut": f"{len(kept):,} characters of JSON"}
        assert adjustments & TRUNCATED
    else:
        assert (adjustments & TRUNCATED == TRUNCATED) == cleaned.is_cut
        assert (json.loads(text), redactions) == redact_value(json.loads(kept))


@given(OBJECTS)
@settings(max_examples=60)
def test_what_is_small_for_certain_is_never_cut(value: dict[str, Any]) -> None:
    text = to_json(value, inf_nan_mode="strings").decode()
    if is_small(text, SMALL):
        assert not clean_value(value, SMALL.json_max_depth, SMALL.json_max_keys).is_cut
        assert len(text) <= SMALL.error_max_bytes
        assert sanitize_json(text, SMALL) == (text, 0, 0)  # the plain reader has looked for what is odd


@pytest.mark.parametrize("keys", [999, 1_000, 1_001, 5_000])
def test_of_a_text_with_too_many_values_as_much_is_read_as_is_kept(keys: int) -> None:
    value = {f"k{number}": number for number in range(keys)}
    text, _, adjustments = sanitize_json(json.dumps(value), Settings())
    assert list(json.loads(text)) == list(value)[:1_000]
    assert bool(adjustments & TRUNCATED) == (keys > 1_000)
    assert len(read_bounded(json.dumps(value), Settings())) == min(keys, 1_001)


@pytest.mark.parametrize("severity", Severity)
def test_a_row_says_what_was_sent_in_its_order(severity: Severity) -> None:
    event_id, at = uuid4(), datetime.now(UTC) - timedelta(hours=1)
    row = make(
        severity=severity.name, event_id=event_id, timestamp=at, error_type="Declined", stack_trace="at f (a.js:1:2)",
        environment="test", release="1.2", context={"a": 1}, tags={"b": "c"}, fingerprint="mine",
    )  # fmt: skip
    assert row.project_id == UUID(int=7)
    assert (row.day, row.event_id, row.occurred_at, row.severity) == (at.date(), event_id, at, severity.value)
    assert (row.service, row.environment, row.release, row.error_type) == ("shop", "test", "1.2", "Declined")
    assert (row.client_fingerprint, row.message, row.stack_trace) == ("mine", "payment 1 failed", "at f (a.js:1:2)")
    assert (row.context, row.tags, row.adjustments, row.redactions) == ('{"a":1}', '{"b":"c"}', 0, 0)
    assert abs(row.received_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_was_not_sent_is_none_and_empty_is_nothing() -> None:
    row = make(stack_trace="", context={}, tags={})
    assert (row.environment, row.release, row.error_type, row.client_fingerprint) == (None,) * 4
    assert (row.stack_trace, row.context, row.tags) == (None,) * 3


def test_what_was_done_to_an_error_is_told_each_by_its_flag() -> None:
    assert make(message="m" * 50).adjustments == Adjustment.truncated
    assert make(timestamp=datetime(2001, 1, 1, tzinfo=UTC)).adjustments == Adjustment.retimed
    assert make(context={"a": float("nan")}).adjustments == Adjustment.cleaned
    assert make(tags={"note": "pwd=x1y2"}).adjustments == Adjustment.redacted
    noted = note_adjustments(make(message="m" * 50), CLEANED)
    assert Adjustment(noted.adjustments) == Adjustment.truncated | Adjustment.cleaned


def test_more_redactions_than_a_row_can_say_are_the_most_that_it_can() -> None:
    limits = Settings(stack_trace_max_bytes=2**20)
    row = make(limits, stack_trace="pin=1234\n" * (MOST_REDACTIONS + 9))
    assert (row.redactions, row.adjustments) == (MOST_REDACTIONS, Adjustment.redacted)


def test_errors_that_differ_in_a_secret_alone_are_one_group() -> None:
    first, second = make(message="login password=hunter21"), make(message="login password=dragon44")
    assert first.message == second.message == f"login password={REDACTED}"
    assert first.fingerprint == second.fingerprint != make(message="login failed").fingerprint


@given(
    st.text(min_size=1, max_size=20) | PIECES,
    st.lists(st.none() | st.text(max_size=20) | PIECES, min_size=4, max_size=4),
)
@settings(max_examples=40)
def test_names_are_redacted_each_by_itself_in_their_places(service: str, others: list[str | None]) -> None:
    names, found = redact_names(service, *others)
    expected = [redact_text(name) if name else (name, 0) for name in (service, *others)]
    assert (list(names), found) == ([name for name, _ in expected], sum(count for _, count in expected))


def test_ids_that_are_made_are_of_version_7_each_its_own_in_their_order() -> None:
    ids = [make_event_id() for _ in range(100)]
    assert {UUID(str(made)).version for made in ids} == {7}
    assert sorted(set(ids)) == ids
