"""What is read without the models is what they would have read; what they would refuse is left to them."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.fields import LenientInstant
from api.ingest.receivers.items import Parsed
from api.ingest.receivers.native import ERRORS, SentError, parse_batch, parse_one
from api.ingest.receivers.plain import PlainError, is_odd, read_plain_batch, read_plain_error
from api.ingest.rows import RequestContext, make_row
from api.ingest.sanitize.redaction import redact_text
from api.ingest.schemas import ErrorBatchIn, ErrorIn
from common.settings import Settings
from dev.bench.error_samples import batch_bodies, encode, make_errors
from tests.flow.test_hostile import REFUSED, STORABLE

SETTINGS = Settings()
FRAME = RequestContext.now(UUID(int=7), SETTINGS)
NO_PLAIN = replace(ERRORS, read_plain_batch=lambda _: None, read_plain_item=lambda _: None)

TEXTS = st.text(max_size=300) | st.sampled_from(
    ["", "s" * 200, "s" * 201, "n\u00e9e", "password=hunter2", 'a\\b"c\n', "\U0001f600"]
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([1e308, 10**400, 4_111_111_111_111_111])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
TIMES = st.datetimes().map(lambda at: at.isoformat() + "Z") | st.sampled_from(
    [
        *("2026-02-01T00:00:00.123456789Z", "2026-12-31T23:59:59.9999999Z", "2026-02-01 10:00:00+05:30", "2026-02-01"),
        *("2026-02-01T10:00", "2026-02-01T23:59:60Z", "1764000000", "yesterday", "2026-02-30T00:00:00Z", ""),
    ]
)
ZONES = st.sampled_from(["", "Z", "z", "+00:00", "-00:00", "+05:30", "-0330", "+23:59", "+24:00", "+14", " Z"])
INSTANTS = st.builds(
    lambda at, separator, fraction, zone: at.isoformat(separator, "seconds") + fraction + zone,
    st.datetimes(),
    st.sampled_from("Tt _"),
    st.from_regex(r"\A(?:\.[0-9]{0,12})?\Z"),
    ZONES,
)
IDS = st.uuids().flatmap(lambda i: st.sampled_from([str(i), i.hex, i.urn, f"{{{i}}}", str(i).upper(), str(i)[1:]]))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "service": TEXTS,
    "severity": st.sampled_from(["debug", "error", "critical", "ERROR", "fatal"]),
    "message": TEXTS,
    "event_id": IDS,
    "timestamp": TIMES,
    "error_type": TEXTS,
    "stack_trace": TEXTS,
    "environment": TEXTS,
    "release": TEXTS,
    "context": st.dictionaries(TEXTS, JSON_VALUES, max_size=5),
    "tags": st.dictionaries(TEXTS, TEXTS | JSON_VALUES, max_size=4)
    | st.dictionaries(st.integers(), TEXTS, max_size=120),
    "fingerprint": TEXTS,
}
# Each field mostly of its kind, sometimes any value: half of the errors are right in all of them.
ERRORS_SENT = st.fixed_dictionaries(
    {name: FIELDS[name] for name in ("service", "severity", "message")},
    optional={
        name: kind | st.none() | JSON_VALUES
        for name, kind in FIELDS.items()
        if name not in ("service", "severity", "message")
    },
)


def rows_of(body: bytes, form: Any) -> list[dict[str, Any]]:
    """The rows of a body, without what the server makes up, and JSON as what it means."""
    return [comparable(error) for error in parse_batch(body, form, SETTINGS).items]


def comparable(error: SentError) -> dict[str, Any]:
    row: dict[str, Any] = make_row(error, FRAME)._asdict()
    if not error.event_id:
        del row["event_id"]
    return row | {name: row[name] and json.loads(row[name]) for name in ("context", "tags")}


@given(st.lists(ERRORS_SENT, min_size=1, max_size=3), st.sampled_from([None, 1]), st.booleans())
@settings(max_examples=300)
@example([{"service": "s", "severity": "error", "message": "m", "context": {"p\\u0061ssword": "x"}}], None, True)
def test_plain_errors_become_the_rows_that_the_models_would_make_of_them(
    errors: list[dict[str, Any]], indent: int | None, ascii_only: bool
) -> None:
    body = json.dumps({"errors": errors}, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    if read_plain_batch(body) is not None:
        ErrorBatchIn.model_validate_json(body)
        assert rows_of(body, ERRORS) == rows_of(body, NO_PLAIN)


@given(ERRORS_SENT)
def test_one_plain_error_becomes_the_row_that_the_model_would_make_of_it(error: dict[str, Any]) -> None:
    body = json.dumps(error).encode()
    if read_plain_error(body) is not None:
        items = [parse_one(body, form, SETTINGS) for form in (ERRORS, NO_PLAIN)]
        first, second = (comparable(item.value) for item in items if isinstance(item, Parsed))
        assert first == second


@given(TIMES | INSTANTS | st.text(max_size=40))
def test_a_time_is_read_as_the_model_reads_it(text: str) -> None:
    with suppress(msgspec.ValidationError):
        read = msgspec.json.decode(json.dumps(text), type=datetime)
        assert read == TypeAdapter(LenientInstant).validate_json(json.dumps(text))


@pytest.mark.parametrize("poison", [*STORABLE.values(), *REFUSED.values()], ids=[*STORABLE, *REFUSED])
def test_poison_is_never_read_otherwise_than_by_the_models(poison: bytes) -> None:
    body = b'{"errors":[' + poison + b"]}"
    if read_plain_batch(body) is not None:
        assert rows_of(body, ERRORS) == rows_of(body, NO_PLAIN)


@pytest.mark.parametrize(
    "context",
    [
        b'{"p\\u0061ssword":"hunter2"}',
        b'{"url":"https:\\/\\/user:hunter2@host\\/"}',
        b'{ "password" : "hunter2" }',
        b'{"a":{"token":"hunter2"}}',
        b'{"note":"password=hunter2"}',
    ],
)
def test_no_secret_passes_as_plain_json(context: bytes) -> None:
    body = b'{"errors":[{"service":"s","severity":"error","message":"m","context":%s}]}' % context
    [error] = parse_batch(body, ERRORS, SETTINGS).items
    row = make_row(error, FRAME)
    assert row.redactions == 1
    assert "hunter2" not in (row.context or "")


@given(st.text())
def test_what_redaction_would_change_is_odd(text: str) -> None:
    assert redact_text(text)[1] == 0 or is_odd(text)


def test_the_errors_of_the_bench_are_plain() -> None:
    """Else it would measure the models."""
    [body] = batch_bodies([encode(error) for error in make_errors(300, 1)], 300)
    errors = read_plain_batch(body)
    assert errors is not None
    assert all(isinstance(error.context, str) and isinstance(error.tags, str) for error in errors)


def test_both_descriptions_of_an_error_have_the_same_fields() -> None:
    required = {name for name, field in ErrorIn.model_fields.items() if field.is_required()}
    assert list(PlainError.__struct_fields__) == list(ErrorIn.model_fields)
    assert set(PlainError.__struct_fields__[: len(required)]) == required
