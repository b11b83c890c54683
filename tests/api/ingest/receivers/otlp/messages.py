"""Requests of OTLP for tests, written once and encoded either way."""

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic_core import to_json

TRACE_ID, SPAN_ID = bytes(range(1, 17)), bytes(range(1, 9))
ID_NAMES = {"traceId", "spanId", "parentSpanId"}
SCALARS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}


def value_of(value: Any) -> AnyValue:
    """A value of JSON, or bytes, as OTLP has it."""
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=pairs_of(value)))
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))
    return AnyValue() if value is None else AnyValue(**{SCALARS[type(value)]: value})


def pairs_of(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def log_of(attributes: Mapping[str, Any] | None = None, body: Any = None, **fields: Any) -> LogRecord:
    return LogRecord(attributes=pairs_of(attributes or {}), body=value_of(body), **{"severity_number": 17, **fields})


def span_of(attributes: Mapping[str, Any] | None = None, **fields: Any) -> Span:
    ids = {"trace_id": TRACE_ID, "span_id": SPAN_ID}
    return Span(attributes=pairs_of(attributes or {}), **{"name": "work", **ids, **fields})


def event_of(attributes: Mapping[str, Any], time_unix_nano: int, name: str = "exception") -> Span.Event:
    return Span.Event(name=name, time_unix_nano=time_unix_nano, attributes=pairs_of(attributes))


def logs_of(
    *records: LogRecord, resource: Mapping[str, Any] | None = None, scope: str = ""
) -> ExportLogsServiceRequest:
    """One request of these records."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(pairs_of({"service.name": "shop"} if resource is None else resource))
    inner = group.scope_logs.add()
    inner.scope.name = scope
    inner.log_records.extend(records)
    return request


def spans_of(*spans: Span, resource: Mapping[str, Any] | None = None) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs_of({"service.name": "shop"} if resource is None else resource))
    group.scope_spans.add().spans.extend(spans)
    return request


def as_json(message: Any) -> Any:
    """As OTLP writes it in JSON: ids in hex, enumerations as numbers."""
    return with_hex_ids(MessageToDict(message, use_integers_for_enums=True))


def with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(inner).hex() if key in ID_NAMES else with_hex_ids(inner) for key, inner in value.items()
    }


def encode(message: Any, media_type: str) -> bytes:
    return to_json(as_json(message)) if media_type == "application/json" else bytes(message.SerializeToString())


def packed(body: bytes) -> bytes:
    return gzip.compress(body)
