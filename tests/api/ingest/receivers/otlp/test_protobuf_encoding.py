"""Protobuf: what the library reads, within bounds; a record that it refuses is repaired, or falls out alone."""

import tracemalloc

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as Sent
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from api.ingest.receivers.building import CLEANED, TRUNCATED
from api.ingest.receivers.otlp.protobuf_encoding import find_severity, read_log, read_origin, read_span, split
from api.ingest.receivers.otlp.records import Bounds, LogRecord, Origin, Unreadable
from api.ingest.receivers.otlp.wire import delimit
from tests.api.ingest.receivers.otlp.messages import event_of, log_of, logs_of, pairs_of, span_of, value_of

BOUNDS = Bounds(values=1_001, depth=33)


def read(sent: Sent) -> LogRecord:
    return read_log(sent.SerializeToString(), BOUNDS)


def test_values_of_every_kind() -> None:
    values = {"text": "x", "yes": True, "whole": -(2**63), "half": 0.5, "raw": b"\xff", "none": None, "empty": ""}
    kept = values | {"raw": "/w=="}
    assert read(log_of({**values, "list": [values], "map": {"inner": values}})).attributes == {
        **kept, "list": [kept], "map": {"inner": kept}
    }  # fmt: skip


def test_ids_of_zeros_are_none() -> None:
    assert read(log_of(trace_id=bytes(16), span_id=b"\x01" * 8)).trace_id == ""
    assert read(log_of(trace_id=bytes(16), span_id=b"\x01" * 8)).span_id == "01" * 8


def test_a_group_has_the_bytes_of_its_records_and_their_origin() -> None:
    records = [log_of(body="one"), log_of(body="two")]
    [group] = split(logs_of(*records, scope="app").SerializeToString())
    assert [Sent.FromString(raw) for raw in group.records] == records
    assert read_origin(group.resource, group.scope, BOUNDS) == Origin({"service.name": "shop"}, "app")


def test_unknown_fields_and_fields_of_another_wire_type_are_passed_over() -> None:
    unknown = delimit(99, b"new") + b"\xa0\x06\x05"  # and field 100 as a number
    wrong = b"\x28\x05" + delimit(2, b"text")  # the body as a number, the severity as a text
    request = logs_of(log_of(body="fine")).SerializeToString()
    [group] = split(unknown + request + b"\x08\x05")
    assert read_log(group.records[0] + unknown, BOUNDS).body == "fine"
    assert read_log(wrong, BOUNDS) == LogRecord()


def test_a_resource_in_two_parts_is_one() -> None:
    parts = [delimit(1, Resource(attributes=pairs_of({name: "x"})).SerializeToString()) for name in ("a", "b")]
    body = delimit(1, b"".join(parts) + delimit(2, b""))
    assert ExportLogsServiceRequest.FromString(body).resource_logs[0].resource.attributes[1].key == "b"
    [group] = split(body)
    assert read_origin(group.resource, group.scope, BOUNDS).resource == {"a": "x", "b": "x"}


def test_text_that_is_no_utf8_is_replaced_and_told() -> None:
    record = read_log(delimit(3, b"\xff!") + delimit(5, delimit(1, b"caf\xe9")), BOUNDS)
    assert (record.severity_text, record.body, record.adjustments) == ("\ufffd!", "caf\ufffd", CLEANED)


def test_nul_is_replaced_and_told() -> None:
    record = read(log_of({"a\x00": "b\x00"}, "c\x00"))
    assert (record.attributes, record.body, record.adjustments) == ({"a\ufffd": "b\ufffd"}, "c\ufffd", CLEANED)


def test_a_record_that_is_no_message_is_told() -> None:
    for raw in (b"\x0a\x50abc", b"\x0f"):
        with pytest.raises(Unreadable):
            read_log(raw, BOUNDS)
        with pytest.raises(Unreadable):
            read_span(raw, BOUNDS)


def test_nesting_beyond_what_the_library_takes_is_cut() -> None:
    value = value_of("innermost").SerializeToString()
    for _ in range(200):
        value = delimit(5, delimit(1, value))  # an array of one
    record = read_log(Sent(severity_text="ERROR").SerializeToString() + delimit(5, value), BOUNDS)
    assert (record.severity_text, record.adjustments) == ("ERROR", TRUNCATED)


def test_as_many_values_are_read_as_there_is_room_for() -> None:
    record = read(log_of({"list": list(range(2_000)), "behind": 1}))
    assert (len(record.attributes["list"]), record.adjustments) == (BOUNDS.values - 1, TRUNCATED)
    assert "behind" not in record.attributes


def test_a_megabyte_of_empty_attributes_takes_no_more_memory_than_it_has_bytes() -> None:
    bomb = delimit(6, b"") * 2**19 + delimit(5, AnyValue(array_value=ArrayValue()).SerializeToString())
    tracemalloc.start()
    try:
        record = read_log(bomb, BOUNDS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert record.adjustments == TRUNCATED
    assert peak < 2**20


def test_the_severity_is_told_before_the_rest_is_read() -> None:
    assert find_severity(log_of({"a": 1}, severity_number=9).SerializeToString()) == 9
    assert find_severity(b"\x0a\x50") == 0
    assert find_severity(log_of({"a": "x" * 50_000}).SerializeToString()) == 0


def test_a_span_has_its_events() -> None:
    sent = span_of({"a": 1}, events=[event_of({"b": 2}, 7)], kind=2, start_time_unix_nano=5, end_time_unix_nano=6)
    span = read_span(sent.SerializeToString(), BOUNDS)
    assert (span.name, span.kind, span.start_ns, span.end_ns, span.attributes) == ("work", 2, 5, 6, {"a": 1})
    assert [(event.name, event.time_ns, event.attributes) for event in span.events] == [("exception", 7, {"b": 2})]
