import json

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from api.ingest.receivers.otlp.answers import write_failure, write_success
from api.ingest.receivers.otlp.encodings import PROTOBUF
from api.ingest.receivers.otlp.records import Signal

JSON = "application/json"


@pytest.mark.parametrize("signal", Signal)
def test_full_success_says_nothing(signal: Signal) -> None:
    assert write_success(PROTOBUF, signal, 0, "") == b""
    assert write_success(JSON, signal, 0, "") == b"{}"


def test_partial_success_says_how_many_and_why() -> None:
    partial = ExportLogsServiceResponse.FromString(write_success(PROTOBUF, Signal.logs, 3, "why")).partial_success
    assert (partial.rejected_log_records, partial.error_message) == (3, "why")
    assert (
        ExportTraceServiceResponse.FromString(
            write_success(PROTOBUF, Signal.traces, 2, "why")
        ).partial_success.rejected_spans
        == 2
    )
    assert json.loads(write_success(JSON, Signal.traces, 2, "why")) == {
        "partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}
    }
    assert "rejectedDataPoints" in write_success(JSON, Signal.metrics, 1, "why").decode()


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 3), (401, 16), (403, 7), (413, 3), (415, 3), (429, 8), (503, 14), (500, 13), (418, 3), (599, 13)],
)
def test_a_failure_is_a_status_of_rpc(status: int, code: int) -> None:
    assert Status.FromString(write_failure(PROTOBUF, status, "why")) == Status(code=code, message="why")
    assert json.loads(write_failure(JSON, status, "why")) == {"code": code, "message": "why"}
