"""JSON as senders write it: what the specification has, and what they do beside it."""

import json
from typing import Any

import pytest

from api.ingest.receivers.building import TRUNCATED
from api.ingest.receivers.otlp.json_encoding import find_severity, read_log, read_span, read_value, split
from api.ingest.receivers.otlp.records import Bounds, LogRecord, Signal, Span, SpanEvent, Unreadable

BOUNDS = Bounds(values=1_001, depth=33)
TRACE_ID, SPAN_ID = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def read(**sent: Any) -> LogRecord:
    return read_log(json.dumps(sent).encode(), BOUNDS)


def test_a_record_as_the_specification_has_it() -> None:
    read_one = read(
        timeUnixNano="1544712660300000000", observedTimeUnixNano="1544712660300000001", severityNumber=17,
        severityText="ERROR", body={"stringValue": "failed"}, traceId=TRACE_ID.upper(), spanId=SPAN_ID, flags=1,
        attributes=[{"key": "a", "value": {"intValue": "9007199254740993"}}], eventName="", aNewField={"x": [1]},
    )  # fmt: skip
    assert read_one == LogRecord(
        1544712660300000000, 1544712660300000001, 17, "ERROR", "failed", {"a": 9007199254740993}, TRACE_ID, SPAN_ID
    )


def test_the_same_in_snake_case_with_numbers_and_names() -> None:
    assert read(
        time_unix_nano=1544712660300000000, severity_number="SEVERITY_NUMBER_ERROR2", trace_id=TRACE_ID,
        body={"string_value": "failed"}, attributes=[{"key": "a", "value": {"int_value": 5}}], span_id=SPAN_ID,
    ) == LogRecord(
        1544712660300000000, severity_number=18, body="failed", attributes={"a": 5}, trace_id=TRACE_ID, span_id=SPAN_ID
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ({"stringValue": "x"}, "x"),
        ({"stringValue": ""}, ""),
        ({"stringValue": 5}, "5"),
        ({"boolValue": True}, True),
        ({"boolValue": "true"}, True),
        ({"intValue": "-5"}, -5),
        ({"intValue": 5}, 5),
        ({"intValue": 5.0}, 5),
        ({"intValue": "five"}, "five"),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"doubleValue": [1]}, [1]),
        ({"bytesValue": "-_8="}, "+/8="),
        ({"arrayValue": {"values": [{"intValue": 1}, {}, {"stringValue": "x"}]}}, [1, None, "x"]),
        ({"arrayValue": {}}, []),
        ({"arrayValue": None}, None),
        ({"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": False}}]}}, {"k": False}),
        ({"kvlistValue": "none"}, {}),
        ({"unknownValue": 1}, None),
        ({}, None),
        ("bare", None),
        (None, None),
    ],
)
def test_values_of_every_kind(sent: Any, value: Any) -> None:
    assert read_value(sent) == value
    assert type(read_value(sent)) is type(value)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (TRACE_ID, TRACE_ID),
        (TRACE_ID.upper(), TRACE_ID),
        ("W47/95gDgQPSabYzgT/GDA==", TRACE_ID),  # base64, as protobuf's own JSON has it
        ("0" * 32, ""),
        ("", ""),
        ("not an id", ""),
        (TRACE_ID[:-1], ""),
        ("AAAAAAAAAAAAAAAAAAAAAA==", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_ids_in_hex_and_in_base64(sent: Any, kept: str) -> None:
    assert read(traceId=sent).trace_id == kept


@pytest.mark.parametrize("sent", [-1, "-1", "soon", 2**64, 1e30, [], {}, None])
def test_a_time_that_is_none_is_none(sent: Any) -> None:
    assert read(timeUnixNano=sent).time_ns == 0


@pytest.mark.parametrize(
    ("sent", "number"), [(1544712660300000000, 1544712660300000000), ("5", 5), (5.0, 5), ("5.0", 5)]
)
def test_times_as_numbers_and_texts(sent: Any, number: int) -> None:
    assert read(timeUnixNano=sent).time_ns == number


def test_fields_of_a_wrong_kind_are_passed_over() -> None:
    sent = {"attributes": {"a": 1}, "body": [1], "severityNumber": {}, "traceId": [], "severityText": None}
    assert read(**sent) == LogRecord()
    assert read(attributes=[1, None, "x", {"value": {"intValue": 1}}]).attributes == {"": 1}


def test_a_span_with_its_events() -> None:
    sent = {
        "traceId": TRACE_ID, "spanId": SPAN_ID, "parentSpanId": "", "name": "work", "kind": "SPAN_KIND_SERVER",
        "startTimeUnixNano": "5", "endTimeUnixNano": 6, "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "events": [{"timeUnixNano": "5", "name": "exception"}, None], "links": [{"traceId": TRACE_ID}],
    }  # fmt: skip
    assert read_span(json.dumps(sent).encode(), BOUNDS) == Span(
        TRACE_ID, SPAN_ID, name="work", kind=2, start_ns=5, end_ns=6, status_code=2, status_message="no",
        events=[SpanEvent(5, "exception"), SpanEvent()],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (b'{"severityNumber":9}', 9),
        (b'{"severity_number":"9"}', 9),
        (b'{"severityNumber":"SEVERITY_NUMBER_INFO","x":1}', 9),
        (b"{}", 0),
        (b"[]", 0),
        (b"{", 0),
        (b'{"severityNumber":[]}', 0),
    ],
)
def test_the_severity_is_told_before_the_rest_is_read(sent: bytes, number: int) -> None:
    assert find_severity(sent) == number


