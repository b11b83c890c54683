"""OTLP in JSON, as the specification has it and as senders write it beside that: names in snake_case too, ids in hex or
base64, numbers as texts, enumerations by number or name. What nobody knows is passed over. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from pydantic_core import to_json

from api.ingest.receivers.building import read_json
from api.ingest.receivers.json_text import NOT_STRICT, split_list, split_object, to_utf8
from api.ingest.receivers.otlp.records import (
    RECORDS_MAX,
    Attributes,
    Bounds,
    Group,
    LogRecord,
    Origin,
    Signal,
    Span,
    SpanEvent,
    TooManyRecords,
    Unreadable,
)
from api.ingest.sanitize.cleaning import CUT

Sent = Mapping[str, Any]
# What one attribute, and one level of nesting, are in JSON at most, in brackets and commas; and a record beside these.
VALUES_OF_ONE, LEVELS_OF_ONE = 8, 4
VALUES_BESIDE, LEVELS_BESIDE = 100, 10
DEPTH_MAX = 190  # what the reader of JSON takes
ID_CHARS = {32: 16, 16: 8}
HEX = re.compile(r"[0-9a-fA-F]*")
CAPITAL = re.compile(r"(?=[A-Z])")
WHOLE = re.compile(r"\s*([+-]?[0-9]{1,20})(?:\.0*)?\s*")
EMPTY = (None, b"null")


class SentSeverity(msgspec.Struct):
    """What is read of a log record first, under either name."""

    severityNumber: Any = None  # noqa: N815 - as it is sent
    severity_number: Any = None


decode_severity = msgspec.json.Decoder(SentSeverity).decode


def split(body: bytes, signal: Signal) -> list[Group]:
    """The groups of a request. Raises Unreadable, TooManyRecords."""
    groups: list[Group] = []
    parts = 0
    try:
        for group in walk_groups(to_utf8(body), signal):
            groups.append(group)
            parts += 1 + len(group.records)
            if parts > RECORDS_MAX:
                raise TooManyRecords(f"over {RECORDS_MAX:,} records in one request")
    except ValueError as error:
        raise Unreadable(f"this is no OTLP in JSON: {error}") from error
    return groups


def walk_groups(body: bytes, signal: Signal) -> Iterator[Group]:
    """Raises ValueError, TooManyRecords."""
    of_resource, of_scope, records = signal.value
    for resource_group in items_of(split_object(body), of_resource):
        parts = split_object(resource_group)
        for scope_group in items_of(parts, of_scope):
            inner = split_object(scope_group)
            yield Group(parts.get("resource", b""), inner.get("scope", b""), items_of(inner, records))


def items_of(parts: Mapping[str, bytes], name: str) -> list[bytes]:
    """The texts in the list of that name; none where it is missing. Raises ValueError, TooManyRecords."""
    text = pick(parts, name, to_snake_case(name))
    items = [] if text in EMPTY else split_list(text, RECORDS_MAX)
    if len(items) > RECORDS_MAX:
        raise TooManyRecords(f"over {RECORDS_MAX:,} records in one request")
    return items


def read_origin(resource: bytes, scope: bytes, bounds: Bounds) -> Origin:
    """Raises Unreadable."""
    sent_resource, in_resource = read_object(resource or b"{}", bounds)
    sent_scope, in_scope = read_object(scope or b"{}", bounds)
    return Origin(
        resource=read_attributes(sent_resource),
        scope_name=read_text(sent_scope.get("name")),
        scope_version=read_text(sent_scope.get("version")),
        scope_attributes=read_attributes(sent_scope),
        adjustments=in_resource | in_scope,
    )


def find_severity(raw: bytes) -> int:
    """The number of a log record, read without the rest of it; 0 where there is none."""
    try:
        sent = decode_severity(raw)
    except NOT_STRICT:
        return 0
    number = sent.severityNumber if sent.severityNumber is not None else sent.severity_number
    return read_enumeration(number, SeverityNumber)


def read_log(raw: bytes, bounds: Bounds) -> LogRecord:
    """Raises Unreadable."""
    sent, adjustments = read_object(raw, bounds)
    return LogRecord(
        time_ns=read_whole(pick(sent, "timeUnixNano", "time_unix_nano")),
        observed_ns=read_whole(pick(sent, "observedTimeUnixNano", "observed_time_unix_nano")),
        severity_number=read_enumeration(pick(sent, "severityNumber", "severity_number"), SeverityNumber),
        severity_text=read_text(pick(sent, "severityText", "severity_text")),
        body=read_value(sent.get("body")),
        attributes=read_attributes(sent),
        trace_id=read_id(pick(sent, "traceId", "trace_id")),
        span_id=read_id(pick(sent, "spanId", "span_id")),
        event_name=read_text(pick(sent, "eventName", "event_name")),
        adjustments=adjustments,
    )


def read_span(raw: bytes, bounds: Bounds) -> Span:
    """Raises Unreadable."""
    sent, adjustments = read_object(raw, bounds)
    status = as_object(sent.get("status"))
    return Span(
        trace_id=read_id(pick(sent, "traceId", "trace_id")),
        span_id=read_id(pick(sent, "spanId", "span_id")),
        parent_span_id=read_id(pick(sent, "parentSpanId", "parent_span_id")),
        name=read_text(sent.get("name")),
        kind=read_enumeration(sent.get("kind"), SentSpan.SpanKind),
        start_ns=read_whole(pick(sent, "startTimeUnixNano", "start_time_unix_nano")),
        end_ns=read_whole(pick(sent, "endTimeUnixNano", "end_time_unix_nano")),
        attributes=read_attributes(sent),
        events=[read_event(as_object(event)) for event in as_list(sent.get("events"))],
        status_code=read_enumeration(status.get("code"), Status.StatusCode),
        status_message=read_text(status.get("message")),
        adjustments=adjustments,
    )


def read_event(sent: Sent) -> SpanEvent:
    return SpanEvent(
        read_whole(pick(sent, "timeUnixNano", "time_unix_nano")), read_text(sent.get("name")), read_attributes(sent)
    )


def read_object(raw: bytes, bounds: Bounds) -> tuple[Sent, int]:
    """The object of a text, and how it was adjusted. Raises Unreadable."""
    depth = min(LEVELS_OF_ONE * bounds.depth + LEVELS_BESIDE, DEPTH_MAX)
    try:
        value, adjustments = read_json(raw, depth=depth, values=VALUES_OF_ONE * bounds.values + VALUES_BESIDE)
    except ValueError as error:
        raise Unreadable("a record is no JSON") from error
    if not isinstance(value, dict):
        raise Unreadable("a record is no object")
    return value, adjustments


def pick(sent: Sent, *names: str) -> Any:
    """The value that is there by one of its names: in camelCase, in snake_case."""
    return next((sent[name] for name in names if name in sent), None)


def as_object(value: Any) -> Sent:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def read_attributes(sent: Sent) -> Attributes:
    return read_pairs(sent.get("attributes"))


def read_pairs(sent: Any) -> Attributes:
    pairs = [as_object(pair) for pair in as_list(sent)]
    return {read_text(pair.get("key")): read_value(pair.get("value")) for pair in pairs}


def read_value(sent: Any) -> Any:
    """The value of an AnyValue; None where it says none that is known."""
    if not isinstance(sent, dict):
        return sent if sent == CUT else None
    for name, value in sent.items():
        read = READERS.get(name)
        if read is not None and value is not None:
            return read(value)
    return None


def read_text(sent: Any) -> str:
    if isinstance(sent, str):
        return sent
    return "" if sent is None else to_json(sent).decode()


def read_number(sent: Any) -> Any:
    """A number that may be written as text; what is none stays as it was sent."""
    try:
        return float(sent)
    except (ValueError, TypeError, OverflowError):
        return sent


def read_integer(sent: Any) -> Any:
    """As `read_number`, for whole ones."""
    found = WHOLE.fullmatch(sent) if isinstance(sent, str) else None
    if found:
        return int(found[1])
    return int(sent) if isinstance(sent, float) and sent.is_integer() else sent


def read_whole(sent: Any) -> int:
    """A time or a count; 0 for what is none."""
    number = read_integer(sent)
    return number if isinstance(number, int) and 0 <= number < 2**64 else 0


def read_boolean(sent: Any) -> Any:
    return {"true": True, "false": False}.get(sent, sent) if isinstance(sent, str) else sent


def read_bytes(sent: Any) -> Any:
    """Bytes in base64, in its usual alphabet."""
    return sent.replace("-", "+").replace("_", "/") if isinstance(sent, str) else sent


def read_enumeration(sent: Any, names: Any) -> int:
    """The number of a value that may be given by its name; 0 for an unknown one."""
    if isinstance(sent, str) and sent in names.keys():  # noqa: SIM118 - of protobuf's wrapper, which is no mapping
        return int(names.Value(sent))
    number = read_whole(sent)
    return number if number < 2**31 else 0


def read_id(sent: Any) -> str:
    """An id in hex of small letters; empty where it is none, or one of zeros. Those who write protobuf's own JSON send it
    in base64."""
    if not isinstance(sent, str) or not sent.strip("0"):
        return ""
    if HEX.fullmatch(sent) and len(sent) in ID_CHARS:
        return sent.lower()
    try:
        raw = base64.b64decode(sent, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) in ID_CHARS.values() and any(raw) else ""


def to_snake_case(name: str) -> str:
    return CAPITAL.sub("_", name).lower()


READERS: dict[str, Callable[[Any], Any]] = {
    "stringValue": read_text,
    "boolValue": read_boolean,
    "intValue": read_integer,
    "doubleValue": read_number,
    "bytesValue": read_bytes,
    "arrayValue": lambda sent: [read_value(item) for item in as_list(as_object(sent).get("values"))],
    "kvlistValue": lambda sent: read_pairs(as_object(sent).get("values")),
}
READERS |= {to_snake_case(name): read for name, read in READERS.items()}
