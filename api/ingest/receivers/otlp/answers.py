"""What senders of OTLP are answered, in their own encoding. Pure."""

from typing import Any

from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic_core import to_json

from api.ingest.receivers import JSON
from api.ingest.receivers.otlp.encodings import PROTOBUF
from api.ingest.receivers.otlp.records import Signal

# A message of protobuf, the name of its count there, and that in JSON.
RESPONSES: dict[Signal, tuple[Any, str, str]] = {
    Signal.logs: (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    Signal.traces: (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    Signal.metrics: (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}
# Codes of gRPC by the status of HTTP that stands for them.
INVALID_ARGUMENT, DEADLINE_EXCEEDED, INTERNAL = 3, 4, 13
CODES = {
    400: INVALID_ARGUMENT, 401: 16, 403: 7, 404: 5, 405: 12, 408: DEADLINE_EXCEEDED, 413: INVALID_ARGUMENT,
    415: INVALID_ARGUMENT, 429: 8, 500: INTERNAL, 503: 14,
}  # fmt: skip


def write_success(media_type: str, signal: Signal, rejected: int, why: str) -> bytes:
    """The answer to a request that was taken: of what was rejected where something was."""
    message, name, json_name = RESPONSES[signal]
    if media_type == PROTOBUF:
        return bytes(
            message(partial_success={name: rejected, "error_message": why} if rejected else None).SerializeToString()
        )
    partial = {"partialSuccess": {json_name: str(rejected), "errorMessage": why}}  # 64 bits are a text in JSON
    return to_json(partial if rejected else {})


def write_failure(media_type: str, status: int, detail: str) -> bytes:
    """A google.rpc.Status for a request that was not taken, by its status in HTTP."""
    code = CODES.get(status, INTERNAL if status >= 500 else INVALID_ARGUMENT)
    if media_type == JSON:
        return to_json({"code": code, "message": detail})
    return bytes(Status(code=code, message=detail).SerializeToString())
