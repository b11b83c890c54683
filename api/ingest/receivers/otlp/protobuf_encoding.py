"""OTLP in protobuf: the library reads records, one at a time and none that is too much for it. Pure."""

import base64
from collections.abc import Iterable
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as SentLogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from api.ingest.receivers.building import CLEANED, TRUNCATED
from api.ingest.receivers.otlp.records import (
    RECORDS_MAX,
    Attributes,
    Bounds,
    Group,
    LogRecord,
    Origin,
    Span,
    SpanEvent,
    TooManyRecords,
    Unreadable,
)
from api.ingest.receivers.otlp.wire import DELIMITED, repair_message, walk_fields
from api.ingest.sanitize.cleaning import REPLACEMENT

MessageT = TypeVar("MessageT", bound=Message)
# The numbers of what a request, a group of one resource and one of one scope hold; the same for all signals.
GROUPS, FIRST, RECORDS = 1, 1, 2
SCALARS = ("bool_value", "int_value", "double_value")
NUL = "\x00"  # the one character of UTF-8 that Postgres does not keep
SMALL_BYTES = 32 * 2**10  # what the library makes of so much is never more than a megabyte


def split(body: bytes) -> list[Group]:
    """The groups of a request of any signal. Raises Unreadable, TooManyRecords."""
    groups: list[Group] = []
    parts_left = RECORDS_MAX
    for of_resource in walk_fields(body, 0, len(body)):
        if of_resource.number != GROUPS or of_resource.wire_type != DELIMITED:
            continue
        resource, scopes = pick_parts(body, of_resource.start, of_resource.end)
        parts_left -= 1 + len(scopes)
        for start, end in scopes:
            scope, records = pick_parts(body, start, end)
            parts_left -= len(records)
            if parts_left < 0:
                break
            groups.append(Group(resource, scope, [body[begin:stop] for begin, stop in records]))
        if parts_left < 0:
            raise TooManyRecords(f"over {RECORDS_MAX:,} records in one request")
    return groups


def pick_parts(body: bytes, start: int, end: int) -> tuple[bytes, list[tuple[int, int]]]:
    """What a group says of all that it holds, and where that stands. Of what comes twice the parts are one, as protobuf has
    it. Raises Unreadable."""
    fields = [field for field in walk_fields(body, start, end) if field.wire_type == DELIMITED]
    of_all = b"".join([body[field.start : field.end] for field in fields if field.number == FIRST])
    return of_all, [(field.start, field.end) for field in fields if field.number == RECORDS]


def read_origin(resource: bytes, scope: bytes, bounds: Bounds) -> Origin:
    """Raises Unreadable."""
    sent_resource, in_resource = read_message(Resource, resource, bounds)
    sent_scope, in_scope = read_message(InstrumentationScope, scope, bounds)
    reading = Reading(bounds, in_resource | in_scope)
    return Origin(
        resource=reading.attributes(sent_resource.attributes),
        scope_name=reading.text(sent_scope.name),
        scope_version=reading.text(sent_scope.version),
        scope_attributes=reading.attributes(sent_scope.attributes),
        adjustments=reading.adjustments,
    )


def find_severity(raw: bytes) -> int:
    """The number of a log record; 0 where there is none, and for one that the library does not read at once."""
    try:
        return int(SentLogRecord.FromString(raw).severity_number) if len(raw) <= SMALL_BYTES else 0
    except DecodeError:
        return 0


def read_log(raw: bytes, bounds: Bounds) -> LogRecord:
    """Raises Unreadable."""
    sent, adjustments = read_message(SentLogRecord, raw, bounds)
    reading = Reading(bounds, adjustments)
    return LogRecord(
        time_ns=sent.time_unix_nano,
        observed_ns=sent.observed_time_unix_nano,
        severity_number=sent.severity_number,
        severity_text=reading.text(sent.severity_text),
        body=reading.value(sent.body, bounds.depth) if sent.HasField("body") else None,
        attributes=reading.attributes(sent.attributes),
        trace_id=name_id(sent.trace_id),
        span_id=name_id(sent.span_id),
        event_name=reading.text(sent.event_name),
        adjustments=reading.adjustments,
    )


def read_span(raw: bytes, bounds: Bounds) -> Span:
    """Raises Unreadable."""
    sent, adjustments = read_message(SentSpan, raw, bounds)
    reading = Reading(bounds, adjustments)
    return Span(
        trace_id=name_id(sent.trace_id),
        span_id=name_id(sent.span_id),
        parent_span_id=name_id(sent.parent_span_id),
        name=reading.text(sent.name),
        kind=sent.kind,
        start_ns=sent.start_time_unix_nano,
        end_ns=sent.end_time_unix_nano,
        attributes=reading.attributes(sent.attributes),
        events=[
            SpanEvent(event.time_unix_nano, reading.text(event.name), reading.attributes(event.attributes))
            for event in sent.events
        ],
        status_code=sent.status.code,
        status_message=reading.text(sent.status.message),
        adjustments=reading.adjustments,
    )


def read_message(kind: type[MessageT], raw: bytes, bounds: Bounds) -> tuple[MessageT, int]:
    """The message, and how it was adjusted so that the library reads it. Raises Unreadable."""
    if len(raw) <= SMALL_BYTES:
        try:
            return kind.FromString(raw), 0
        except DecodeError:
            pass  # it is repaired, and read again
    repaired, adjustments = repair_message(raw, kind.DESCRIPTOR, bounds)
    try:
        return kind.FromString(repaired), adjustments
    except DecodeError as error:
        raise Unreadable(f"a {kind.DESCRIPTOR.name} is no message of protobuf") from error


def name_id(raw: bytes) -> str:
    """In hex; empty for one of zeros, which is none."""
    return raw.hex() if any(raw) else ""


class Reading:
    """Values of JSON out of one record, no more than there is room for."""

    def __init__(self, bounds: Bounds, adjustments: int = 0) -> None:
        self.depth = bounds.depth
        self.values_left = bounds.values
        self.adjustments = adjustments

    def attributes(self, sent: Iterable[KeyValue]) -> Attributes:
        return self.pairs(sent, self.depth)

    def pairs(self, sent: Iterable[KeyValue], depth: int) -> Attributes:
        found: Attributes = {}
        for pair in sent:
            if not self.has_room():
                break
            found[self.text(pair.key)] = self.value(pair.value, depth)
        return found

    def items(self, sent: Iterable[AnyValue], depth: int) -> list[Any]:
        found: list[Any] = []
        for item in sent:
            if not self.has_room():
                break
            found.append(self.value(item, depth))
        return found

    def value(self, sent: AnyValue, depth: int) -> Any:
        kind = sent.WhichOneof("value")
        if kind == "string_value":
            return self.text(sent.string_value)
        if kind == "kvlist_value":
            return self.pairs(sent.kvlist_value.values, depth - 1)
        if kind == "array_value":
            return self.items(sent.array_value.values, depth - 1)
        if kind == "bytes_value":
            return base64.b64encode(sent.bytes_value).decode()
        return getattr(sent, kind) if kind in SCALARS else None

    def has_room(self) -> bool:
        """Whether one more value is read."""
        self.values_left -= 1
        self.adjustments |= TRUNCATED if self.values_left < 0 else 0
        return self.values_left >= 0

    def text(self, sent: str) -> str:
        if NUL not in sent:
            return sent
        self.adjustments |= CLEANED
        return sent.replace(NUL, REPLACEMENT)
