"""Protobuf as bytes: fields are found as the library finds them, and what it refuses is made readable within bounds."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from api.ingest.receivers.building import CLEANED, TRUNCATED
from api.ingest.receivers.otlp.records import Bounds, Unreadable
from api.ingest.receivers.otlp.wire import (
    DELIMITED,
    FIXED64,
    VARINT,
    delimit,
    read_varint,
    repair_message,
    walk_fields,
    write_varint,
)
from tests.api.ingest.receivers.otlp.messages import log_of, value_of

BOUNDS = Bounds(values=1_001, depth=33)
GROUP = bytes([0x1B, 0x08, 0x01, 0x1C])  # field 3 as a group that holds a number


def test_fields_are_found_with_their_values() -> None:
    raw = LogRecord(
        severity_number=SeverityNumber.SEVERITY_NUMBER_ERROR, severity_text="ERROR", time_unix_nano=5
    ).SerializeToString()
    found = {field.number: (field.wire_type, raw[field.start : field.end]) for field in walk_fields(raw, 0, len(raw))}
    assert found == {1: (FIXED64, (5).to_bytes(8, "little")), 2: (VARINT, b"\x11"), 3: (DELIMITED, b"ERROR")}


def test_a_group_is_passed_over() -> None:
    raw = GROUP + delimit(4, b"behind")
    assert [(field.number, raw[field.start : field.end]) for field in walk_fields(raw, 0, len(raw))][1] == (
        4,
        b"behind",
    )


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x0a", "cut off"),
        (b"\x0a\x05ab", "end of its message"),
        (b"\x09\x00", "end of its message"),
        (b"\xff" * 11, "does not end"),
        (b"\x00\x01", "no number"),
        (b"\x0f", "no wire type"),
        (b"\x0c", "no wire type"),
        (b"\x0b" * 200, "too deep"),
        (b"\x0b\x08\x01", "cut off"),
    ],
)
def test_what_is_no_message_is_told(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        list(walk_fields(raw, 0, len(raw)))


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_numbers_are_read_as_they_are_written(value: int) -> None:
    raw = write_varint(value)
    assert read_varint(raw, 0, len(raw)) == (value, len(raw))


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"cd")  # a group that ends
@example(b"c|")  # one that another ends
@example(b"\r\x00\x00\x00\x00c\xfc\x00")
@example(b"cktl|d")
def test_no_bytes_are_read_in_another_way_than_by_the_library(raw: bytes) -> None:
    """What cannot be told apart here cannot be there; and what is repaired is read."""
    try:
        repaired, _ = repair_message(raw, LogRecord.DESCRIPTOR, BOUNDS)
    except Unreadable:
        with pytest.raises(DecodeError):
            LogRecord.FromString(raw)
        return
    LogRecord.FromString(repaired)


def test_a_record_within_bounds_stays_as_it_is() -> None:
    sent = log_of({"a": {"b": [1, "x"]}}, "body", severity_text="ERROR")
    repaired, adjustments = repair_message(sent.SerializeToString(), LogRecord.DESCRIPTOR, BOUNDS)
    assert (LogRecord.FromString(repaired), adjustments) == (sent, 0)


def test_bytes_that_are_no_text_are_replaced() -> None:
    raw = delimit(3, b"broken \xff here") + delimit(12, b"fine")
    repaired, adjustments = repair_message(raw, LogRecord.DESCRIPTOR, BOUNDS)
    assert LogRecord.FromString(repaired) == LogRecord(severity_text="broken \ufffd here", event_name="fine")
    assert adjustments == CLEANED


def nest(depth: int) -> AnyValue:
    value = value_of("innermost")
    for _ in range(depth):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    return value


def test_what_is_nested_too_deep_is_cut_and_its_record_is_read() -> None:
    inner = nest(45).SerializeToString()
    raw = delimit(5, delimit(5, delimit(1, inner))) + LogRecord(severity_text="ERROR").SerializeToString()
    repaired, adjustments = repair_message(raw, LogRecord.DESCRIPTOR, BOUNDS)
    read = LogRecord.FromString(repaired)
    assert read.severity_text == "ERROR"
    assert b"[cut]" in repaired
    assert b"innermost" not in repaired
    assert adjustments == TRUNCATED


def test_values_beyond_the_bounds_are_left_out_and_what_stands_behind_them_is_kept() -> None:
    raw = delimit(6, b"") * 5_000 + LogRecord(trace_id=b"x" * 16).SerializeToString()
    repaired, adjustments = repair_message(raw, LogRecord.DESCRIPTOR, BOUNDS)
    read = LogRecord.FromString(repaired)
    assert (len(read.attributes), read.trace_id, adjustments) == (BOUNDS.values, b"x" * 16, TRUNCATED)


def test_a_bomb_of_empty_values_is_read_as_far_as_it_is_kept() -> None:
    many = KeyValue(key="k").SerializeToString() + delimit(2, delimit(5, delimit(1, b"") * 100_000))
    repaired, adjustments = repair_message(delimit(6, many), LogRecord.DESCRIPTOR, BOUNDS)
    assert len(repaired) < 3_000
    assert adjustments == TRUNCATED
