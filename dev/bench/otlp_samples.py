"""The errors of the benches as requests of OTLP: log records, and exceptions in spans. Pure."""

import base64
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MARK = b"mark-of-requests"  # 16 bytes: stands in each request where another one differs
SEED = 17
IDS = ("traceId", "spanId")
NUMBERS = {
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "critical": SeverityNumber.SEVERITY_NUMBER_FATAL,
}
Error = Mapping[str, Any]


def log_request(errors: Sequence[Error]) -> ExportLogsServiceRequest:
    """All as log records with an exception, so that warnings are taken too; their origin has the mark."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(pairs_of(resource_of(errors[0])))
    inner = group.scope_logs.add()
    inner.scope.name, inner.scope.version = "bench", MARK.decode()
    inner.log_records.extend(
        LogRecord(
            time_unix_nano=time_of(error),
            observed_time_unix_nano=time_of(error),
            severity_number=NUMBERS[error["severity"]],
            severity_text=error["severity"].upper(),
            body=value_of(f"{error['service']} failed"),
            attributes=pairs_of({**exception_of(error), **error["context"], **error["tags"]}),
        )
        for error in errors
    )
    return request


def span_request(errors: Sequence[Error]) -> ExportTraceServiceRequest:
    """Each as a span with the exception as its event, all of one trace, which is the mark."""
    rng = random.Random(SEED)
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(pairs_of(resource_of(errors[0])))
    inner = group.scope_spans.add()
    inner.scope.name = "bench"
    inner.spans.extend(
        Span(
            trace_id=MARK,
            span_id=rng.randbytes(8),
            name="POST /v1/orders",
            kind=Span.SpanKind.SPAN_KIND_SERVER,
            start_time_unix_nano=time_of(error) - 10**7,
            end_time_unix_nano=time_of(error),
            attributes=pairs_of({**error["context"], **error["tags"]}),
            events=[
                Span.Event(name="exception", time_unix_nano=time_of(error), attributes=pairs_of(exception_of(error)))
            ],
        )
        for error in errors
    )
    return request


def resource_of(error: Error) -> dict[str, str]:
    return {
        "service.name": error["service"],
        "service.version": error["release"],
        "deployment.environment.name": error["environment"],
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.45.2",
    }


def exception_of(error: Error) -> dict[str, str]:
    told = {"type": error["error_type"], "message": error["message"], "stacktrace": error.get("stack_trace")}
    return {f"exception.{name}": value for name, value in told.items() if value}


def time_of(error: Error) -> int:
    return int(datetime.fromisoformat(error["timestamp"]).timestamp() * 1e6) * 1_000


def pairs_of(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def value_of(value: Any) -> AnyValue:
    match value:
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs_of(value)))
        case list():
            return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))
        case int():
            return AnyValue(int_value=value)
    return AnyValue(string_value=value)


def to_otlp_json(message: Any) -> Any:
    """As exporters write it: ids in hex, enumerations as numbers."""
    return with_hex_ids(MessageToDict(message, use_integers_for_enums=True))


def with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: base64.b64decode(v).hex() if key in IDS else with_hex_ids(v) for key, v in value.items()}
