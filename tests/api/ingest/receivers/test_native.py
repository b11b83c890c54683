"""An item means the same in any company: alone, as a line, beside plain, bad or broken neighbours, in any encoding; and by
the plain reader, the models, and where it has to be made readable.
"""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.http.problems import Invalid
from api.ingest.receivers.items import Batch, ItemKind, Parsed, Rejected
from api.ingest.receivers.native import ERRORS, parse_batch, parse_lines, parse_one
from api.ingest.rows import CLEANED, RequestContext, make_row, note_adjustments
from api.ingest.times import Times
from api.spending.usage_pipeline import RECORDS
from api.spending.usage_rows import UsageContext, make_usage_row, name_usage_adjustments
from common.settings import Settings

MORE = 10 if os.environ.get("MAYDAY_TEST_ATTACKS") == "long" else 1
DEFAULTS = Settings()
SMALL = Settings(
    json_max_depth=4, json_max_keys=12, error_max_bytes=400, message_max_bytes=40, stack_trace_max_bytes=80
)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PROJECT = UUID(int=7)
NO_PLAIN = replace(ERRORS, read_plain_batch=lambda _: None, read_plain_item=lambda _: None)

STRINGS = st.sampled_from(
    [
        *(b'""', b'" "', b'"a"', b'"error"', b'"ERROR"', b'" Warn "', b'"fatal"', b'"7"', b'"NaN"', b'"batch"'),
        *(b'"n\xc3\xa9e"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\xef\xbf\xbd"', b'"\x00"', b'"\x01\t\\n"', b'"\\x"'),
        *(b'"\\u0000"', b'"\\ud800"', b'"\\udc00x"', b'"\\ud83d\\ude00"', b'"\\\\u0000"', b'"Infinity"'),
        *(b'"password=hunter2"', b'"4111 1111 1111 1111"', b'"2026-11-28T10:00:00Z"', b'"1764000000"'),
    ]
) | st.sampled_from([9, 10, 11, 40, 41, 80, 81, 200, 201, 400, 401]).map(lambda size: b'"%s"' % (b"s" * size))
ZEROS = st.sampled_from([198, 199, 298, 299, 300, 400, 4_299, 4_300, 5_000]).map(lambda size: b"0" * size)
NUMBERS = st.sampled_from(
    [
        *(b"0", b"-0", b"-0.0", b"7", b"1.10", b"1E5", b"1e-7", b"1e400", b"-1e400", b"NaN", b"Infinity"),
        *(b"-Infinity", b"18446744073709551616", b"0.12345678901234567890123", b"4111111111111111"),
        *(b"01", b"1.", b"+1", b"-"),
    ]
) | st.tuples(
    st.sampled_from([b"1", b"-7", b"0."]), ZEROS, st.sampled_from([b"", b"5", b"e99", b".5", b"e-399", b".5e1"])
).map(b"".join)
SCALARS = STRINGS | NUMBERS | st.sampled_from([b"true", b"false", b"null", b"nope", b""])
KEYS = STRINGS | st.sampled_from(
    [b'"a"', b'"b"', b'"\\u0061"', b'"token"', b'"input_tokens"', b'"gen_ai.request.model"']
)


def as_object(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"{%s}" % b",".join(b"%s:%s" % pair for pair in pairs)


def flat(count: int) -> bytes:
    return as_object([(b'"k%d"' % number, b"%d" % number) for number in range(count)])


def repeated(count: int) -> bytes:
    """Seven keys, each many times."""
    return as_object([(b'"k%d"' % (number % 7), b"[%d,{}]" % number) for number in range(count)])


def deep(depth: int) -> bytes:
    return b'{"d":' * (depth - 1) + b"[]" + b"}" * (depth - 1)


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: b"[ %s ]" % b" ,".join(items))
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(as_object)
    ),
    max_leaves=12,
)
OBJECTS = (
    st.lists(st.tuples(KEYS, VALUES), max_size=5).map(as_object)
    | st.sampled_from([10, 11, 12, 13, 99, 100, 101, 999, 1_000, 1_001, 2_000]).map(flat)
    | st.sampled_from([500, 1_001, 1_500]).map(repeated)
    | st.sampled_from([3, 4, 5, 6, 31, 32, 33, 34, 99, 100, 101, 195, 200, 205, 1_500]).map(deep)
    | st.integers(340, 420).map(lambda size: b'{"a":"%s"}' % (b"x" * size))
    | st.sampled_from([b"[]", b"[ ]", b"{}", b"null", b'{"a":1,"a":2}', b'{"a":[1,2],"a\\u0000":{"b":NaN}}'])
)
TAGS = st.lists(st.tuples(KEYS, SCALARS), max_size=5).map(as_object)
SEVERITIES = st.sampled_from([b'"error"', b'"error"', b'"warning"']) | SCALARS


