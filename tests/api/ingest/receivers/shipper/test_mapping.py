"""Records of many loggers become errors: their message, level, time, service and trace, and the rest as context."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.items import Parsed, Rejected
from api.ingest.receivers.shipper.mapping import Discarded, MappingOptions, map_record
from common.severities import Severity
from tests.api.ingest.receivers.shipper.reading import NOW, WARNINGS, error_of

AT = "2026-11-23T18:04:05Z"
NODE = "TypeError: no\n    at f (/app/x.js:1:2)"
# As loggers write them: record, severity, service, message, type.
RECORDS: dict[str, tuple[dict[str, Any], str, str, str, str | None]] = {
    "fluent bit, kubernetes": (
        {
            "date": 1795457045.1,
            "log": "2026-11-23 18:04:05 ERROR it failed",
            "stream": "stderr",
            "kubernetes": {"container_name": "c", "labels": {"app": "shop", "env": "prod"}},
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "docker json in json": (
        {"log": '{"level":"error","msg":"it failed","service":"shop"}\n', "stream": "stdout", "time": AT},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "docker fluentd": (
        {"container_name": "/shop-1", "source": "stderr", "log": "ERROR it failed"},
        "error",
        "shop-1",
        "it failed",
        None,
    ),
    "logstash": (
        {"@timestamp": AT, "@version": "1", "message": "it failed", "level": "ERROR", "service": {"name": "shop"}},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "filebeat ECS": (
        {
            "@timestamp": AT,
            "log": {"level": "error", "file": {"path": "/x"}},
            "message": "it failed",
            "service.name": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "rsyslog omhttp": (
        {
            "message": "it failed",
            "fromhost": "h",
            "facility": "user",
            "priority": "err",
            "timereported": AT,
            "programname": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "syslog-ng": (
        {"PROGRAM": "shop", "PRIORITY": "err", "MESSAGE": "it failed", "HOST": "h", "DATE": "Nov 23 18:04:05"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "journal": (
        {
            "MESSAGE": list(b"it failed"),
            "PRIORITY": "3",
            "_SYSTEMD_UNIT": "shop.service",
            "__REALTIME_TIMESTAMP": "1795457045000000",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "vector": (
        {"timestamp": AT, "message": 'level=error msg="it failed" app=shop', "source_type": "file"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "gelf": (
        {
            "version": "1.1",
            "host": "h",
            "short_message": "it failed",
            "timestamp": 1795457045.0,
            "level": 3,
            "_service": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "pino": (
        {
            "level": 50,
            "time": 1795457045000,
            "pid": 1,
            "hostname": "h",
            "service": "shop",
            "msg": "it failed",
            "err": {"type": "TypeError", "message": "no", "stack": NODE},
        },
        "error",
        "shop",
        "no",
        "TypeError",
    ),
    "bunyan": (
        {"name": "shop", "hostname": "h", "pid": 1, "level": 60, "msg": "it failed", "time": AT, "v": 0},
        "critical",
        "shop",
        "it failed",
        None,
    ),
    "winston": (
        {"level": "error", "message": "it failed", "stack": NODE, "timestamp": AT, "service": "shop"},
        "error",
        "shop",
        "no",
        "TypeError",
    ),
    "zap": (
        {
            "level": "error",
            "ts": 1795457045.0,
            "caller": "x.go:1",
            "msg": "it failed",
            "error": "refused",
            "service": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "zerolog": (
        {"level": "error", "error": "refused", "time": 1795457045, "message": "it failed", "app": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "structlog": (
        {"event": "it failed", "level": "error", "timestamp": AT, "service": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "python levelno": (
        {"levelno": 40, "name": "pay", "message": "it failed", "created": 1795457045.0, "service": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "python number": (
        {"level": 30, "lineno": 7, "message": "it failed", "time": AT, "service": "shop"},
        "warning",
        "shop",
        "it failed",
        None,
    ),
    "loguru": (
        {
            "text": "it all",
            "record": {
                "level": {"name": "ERROR", "no": 40},
                "message": "it failed",
                "time": {"timestamp": 1795457045.0},
            },
            "service": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "serilog": (
        {"@t": AT, "@mt": "it {What}", "What": "failed", "@l": "Error", "Application": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "aspnet": (
        {"Timestamp": AT, "LogLevel": "Error", "Category": "X", "Message": "it failed", "Application": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "monolog": (
        {
            "message": "it failed",
            "level": 400,
            "level_name": "ERROR",
            "channel": "app",
            "datetime": AT,
            "service": "shop",
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
    "google": (
        {"severity": "ERROR", "textPayload": "it failed", "timestamp": AT, "service": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "rust tracing": (
        {"timestamp": AT, "level": "ERROR", "fields": {"message": "it failed"}, "target": "x", "service": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "mongodb": (
        {"t": {"$date": AT}, "s": "E", "c": "NETWORK", "msg": "it failed", "service": "shop"},
        "error",
        "shop",
        "it failed",
        None,
    ),
    "CSV in capitals": (
        {"Timestamp": "2026-11-23 18:04:05", "Level": "FATAL", "Content": "it failed", "Component": "shop"},
        "critical",
        "shop",
        "it failed",
        None,
    ),
    "otel collector": (
        {
            "severity_text": "ERROR",
            "severity_number": 17,
            "body": "it failed",
            "resource": {"service.name": "shop"},
            "timestamp": AT,
        },
        "error",
        "shop",
        "it failed",
        None,
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_becomes_an_error(name: str) -> None:
    record, severity, service, message, error_type = RECORDS[name]
    error = error_of(record)
    assert (error.severity, error.service, error.message, error.error_type) == (severity, service, message, error_type)
    at = error.timestamp.replace(microsecond=0) if error.timestamp else None
    assert at == (None if name == "docker fluentd" else datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC))


def test_the_rest_is_context() -> None:
    error = error_of(
        {"level": "error", "msg": "it failed", "order": 12, "user": {"id": 7}, "service": "shop", "empty": ""}
    )
    assert error.context == {"order": 12, "user": {"id": 7}}


def test_our_own_form_means_the_same() -> None:
    own = {
        "service": "a", "severity": "error", "message": "m", "event_id": "0192f0c0-0000-7000-8000-000000000000", "timestamp": AT,
        "error_type": "T", "stack_trace": "T: m\n\tat a.B.c(B.java:1)", "environment": "e", "release": "r", "context": {"a": 1},
        "tags": {"b": "c"}, "fingerprint": "f",
    }  # fmt: skip
    error = error_of(own)
    said = {name: getattr(error, name) for name in own}
    assert said == own | {
        "event_id": UUID(str(own["event_id"])),
        "timestamp": datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"level": "info", "message": "ERROR is a word"}, "below_level"),
        ({"message": "INFO it goes well"}, "below_level"),
        ({"message": "it goes well"}, "without_level"),
        ({"@t": AT, "@mt": "it goes well"}, "below_level"),
        ({"PRIORITY": "6", "MESSAGE": "it goes well"}, "below_level"),
        ({"level": 30, "msg": "it goes well"}, "below_level"),
    ],
)
def test_what_is_no_error_is_discarded(record: Mapping[str, Any], what: str) -> None:
    assert map_record(record, WARNINGS) == Discarded(what)


def test_a_trace_at_the_level_of_the_journal_is_an_error() -> None:
    error = error_of({"PRIORITY": "6", "MESSAGE": f"Uncaught\n{NODE}", "_SYSTEMD_UNIT": "shop.service"})
    assert (error.severity, error.error_type) == ("error", "TypeError")


def test_a_message_that_says_nothing_gives_way_to_the_exceptions() -> None:
    error = error_of({"level": "error", "message": "Exception in ASGI application", "exc_info": NODE})
    assert error.message == "no"
    assert error.context == {"logged": "Exception in ASGI application"}


def test_an_error_has_the_message_of_its_exception_whatever_was_logged_beside_it() -> None:
    errors = [
        error_of({"level": "error", "message": said, "exc_info": NODE}) for said in ("order 7 failed", "order 8 failed")
    ]
    assert [error.message for error in errors] == ["no", "no"]
    assert [error.context for error in errors] == [{"logged": "order 7 failed"}, {"logged": "order 8 failed"}]
    typed = error_of({"level": "error", "message": "order 7 failed", "error.type": "TypeError"})
    assert (typed.message, typed.error_type, typed.context) == ("order 7 failed", "TypeError", None)


def test_names_that_are_told_count_before_others() -> None:
    options = replace(WARNINGS, columns={"message": "what", "service": "who"})
    error = error_of({"what": "it failed", "message": "x", "who": "a", "service": "b", "level": "error"}, options)
    assert (error.message, error.service) == ("it failed", "a")


def test_a_record_without_a_message() -> None:
    record = {"level": "error", "order": 12, "remark": "it was lost at sea"}
    assert error_of(record).message == '{"level":"error","order":12,"remark":"it was lost at sea"}'
    rejected = map_record(record, replace(WARNINGS, needs_message=True))
    assert isinstance(rejected, Rejected)
    assert "'remark' looks like it" in rejected.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        "message",
        "level",
        "time",
        "error",
        "exception",
        "stack",
        "tags",
        "context",
        "event_id",
        "service",
        "MESSAGE",
        "log",
        "@t",
    ]
)


@given(st.dictionaries(NAMES | st.text(max_size=9), JSON, max_size=9))
def test_any_record_is_mapped(record: dict[str, Any]) -> None:
    mapped = map_record(record, MappingOptions(level=Severity.debug, severity="error", now=NOW))
    assert isinstance(mapped, Parsed | Discarded | Rejected)