@pytest.mark.parametrize("sent", [b"[]", b"5", b'"x"', b"{", b"null", b""])
def test_a_record_that_is_no_object_is_told(sent: bytes) -> None:
    with pytest.raises(Unreadable):
        read_log(sent, BOUNDS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"resourceLogs":5}',
        b'{"resourceLogs":[5]}',
        b'{"resourceLogs":[{"scopeLogs":{}}]}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_none_of_otlp_is_told(body: bytes) -> None:
    with pytest.raises(Unreadable, match="no OTLP in JSON"):
        split(body, Signal.logs)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"resourceLogs":null}',
        b'{"resourceLogs":[]}',
        b'{"other":[1]}',
        b'{"resourceLogs":[{}]}',
        b'{"resourceLogs":[{"resource":null,"scopeLogs":null}]}',
    ],
)
def test_a_body_of_nothing_holds_no_record(body: bytes) -> None:
    assert [record for group in split(body, Signal.logs) for record in group.records] == []


def test_groups_in_snake_case() -> None:
    [group] = split(b'{"resource_logs":[{"scope_logs":[{"log_records":[{"a":1},7]}]}]}', Signal.logs)
    assert list(group.records) == [b'{"a":1}', b"7"]


def test_what_is_nested_too_deep_is_cut_and_its_record_is_read() -> None:
    deep = '{"arrayValue":{"values":[' * 500 + '{"intValue":1}' + "]}}" * 500
    record = read_log(f'{{"severityText":"ERROR","body":{deep},"traceId":"{TRACE_ID}"}}'.encode(), BOUNDS)
    assert (record.severity_text, record.trace_id) == ("ERROR", TRACE_ID)
    assert "[[[" in json.dumps(record.body)


def test_a_record_of_too_many_values_is_cut_and_says_so() -> None:
    pairs = ",".join(f'{{"key":"k{number}","value":{{"intValue":{number}}}}}' for number in range(20_000))
    record = read_log(f'{{"severityText":"ERROR","attributes":[{pairs}]}}'.encode(), BOUNDS)
    assert BOUNDS.values < len(record.attributes) < 4_000
    assert record.adjustments == TRUNCATED