def fields_of(needed: dict[str, st.SearchStrategy[bytes]], others: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Items as JSON text: the needed fields mostly right, a few of the others, in any order, sometimes said twice."""
    named = [st.tuples(st.just(b'"%s"' % name.encode()), kind) for name, kind in others.items()]
    beside = st.lists(st.one_of(*named), max_size=5)
    must = st.tuples(*(st.tuples(st.just(b'"%s"' % name.encode()), kind) for name, kind in needed.items())).map(list)
    return st.builds(lambda first, more: first + more, must, beside).flatmap(st.permutations).map(as_object)


ITEMS = (
    fields_of(
        {"service": st.just(b'"shop"') | STRINGS, "severity": SEVERITIES, "message": st.just(b'"m"') | STRINGS},
        {
            "event_id": st.just(b'"0192f0c0-0000-4000-8000-000000000000"') | SCALARS,
            "timestamp": st.just(b'"2026-11-28T10:00:00Z"') | SCALARS,
            "context": OBJECTS | OBJECTS | VALUES,
            "tags": TAGS | OBJECTS | VALUES,
            **dict.fromkeys(("error_type", "environment", "release", "fingerprint"), STRINGS | SCALARS),
            "stack_trace": STRINGS,
        },
    )
    | VALUES
)
USAGE = fields_of(
    {
        "event_key": st.just(b'"k"') | STRINGS,
        "team": st.just(b'"t"') | STRINGS,
        "model": st.just(b'"claude-haiku-4-5"') | STRINGS,
        "occurred_at": st.just(b'"2026-11-28T10:00:00Z"'),
    },
    {
        "total_tokens": st.just(b"5") | SCALARS,
        "usage": OBJECTS | TAGS,
        **dict.fromkeys(("agent", "provider", "deliverable", "processing", "cost_usd"), SCALARS),
    },
)  # fmt: skip

PLAIN_ERROR = b'{"service":"s","severity":"error","message":"plain","context":{"a":"b"},"tags":{"a":"b"}}'
PLAIN_RECORD = (
    b'{"event_key":"p","team":"t","model":"claude-haiku-4-5","occurred_at":"2026-11-28T10:00:00Z","total_tokens":5}'
)
NEIGHBOURS = {
    "plain": None,
    "bad": b'{"service":7}',
    "no object": b"12",
    "no JSON": b'{"a": nope [1,{"b":2}]}',
    "with a NUL": b'{"service":"s","severity":"error","message":"\\u0000"}',
    "with half a pair": b'{"service":"s","severity":"error","message":"\\ud83d"}',
    "not UTF-8": b'{"service":"s","severity":"error","message":"\xff"}',
    "deep": b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    "a huge number": b'{"a":' + b"9" * 5_000 + b"}",
    "not a number": b'{"a":NaN}',
}


def judge(item: Any, form: ItemKind[Any], limits: Settings) -> Any:
    """What is stored and told of a parsed item, or its rejection; without what the server makes up."""
    if isinstance(item, Rejected):
        return item
    if form.name == "records":
        record = make_usage_row(item.value, UsageContext(PROJECT, NOW, NOW - timedelta(days=90), NOW, []))
        return record if isinstance(record, Rejected) else (record, name_usage_adjustments(record, item.adjustments))
    frame = RequestContext(PROJECT, NOW, Times.at(NOW, limits), limits)
    row = note_adjustments(make_row(item.value, frame), item.adjustments)
    return row if item.value.event_id else row._replace(event_id=PROJECT)


def pick(batch: Batch[Any], place: int) -> Any:
    if place in batch.rejected:
        return batch.rejected[place]
    number = list(batch.places).index(place)
    return Parsed(batch.items[number], batch.adjusted.get(number, 0))


def list_ways(item: bytes, form: ItemKind[Any], limits: Settings) -> dict[str, Any]:
    """The item as it is parsed in each company."""
    plain = PLAIN_RECORD if form.name == "records" else PLAIN_ERROR
    ways = {}
    for name, neighbour in NEIGHBOURS.items():
        beside = [plain, neighbour or plain, item, neighbour or plain]
        body = b'{"%s": [%s]}' % (form.name.encode(), b" , ".join(beside))
        ways[name] = pick(parse_batch(body, form, limits), 2)
        if b"\n" not in item:
            ways[f"{name}, as a line"] = pick(parse_lines(b"\n".join(beside), form, limits), 2)
    ways["with a mark of its order"] = parse_one(b"\xef\xbb\xbf" + item, form, limits)
    for encoding in ("utf-16-le", "utf-32"):
        body = b'{"%s":[%s,%s]}' % (form.name.encode(), plain, item)
        sent = body.decode(errors="surrogateescape").encode(encoding, "surrogatepass")
        ways[encoding] = pick(parse_batch(sent, form, limits), 1)
    return ways


@given(ITEMS.filter(bytes.strip), st.sampled_from([DEFAULTS, SMALL]))
@settings(max_examples=60 * MORE, deadline=None)
@example(
    b'{"context":%s,"event_id":"0192f0c0-0000-7000-8000-000000000000","message":"m","service":"s","severity":"error"}'
    % flat(1_000),
    DEFAULTS,
)
@example(
    b'{"service":"s","severity":"error","message":"m","context":{"a":[%s],"b":NaN},"tags":{"a":"b"}}' % (b"9" * 301),
    DEFAULTS,
)
def test_an_error_means_the_same_in_any_company(item: bytes, limits: Settings) -> None:
    alone = judge(parse_one(item, ERRORS, limits), ERRORS, limits)
    for way, found in list_ways(item, ERRORS, limits).items():
        assert judge(found, ERRORS, limits) == alone, way


@given(USAGE.filter(bytes.strip))
@settings(max_examples=40 * MORE, deadline=None)
def test_a_record_means_the_same_in_any_company(item: bytes) -> None:
    alone = judge(parse_one(item, RECORDS, DEFAULTS), RECORDS, DEFAULTS)
    for way, found in list_ways(item, RECORDS, DEFAULTS).items():
        assert judge(found, RECORDS, DEFAULTS) == alone, way


def meaning(row: Any) -> Any:
    """JSON as what it says, whichever way it is written."""
    if isinstance(row, Rejected):
        return row
    said: dict[str, Any] = row._asdict()
    return said | {name: said[name] and json.loads(said[name]) for name in ("context", "tags")}


@given(ITEMS, st.sampled_from([DEFAULTS, SMALL]))
@settings(max_examples=150 * MORE, deadline=None)
def test_the_models_read_an_item_as_the_plain_reader_does(item: bytes, limits: Settings) -> None:
    first, second = (judge(parse_one(item, form, limits), form, limits) for form in (ERRORS, NO_PLAIN))
    assert meaning(first) == meaning(second)


@given(ITEMS.filter(lambda item: b'"message":"m"' in item), st.sampled_from([DEFAULTS, SMALL]))
@settings(max_examples=150 * MORE, deadline=None)
def test_what_is_wrong_with_a_message_changes_nothing_else(item: bytes, limits: Settings) -> None:
    """The item is made readable for one NUL, and is what it would be with the character that is put in its place."""
    told, replaced = (
        judge(parse_one(item.replace(b'"message":"m"', b'"message":%s' % said), ERRORS, limits), ERRORS, limits)
        for said in (b'"a\\u0000b"', '"a\ufffdb"'.encode())
    )
    if not isinstance(replaced, Rejected):
        replaced = replaced._replace(adjustments=replaced.adjustments | CLEANED)
    if not (isinstance(told, Rejected) and told.reason == "not_json"):
        assert meaning(told) == meaning(replaced)


@pytest.mark.parametrize("keys", [999, 1_000, 1_001])
@pytest.mark.parametrize("spoilt", [b"m", b"m\\u0000", b"m\\ud800", b"m\xff", b"m\n"])
def test_the_keys_of_a_context_cost_no_other_field_its_place(keys: int, spoilt: bytes) -> None:
    item = (
        b'{"context":%s,"event_id":"0192f0c0-0000-4000-8000-000000000000","fingerprint":"f","message":"%s",'
        b'"service":"s","severity":"error","tags":{"a":"b"},"timestamp":"2026-11-28T10:00:00Z"}'
    ) % (flat(keys), spoilt)
    row = judge(parse_one(item, ERRORS, DEFAULTS), ERRORS, DEFAULTS)
    assert (row.event_id.version, row.client_fingerprint, row.tags) == (4, "f", '{"a":"b"}')
    assert row.occurred_at == datetime(2026, 11, 28, 10, tzinfo=UTC)
    assert len(json.loads(row.context)) == min(keys, 1_000)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "send a JSON object with a list"), (b"nope", "send a JSON object with a list"), (b"", "send a JSON object"),
        (b'{"errors": {}}', "send a JSON object with a list"), (b'{"errors": []}', "no errors in the body"),
        (b'{"errors": [1], "more": 1}', "unknown field 'more'"), (b'{"errors": [%s]}' % b",".join([b"1"] * 1_001), "over 1,000"),
    ],
)  # fmt: skip
def test_a_body_without_a_list_of_items_is_refused_whole(body: bytes, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_batch(body, ERRORS, DEFAULTS)
    assert words in refused.value.detail


@pytest.mark.parametrize(("body", "words"), [(b"\n \n", "no errors in the body"), (b"1\n" * 1_001, "over 1,000")])
def test_lines_without_items_or_with_too_many_are_refused_whole(body: bytes, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_lines(body, ERRORS, DEFAULTS)
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("item", "reason", "pointer"),
    [
        (b'{"severity":"error","message":"m"}', "missing_field", "/service"),
        (b'{"service":"s","severity":"error","message":"m","more":1}', "unknown_field", "/more"),
        (b"[1]", "not_an_object", ""), (b"{nope", "not_json", ""),
        (b'{"service":"s","severity":"dreadful","message":"m"}', "invalid_field", "/severity"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_item_is_told_by_its_reason_and_place(item: bytes, reason: str, pointer: str) -> None:
    told = parse_one(item, ERRORS, DEFAULTS)
    assert isinstance(told, Rejected)
    assert (told.reason, told.pointer) == (reason, pointer)
    assert "dreadful" not in told.detail


def test_of_many_wrongs_the_first_is_told_and_the_others_counted() -> None:
    told = parse_one(b"{}", ERRORS, DEFAULTS)
    assert isinstance(told, Rejected)
    assert told.detail == "service: field required (and 2 more)"
