"""Which log records become errors, and what is kept of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.encodings import JSON_ENCODING, PROTOBUF_ENCODING
from api.ingest.receivers.otlp.logs import find_least_number, judge_severity, read_logs
from api.ingest.receivers.otlp.records import LogRecord as ReadRecord
from api.ingest.receivers.otlp.wire import delimit
from api.ingest.receivers.plain import Json, PlainError
from common.settings import Settings
from common.severities import Severity
from tests.api.ingest.receivers.otlp.messages import SPAN_ID, TRACE_ID, encode, log_of, logs_of

SETTINGS = Settings.load()
NOW = 1_795_000_000_123_456_789
EXCEPTION = {"exception.type": "Declined", "exception.message": "card declined", "exception.stacktrace": "Traceback..."}
RESOURCE = {"service.name": "shop", "service.version": "1.2", "deployment.environment.name": "prod", "host.name": "h1"}


def read(*records: LogRecord, settings: Settings = SETTINGS, **origin: Any) -> Batch[PlainError[Json]]:
    body = encode(logs_of(*records, **origin), PROTOBUF_ENCODING.media_type)
    return read_logs(PROTOBUF_ENCODING, body, settings)


def test_an_error_has_what_the_record_says() -> None:
    [error] = read(
        log_of(
            {**EXCEPTION, "http.route": "/pay", "items": [1, {"a": "b"}]}, "payment failed", time_unix_nano=NOW,
            severity_text="ERROR", trace_id=TRACE_ID, span_id=SPAN_ID,
        ),
        resource=RESOURCE, scope="app.pay",
    ).items  # fmt: skip
    assert (error.service, error.severity, error.environment, error.release) == ("shop", "error", "prod", "1.2")
    assert (error.error_type, error.message, error.stack_trace) == ("Declined", "card declined", "Traceback...")
    assert error.timestamp == datetime(2026, 11, 18, 11, 6, 40, 123456, UTC)
    assert error.tags == {"host.name": "h1", "logger": "app.pay", "http.route": "/pay"}
    assert error.context == {
        "trace_id": TRACE_ID.hex(),
        "span_id": SPAN_ID.hex(),
        "logged": "payment failed",
        "severity_text": "ERROR",
        "attributes": {"http.route": "/pay", "items": [1, {"a": "b"}]},
        "resource": RESOURCE,
        "scope": {"name": "app.pay"},
    }


@pytest.mark.parametrize(
    ("body", "message", "kept"),
    [
        ("payment failed", "payment failed", None),
        ({"event": "x", "n": [1]}, '{"event":"x","n":[1]}', {"event": "x", "n": [1]}),
        (["a", 1], '["a",1]', ["a", 1]),
        (True, "true", True),
        (None, "(no message)", None),
        ("", "(no message)", None),
    ],
)
def test_a_body_of_any_kind_is_the_message(body: Any, message: str, kept: Any) -> None:
    [error] = read(log_of(body=body)).items
    assert error.message == message
    assert isinstance(error.context, dict)
    assert error.context.get("logged") == kept


def test_without_a_body_the_event_has_a_name() -> None:
    [error] = read(log_of(event_name="payment.failed")).items
    assert error.message == "payment.failed"


@pytest.mark.parametrize(
    ("number", "text", "with_exception", "severity"),
    [
        (17, "", False, "error"),
        (20, "anything", False, "error"),
        (21, "", False, "critical"),
        (24, "", False, "critical"),
        (99, "", False, "critical"),
        (16, "", False, None),
        (13, "", True, "warning"),
        (12, "ERROR", True, None),
        (0, "ERROR", False, "error"),
        (0, "err", False, "error"),
        (0, "Fatal", False, "critical"),
        (0, "ERROR2", False, "error"),
        (0, "SEVERE", False, "error"),
        (0, "warn", False, None),
        (0, "warn", True, "warning"),
        (0, "", False, None),
        (0, "", True, "error"),
        (0, "none that is known", True, "error"),
    ],
)
def test_records_from_a_severity_on_are_errors(
    number: int, text: str, with_exception: bool, severity: str | None
) -> None:
    sent = log_of(EXCEPTION if with_exception else {}, "x", severity_number=number, severity_text=text)
    batch = read(sent)
    assert [error.severity for error in batch.items] == ([severity] if severity else [])
    assert batch.discarded == {"log_records": 0 if severity else 1}


def test_the_severities_are_settings() -> None:
    info, warning = log_of(body="x", severity_number=9), log_of(EXCEPTION, severity_number=13)
    all_of_them = Settings.load(otlp_log_severity="info", otlp_exception_severity="critical")
    batch = read(info, warning, settings=all_of_them)
    assert ([error.message for error in batch.items], batch.discarded) == (["x"], {"log_records": 1})


@pytest.mark.parametrize(
    ("least", "number"), [("debug", 1), ("info", 9), ("warning", 13), ("error", 17), ("critical", 21)]
)
def test_severities_begin_at_their_numbers(least: str, number: int) -> None:
    assert find_least_number(Severity[least]) == number
    if number > 1:
        assert Severity[judge_severity(ReadRecord(severity_number=number - 1), None)] < Severity[least]
    assert Severity[judge_severity(ReadRecord(severity_number=number), None)] >= Severity[least]


def test_the_observed_time_stands_in() -> None:
    [error] = read(log_of(body="x", observed_time_unix_nano=NOW)).items
    assert error.timestamp == datetime(2026, 11, 18, 11, 6, 40, 123456, UTC)


def test_a_record_sent_again_alone_has_its_id_in_either_encoding() -> None:
    records = [log_of({"n": number}, "x", time_unix_nano=NOW) for number in range(3)]
    ids = [error.event_id for error in read(*records).items]
    assert len(set(ids)) == 3
    assert [error.event_id for record in records for error in read(record).items] == ids
    as_json = read_logs(JSON_ENCODING, encode(logs_of(*records), JSON_ENCODING.media_type), SETTINGS)
    assert [error.event_id for error in as_json.items] == ids


def test_two_records_alike_in_one_request_are_two() -> None:
    record = log_of({"a": 1}, "x", time_unix_nano=NOW)
    first, second = (error.event_id for error in read(record, record).items)
    [alone] = (error.event_id for error in read(record).items)
    assert first == alone != second


def test_a_record_that_cannot_be_read_falls_out_alone() -> None:
    good, broken = log_of(body="good").SerializeToString(), b"\x0a\x50abc"
    body = delimit(1, delimit(2, b"".join(delimit(2, raw) for raw in (good, broken, good))))
    batch = read_logs(PROTOBUF_ENCODING, body, SETTINGS)
    assert [error.message for error in batch.items] == ["good", "good"]
    assert [(place, rejected.reason) for place, rejected in batch.rejected.items()] == [(1, "not_an_object")]


def test_an_origin_that_cannot_be_read_rejects_its_group_alone() -> None:
    good = log_of(body="good").SerializeToString()
    broken_group = delimit(1, delimit(1, b"\x0a\x50abc") + delimit(2, delimit(2, good)))
    batch = read_logs(PROTOBUF_ENCODING, broken_group + logs_of(log_of(body="fine")).SerializeToString(), SETTINGS)
    assert [error.message for error in batch.items] == ["fine"]
    assert list(batch.rejected) == [0]
