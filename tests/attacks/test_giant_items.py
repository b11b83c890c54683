"""However much is in one item, no parser is handed more of it than is kept: who holds a key cannot hold the event loop."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.http.problems import Invalid
from api.ingest import rows
from api.ingest.receivers import json_text, plain
from api.ingest.receivers import native as parsing
from api.ingest.receivers.items import Batch, ItemKind, Rejected
from api.ingest.receivers.native import ERRORS, parse_batch, parse_lines, parse_one
from api.ingest.rows import CLEANED, TRUNCATED, RequestContext, make_row
from api.ingest.times import Times
from api.spending.usage_pipeline import RECORDS
from api.spending.usage_schemas import UsageBatchIn
from common.settings import Settings

SETTINGS = Settings()
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
FRAME = RequestContext(UUID(int=7), NOW, Times.at(NOW, SETTINGS), SETTINGS)
MANY = 400_000  # values in a body
MOST_BYTES = 40_000  # of an item that is parsed: 1,000 values and what else it says

KINDS = {
    "lists": b"[]",
    "objects": b"{}",
    "numbers": b"1",
    "texts": b'"a"',
    "texts with escapes": b'"\\n\\\\"',
    "NUL": b'"\\u0000"',
    "raw NUL": b'"\x00"',
    "half a pair": b'"\\ud800"',
    "not a number": b"NaN",
    "nested": b"[[[[]]]]",
    "secrets": b'"password=x"',
    "huge numbers": b"7" * 30,
    "pairs": b'{"a":[1,{"b":"]"}]}',
}


def many(item: bytes, count: int = MANY) -> bytes:
    return b"[" + (item + b",") * (count - 1) + item + b"]"


DEEP = b"[" * MANY + b"]" * MANY
VALUES = {
    **{name: many(item) for name, item in KINDS.items()},
    "deep": DEEP,
    "deep in lists": b"[" * 29 + many(b"[]") + b"]" * 29,
    "beyond what is kept": b"[" * 40 + many(b'[{"a":1}]') + b"]" * 40,
    "keys": b"{%s}" % b",".join(b'"%d":1' % number for number in range(MANY)),
}


def error_with(value: bytes, message: bytes = b"m") -> bytes:
    return b'{"service":"s","severity":"error","message":"%s","context":{"first":1,"a":%s,"z":2}}' % (message, value)


def record_with(value: bytes) -> bytes:
    return (
        b'{"event_key":"k","team":"t","model":"claude-haiku-4-5","occurred_at":"2026-11-28T10:00:00Z",'
        b'"usage":{"input_tokens":1,"output_tokens":1,"a":%s}}'
    ) % value


class Handed:
    """Notes the longest text that what reads JSON was given."""

    def __init__(self) -> None:
        self.longest = 0

    def watch(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def note(text: Any, *more: Any) -> Any:
            self.longest = max(self.longest, len(text))
            return read(text, *more)

        return note


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Handed]:
    """All that builds values of a text, or looks through one character by character."""
    noted = Handed()
    for module, name in (
        (parsing, "read_item"),
        (plain, "from_json"),
        (rows, "from_json"),
        (json_text, "cut_depth"),
        (json_text, "from_json"),
    ):
        monkeypatch.setattr(module, name, noted.watch(getattr(module, name)))
    for few in ("decode_object", "decode_list"):  # these make one object for each member
        read = getattr(json_text, few)
        monkeypatch.setattr(json_text, few, lambda text, read=read: check_members(read(text)))
    validate = noted.watch(UsageBatchIn.model_validate_json)
    monkeypatch.setattr(UsageBatchIn, "model_validate_json", validate)
    yield noted
    assert noted.longest <= MOST_BYTES


def check_members(read: Any) -> Any:
    assert len(read) <= json_text.MANY_MEMBERS
    return read


def in_batch(item: bytes, form: ItemKind[Any]) -> Batch[Any]:
    return parse_batch(b'{"%s":[%s]}' % (form.name.encode(), item), form, SETTINGS)


def in_lines(item: bytes, form: ItemKind[Any]) -> Batch[Any]:
    return parse_lines(item, form, SETTINGS)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("message", [b"m", b"m\\u0000"])
def test_of_a_giant_context_no_more_is_parsed_than_is_kept(handed: Handed, name: str, message: bytes) -> None:
    item = error_with(VALUES[name], message)
    alone = parse_one(item, ERRORS, SETTINGS)
    assert not isinstance(alone, Rejected), alone
    row = make_row(alone.value, FRAME)
    assert row.adjustments & TRUNCATED
    kept = json.loads(row.context or "")
    assert next(iter(kept.values())) == 1
    for batch in (in_batch(item, ERRORS), in_lines(item, ERRORS)):
        again = make_row(batch.items[0], FRAME)
        assert (json.loads(again.context or ""), again.adjustments) == (kept, row.adjustments)
    assert bool(alone.adjustments & CLEANED) == (b"\\u0000" in message or name in ("NUL", "raw NUL", "half a pair"))


@pytest.mark.parametrize("name", [name for name in VALUES if name != "deep"])
def test_a_giant_usage_object_is_refused_unread(handed: Handed, name: str) -> None:
    item = record_with(VALUES[name])
    refusal = parse_one(item, RECORDS, SETTINGS)
    assert isinstance(refusal, Rejected)
    assert (refusal.reason, refusal.pointer) == ("invalid_field", "/usage")
    assert "1,000" in refusal.detail
    for batch in (in_batch(item, RECORDS), in_lines(item, RECORDS)):
        assert batch.rejected == {0: refusal}


@pytest.mark.parametrize("beside", [b"m", b"\\u0000"])
def test_the_most_values_of_a_usage_object_are_the_same_in_any_company(beside: bytes) -> None:
    neighbour = b'{"event_key":"%s"}' % beside
    for over in (0, 1):
        item = record_with(many(b"1", 997 + over))  # three commas and two brackets stand around
        assert isinstance(parse_one(item, RECORDS, SETTINGS), Rejected) == bool(over)
        for batch in (in_batch(item + b"," + neighbour, RECORDS), in_lines(item + b"\n" + neighbour, RECORDS)):
            assert (0 in batch.rejected) == bool(over)


@pytest.mark.parametrize("form", [ERRORS, RECORDS], ids=["errors", "records"])
@pytest.mark.parametrize("item", [*KINDS.values(), b'{"service":"s","severity":"error","message":"m"}'], ids=str)
def test_items_are_counted_no_further_than_one_too_many(handed: Handed, form: ItemKind[Any], item: bytes) -> None:
    with pytest.raises(Invalid, match=r"1,000"):
        in_batch(many(item)[1:-1], form)
    with pytest.raises(Invalid, match=r"1,000"):
        in_lines(b"{}\n" + b"\n".join([item] * MANY), form)


@pytest.mark.parametrize("name", ["message", "event_id", "timestamp", "tags", "unknown"])
@pytest.mark.parametrize("value", ["lists", "keys", "NUL"])
def test_a_field_that_can_be_no_such_thing_is_refused_unread(handed: Handed, name: str, value: str) -> None:
    item = b'{"service":"s","severity":"error","message":"m","%s":%s}' % (name.encode(), VALUES[value])
    refusal = parse_one(item, ERRORS, SETTINGS)
    assert isinstance(refusal, Rejected)
    assert refusal.reason == ("unknown_field" if name == "unknown" else "invalid_field")


@pytest.mark.parametrize("fields", [b'"service":"s"', b'"%d":1'])
def test_an_item_of_more_fields_than_there_are_is_refused_unread(handed: Handed, fields: bytes) -> None:
    item = b"{%s}" % b",".join(fields % number if b"%" in fields else fields for number in range(MANY))
    refusal = parse_one(item, ERRORS, SETTINGS)
    assert isinstance(refusal, Rejected)
    assert refusal.reason == "unknown_field"


def test_blank_lines_are_passed_over(handed: Handed) -> None:
    with pytest.raises(Invalid, match=r"no errors"):
        in_lines(b" \n" * MANY, ERRORS)
