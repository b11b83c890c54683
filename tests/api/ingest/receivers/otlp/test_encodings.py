"""Both encodings say the same; whatever bytes come, they are read or refused in words."""

import contextlib
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.problems import BodyTooLarge, Invalid
from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.encodings import JSON_ENCODING, PROTOBUF_ENCODING, Encoding, find_encoding
from api.ingest.receivers.otlp.logs import read_logs
from api.ingest.receivers.otlp.metrics import read_metrics
from api.ingest.receivers.otlp.records import RECORDS_MAX, Bounds, Signal
from api.ingest.receivers.otlp.spans import read_spans
from api.spending.otlp_usage import read_usage_spans
from common.settings import Settings
from tests.api.ingest.receivers.otlp.messages import encode, event_of, log_of, logs_of, span_of, spans_of

SETTINGS = Settings.load(otlp_log_severity="debug", otlp_exception_severity="debug")
BOUNDS = Bounds.of(SETTINGS)
READERS = (read_logs, read_spans, read_metrics, read_usage_spans)
ENCODINGS = (PROTOBUF_ENCODING, JSON_ENCODING)

# Infinity and the like are texts in JSON, and read as numbers; no two of them that are not are equal.
NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
NAMES = TEXTS | st.sampled_from(["exception.type", "exception.message", "http.route", "gen_ai.usage.input_tokens"])
ATTRIBUTES = st.dictionaries(NAMES, VALUES, max_size=5)
TIMES = st.integers(0, 2**64 - 1) | st.integers(1_790_000_000_000_000_000, 1_800_000_000_000_000_000)
IDS = st.binary(min_size=8, max_size=8)
TRACE_IDS = st.binary(min_size=16, max_size=16)
LOGS = st.builds(
    log_of, ATTRIBUTES, VALUES, time_unix_nano=TIMES, observed_time_unix_nano=TIMES, trace_id=TRACE_IDS | st.just(b""),
    severity_number=st.integers(0, 24), severity_text=TEXTS, span_id=IDS | st.just(b""), event_name=TEXTS,
)  # fmt: skip
EVENTS = st.builds(event_of, ATTRIBUTES, TIMES, st.just("exception") | TEXTS)
SPANS = st.builds(
    span_of, ATTRIBUTES, events=st.lists(EVENTS, max_size=3), start_time_unix_nano=TIMES, end_time_unix_nano=TIMES,
    trace_id=TRACE_IDS, span_id=IDS, parent_span_id=IDS | st.just(b""), name=TEXTS, kind=st.integers(0, 5),
)  # fmt: skip


def read_both(read: Any, message: Any) -> list[Batch[Any]]:
    return [read(encoding, encode(message, encoding.media_type), SETTINGS) for encoding in ENCODINGS]


def count_discarded(batches: Iterable[Batch[Any]]) -> Counter[str]:
    """Who discards a span depends on the encoding: escapes hide what is in it from those who would pass it over."""
    return sum((Counter(batch.discarded) for batch in batches), Counter[str]())


@settings(deadline=None, max_examples=40)
@given(st.lists(LOGS, max_size=4), ATTRIBUTES, TEXTS)
def test_log_records_are_the_same_in_both_encodings(records: Any, resource: Any, scope: str) -> None:
    of_protobuf, of_json = read_both(read_logs, logs_of(*records, resource=resource, scope=scope))
    assert of_protobuf == of_json
    assert len(of_json) + of_json.discarded["log_records"] == len(records)


@settings(deadline=None, max_examples=40)
@given(st.lists(SPANS, max_size=4), ATTRIBUTES)
def test_spans_are_the_same_in_both_encodings(spans: Any, resource: Any) -> None:
    request = spans_of(*spans, resource=resource)
    errors, usage = read_both(read_spans, request), read_both(read_usage_spans, request)
    of_protobuf, of_json = zip(errors, usage, strict=True)
    assert [batch.items for batch in of_protobuf] == [batch.items for batch in of_json]
    assert count_discarded(of_protobuf) == count_discarded(of_json)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(READERS), st.sampled_from(ENCODINGS), st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(read: Any, encoding: Encoding, body: bytes) -> None:
    with contextlib.suppress(Invalid):
        read(encoding, body, SETTINGS)


@settings(deadline=None, max_examples=40)
@given(st.lists(LOGS, min_size=1, max_size=3), st.sampled_from(ENCODINGS), st.data())
def test_a_body_that_is_spoilt_is_read_or_refused(records: Any, encoding: Encoding, data: Any) -> None:
    body = bytearray(encode(logs_of(*records), encoding.media_type))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    for spoilt in (bytes(body), cut):
        with contextlib.suppress(Invalid):
            read_logs(encoding, spoilt, SETTINGS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("read", READERS)
def test_an_empty_request_is_one_of_nothing(read: Any, encoding: Encoding) -> None:
    body = b"" if encoding is PROTOBUF_ENCODING else b"{}"
    assert len(read(encoding, body, SETTINGS)) == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_more_records_than_are_looked_at_are_refused(encoding: Encoding) -> None:
    body = encode(logs_of(*[log_of()] * (RECORDS_MAX + 1)), encoding.media_type)
    with pytest.raises(BodyTooLarge, match="send less at once"):
        encoding.groups(body, Signal.logs)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_cut_body_is_refused_as_a_whole(encoding: Encoding) -> None:
    body = encode(logs_of(log_of(body="one"), log_of(body="two")), encoding.media_type)
    with pytest.raises(Invalid):
        encoding.groups(body[:-3], Signal.logs)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_finite_and_what_cannot_be_kept_are_read_alike(encoding: Encoding) -> None:
    sent = log_of({"nan": math.nan, "high": math.inf, "nul": "a\x00b"}, "NUL \x00 here")
    [group] = encoding.groups(encode(logs_of(sent), encoding.media_type), Signal.logs)
    read = encoding.read_log(group.records[0], BOUNDS)
    assert math.isnan(read.attributes["nan"])
    assert (read.attributes["high"], read.attributes["nul"], read.body) == (math.inf, "a\ufffdb", "NUL \ufffd here")


@pytest.mark.parametrize(
    ("content_type", "found"),
    [
        ("application/x-protobuf", PROTOBUF_ENCODING),
        ("Application/X-Protobuf; v=1", PROTOBUF_ENCODING),
        ("application/protobuf", PROTOBUF_ENCODING),
        ("application/json; charset=utf-8", JSON_ENCODING),
        ("text/plain", None),
        ("", None),
        (None, None),
    ],
)
def test_the_media_type_tells_the_encoding(content_type: str | None, found: Encoding | None) -> None:
    assert find_encoding(content_type) is found


def test_a_word_that_may_hide_under_an_escape_may_be_there() -> None:
    assert JSON_ENCODING.may_say(rb'{"name":"\u0065xception"}', b"exception")
    assert not JSON_ENCODING.may_say(b'{"name":"other"}', b"exception")
    assert not PROTOBUF_ENCODING.may_say(rb"\u0065xception", b"exception")
