"""Which exceptions of spans become errors, and that each is one, however often it is told of."""

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.encodings import PROTOBUF_ENCODING
from api.ingest.receivers.otlp.logs import read_logs
from api.ingest.receivers.otlp.spans import read_spans
from api.ingest.receivers.otlp.wire import delimit
from api.ingest.receivers.plain import Json, PlainError
from common.settings import Settings
from tests.api.ingest.receivers.otlp.messages import SPAN_ID, TRACE_ID, event_of, log_of, logs_of, span_of, spans_of

SETTINGS = Settings.load()
MILLISECOND, SECOND = 10**6, 10**9
NOW = 1_795_000_000 * SECOND
RAISED = {
    "exception.type": "app.Declined",
    "exception.message": "card declined",
    "exception.stacktrace": "outer\nDeclined",
}
LOGGED = {"exception.type": "Declined", "exception.message": "card declined", "exception.stacktrace": "Declined"}
OUTER, MIDDLE, INNER = (bytes([number]) * 8 for number in (1, 2, 3))


def read(*spans: Span) -> Batch[PlainError[Json]]:
    return read_spans(PROTOBUF_ENCODING, spans_of(*spans).SerializeToString(), SETTINGS)


def ids_of(batch: Batch[PlainError[Json]]) -> list[Any]:
    return [error.event_id for error in batch.items]


def failing(span_id: bytes, *times: int, parent: bytes = b"", attributes: dict[str, Any] | None = None) -> Span:
    events = [event_of(attributes or RAISED, time) for time in times]
    return span_of(span_id=span_id, parent_span_id=parent, events=events, name=f"span {span_id[:1].hex()}")


def test_an_exception_in_a_span_is_an_error() -> None:
    span = span_of(
        {"http.route": "/pay", "http.method": "POST"}, name="POST /pay", kind=2, start_time_unix_nano=NOW,
        end_time_unix_nano=NOW + 5 * MILLISECOND, parent_span_id=OUTER,
        status=Status(code=Status.STATUS_CODE_ERROR, message="failed"),
        events=[event_of({**RAISED, "exception.escaped": "False"}, NOW + MILLISECOND), event_of({"a": 1}, NOW, "other")],
    )  # fmt: skip
    [error] = read(span).items
    assert (error.error_type, error.message, error.stack_trace) == tuple(RAISED.values())
    assert (error.service, error.severity) == ("shop", "error")
    assert error.tags == {"http.request.method": "POST", "http.route": "/pay"}
    assert error.context == {
        "trace_id": TRACE_ID.hex(),
        "span_id": SPAN_ID.hex(),
        "attributes": {"exception.escaped": "False"},
        "span": {
            "name": "POST /pay",
            "kind": "server",
            "parent_span_id": OUTER.hex(),
            "duration_ms": 5.0,
            "status_message": "failed",
            "attributes": {"http.route": "/pay", "http.method": "POST"},
        },
        "resource": {"service.name": "shop"},
    }


def test_spans_without_an_exception_are_discarded_failed_or_not() -> None:
    batch = read(
        span_of(),
        span_of(status=Status(code=Status.STATUS_CODE_ERROR)),
        span_of(events=[event_of({}, NOW, "exceptional")]),
    )
    assert (list(batch.items), batch.discarded) == ([], {"spans": 3, "propagated_exceptions": 0})


def test_an_event_that_tells_nothing_of_its_exception_is_an_error_of_its_span() -> None:
    [error] = read(span_of(events=[event_of({}, NOW)])).items
    assert (error.message, error.error_type) == ("exception in work", None)


def test_a_log_record_and_an_event_of_one_exception_in_one_span_are_one() -> None:
    """Python's SDK gives the event frames of its own, and the type its module."""
    record = log_of(LOGGED, "payment failed", time_unix_nano=NOW, trace_id=TRACE_ID, span_id=SPAN_ID)
    logged = read_logs(PROTOBUF_ENCODING, logs_of(record).SerializeToString(), SETTINGS)
    recorded = read(span_of(events=[event_of(RAISED, NOW + 30 * MILLISECOND)]))
    assert ids_of(logged) == ids_of(recorded)
    assert logged.items[0].message == recorded.items[0].message


def test_a_loop_that_fails_alike_in_one_span_counts_each_time_both_ways() -> None:
    times = [NOW, NOW + MILLISECOND, NOW + 2 * MILLISECOND]
    records = [log_of(LOGGED, "x", time_unix_nano=time, trace_id=TRACE_ID, span_id=SPAN_ID) for time in times]
    logged = ids_of(read_logs(PROTOBUF_ENCODING, logs_of(*records).SerializeToString(), SETTINGS))
    recorded = ids_of(read(span_of(events=[event_of(RAISED, time) for time in times])))
    assert len(set(logged)) == 3
    assert logged == recorded


def test_a_loop_whose_records_come_in_requests_of_their_own_counts_each_second() -> None:
    ids = [
        ids_of(read_logs(PROTOBUF_ENCODING, logs_of(
            log_of(LOGGED, "x", time_unix_nano=NOW + number * SECOND, trace_id=TRACE_ID, span_id=SPAN_ID)
        ).SerializeToString(), SETTINGS))[0]
        for number in range(5)
    ]  # fmt: skip
    assert len(set(ids)) == 5


def test_an_exception_that_leaves_three_spans_is_one_of_the_innermost() -> None:
    batch = read(
        failing(OUTER, NOW + 3), failing(INNER, NOW + 1, parent=MIDDLE), failing(MIDDLE, NOW + 2, parent=OUTER)
    )
    assert [error.context["span"]["name"] for error in batch.items if isinstance(error.context, dict)] == ["span 03"]
    assert batch.discarded["propagated_exceptions"] == 2
    assert ids_of(batch) == ids_of(read(failing(INNER, NOW + 1, parent=MIDDLE)))


def test_siblings_and_retries_that_fail_alike_are_each_one() -> None:
    attempts = [failing(bytes([number]) * 8, NOW + number, parent=OUTER) for number in (4, 5, 6)]
    batch = read(*attempts, failing(OUTER, NOW + 9))
    assert len(set(ids_of(batch))) == 3
    assert batch.discarded["propagated_exceptions"] == 1


def test_what_a_span_raises_before_or_beside_one_within_it_is_its_own() -> None:
    before = read(failing(OUTER, NOW), failing(INNER, NOW + 1, parent=OUTER))
    beside = read(
        failing(OUTER, NOW + 2), failing(INNER, NOW + 1, parent=OUTER, attributes={**RAISED, "exception.message": "b"})
    )
    more = read(failing(OUTER, NOW + 2, NOW + 3), failing(INNER, NOW + 1, parent=OUTER))
    assert [len(set(ids_of(batch))) for batch in (before, beside, more)] == [2, 2, 2]


def test_a_span_without_ids_has_an_id_of_its_content() -> None:
    nameless = [span_of(trace_id=b"", span_id=b"", name=name, events=[event_of(RAISED, NOW)]) for name in ("a", "b")]
    first, second = ids_of(read(*nameless))
    assert (first.version, first != second) == (7, True)


def test_a_span_that_cannot_be_read_falls_out_alone() -> None:
    good = span_of(events=[event_of(RAISED, NOW)]).SerializeToString()
    body = delimit(1, delimit(2, delimit(2, b"\x0a\x50exception") + delimit(2, good)))
    batch = read_spans(PROTOBUF_ENCODING, body, SETTINGS)
    assert (len(batch.items), list(batch.rejected)) == (1, [0])
