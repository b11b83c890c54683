"""Which spans become usage records, and what these say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.encodings import JSON_ENCODING, PROTOBUF_ENCODING
from api.ingest.receivers.otlp.wire import delimit
from api.spending.otlp_usage import may_hold_usage, name_team, read_usage_spans
from api.spending.usage_objects import read_usage
from api.spending.usage_rows import name_source
from api.spending.usage_schemas import UsageIn
from common.settings import Settings
from tests.api.ingest.receivers.otlp.messages import SPAN_ID, TRACE_ID, encode, event_of, span_of, spans_of

# The current name first, then those that it replaced or that instrumentations still write.
OTEL_NAMES = {
    "input": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cached": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.cache_read_tokens",
        "gen_ai.usage.details.cache_read_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.input_tokens.cache_write",
        "gen_ai.usage.cache_write_tokens",
    ),
    "reasoning": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
    ),
}
NOW = 1_795_000_000_000_000_000
TOKENS = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4.1", "gen_ai.provider.name": "openai", **TOKENS}


def read(*spans: Span, resource: dict[str, Any] | None = None) -> Batch[UsageIn]:
    request = spans_of(*spans, resource=resource)
    as_protobuf, as_json = (
        read_usage_spans(encoding, encode(request, encoding.media_type), Settings.load())
        for encoding in (PROTOBUF_ENCODING, JSON_ENCODING)
    )
    assert as_protobuf == as_json
    return as_protobuf


def call(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    return span_of({**CALL, **(attributes or {})}, start_time_unix_nano=NOW, **fields)


def test_a_record_says_when_who_and_which_model() -> None:
    [record] = read(call({"gen_ai.response.model": "gpt-4.1-2025-04-14", "gen_ai.response.id": "chatcmpl-1"})).items
    assert (record.event_key, record.team, record.agent) == ("chatcmpl-1", "shop", None)
    assert record.occurred_at == datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)
    assert name_source(record) == ("openai", "gpt-4.1-2025-04-14")


@pytest.mark.parametrize(
    "names",
    [{kind: names[number] for kind, names in OTEL_NAMES.items() if number < len(names)} for number in range(6)],
)
def test_counts_by_every_generation_of_the_names(names: dict[str, str]) -> None:
    counts = {"input": 100, "output": 50, "cached": 40, "cache_write": 20, "reasoning": 10}
    own = {names[kind]: count for kind, count in counts.items() if kind in names}
    told = {**({} if "input" in names else {OTEL_NAMES["input"][0]: 100, OTEL_NAMES["output"][0]: 50}), **own}
    span = span_of({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **told}, start_time_unix_nano=NOW)
    [record] = read(span).items
    assert record.usage is not None
    read_counts = read_usage(record.usage).counts
    assert {kind: getattr(read_counts, kind) for kind in names} == {kind: counts[kind] for kind in names}


@pytest.mark.parametrize(
    ("attributes", "is_one"),
    [
        ({}, True),
        ({"gen_ai.operation.name": "text_completion"}, True),
        ({"gen_ai.operation.name": "generate_content"}, True),
        ({"gen_ai.operation.name": "Embeddings"}, True),
        ({"gen_ai.operation.name": "invoke_agent"}, False),
        ({"gen_ai.operation.name": "create_agent"}, False),
        ({"gen_ai.operation.name": "execute_tool"}, False),
        ({"gen_ai.operation.name": "invoke_workflow"}, False),
        ({"gen_ai.operation.name": 7}, False),
        ({"gen_ai.operation.name": None}, True),
        ({"gen_ai.operation.name": None, "traceloop.span.kind": "workflow"}, False),
        ({"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None}, False),
    ],
)
def test_only_spans_of_inference_count(attributes: dict[str, Any], is_one: bool) -> None:
    batch = read(call(attributes))
    assert (len(batch.items), batch.discarded) == ((1, {}) if is_one else (0, {"gen_ai_spans": 1}))


def test_a_span_of_an_agent_that_names_no_operation_does_not_count() -> None:
    span = call({"gen_ai.operation.name": None}, name="invoke_agent reviewer")
    assert read(span).discarded == {"gen_ai_spans": 1}


def test_an_agent_repeats_what_its_children_spent_and_names_them() -> None:
    agent = call({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "reviewer"}, span_id=b"agent---")
    step = span_of({"gen_ai.operation.name": "chain"}, span_id=b"step----", parent_span_id=b"agent---")
    inner = call(parent_span_id=b"step----")
    batch = read(inner, step, agent)
    assert [record.agent for record in batch.items] == ["reviewer"]
    assert batch.discarded == {"gen_ai_spans": 2}


def test_spans_that_are_each_others_parents_end() -> None:
    ring = [call(span_id=b"a" * 8, parent_span_id=b"b" * 8), call(span_id=b"b" * 8, parent_span_id=b"a" * 8)]
    assert [record.agent for record in read(*ring).items] == [None, None]


@pytest.mark.parametrize(
    ("attributes", "resource", "named"),
    [
        ({}, {"service.name": "shop"}, ("shop", None)),
        ({}, {"service.name": "shop", "service.namespace": "checkout"}, ("checkout", "shop")),
        ({}, {"service.name": "shop", "service.namespace": "checkout", "team": "pay"}, ("pay", "shop")),
        ({"mayday.team": "search"}, {"service.name": "shop", "team": "pay"}, ("search", "shop")),
        ({}, {}, ("unknown", None)),
        ({"team": "x" * 300}, {}, ("x" * 200, None)),
    ],
)
def test_the_team_by_attribute_namespace_or_service(
    attributes: dict[str, Any], resource: dict[str, Any], named: tuple[str, str | None]
) -> None:
    assert name_team(attributes, resource) == named


def test_a_deliverable_may_be_named() -> None:
    [record] = read(call({"mayday.deliverable": "PR-17"})).items
    assert record.deliverable == "PR-17"


def test_a_call_is_named_by_its_response_else_by_its_span() -> None:
    [record] = read(call()).items
    assert record.event_key == f"{TRACE_ID.hex()}:{SPAN_ID.hex()}"
    [long] = read(call({"gen_ai.response.id": "x" * 201})).items
    assert long.event_key == record.event_key


def test_a_call_without_a_time_is_rejected_alone() -> None:
    batch = read(span_of(CALL), call())
    assert (len(batch.items), [rejected.reason for rejected in batch.rejected.values()]) == (1, ["missing_field"])


def test_spans_of_other_things_are_left_to_those_who_look_for_errors() -> None:
    batch = read(span_of({"http.route": "gen_ai.x"}), span_of(), span_of({"a": "gen_ai."}, events=[event_of({}, NOW)]))
    assert (len(batch), batch.discarded) == (0, {"spans": 1})


def test_a_span_that_cannot_be_read_is_passed_over() -> None:
    body = delimit(1, delimit(2, delimit(2, b"\x0a\x50gen_ai.") + delimit(2, call().SerializeToString())))
    batch = read_usage_spans(PROTOBUF_ENCODING, body, Settings.load())
    assert (len(batch.items), len(batch.rejected), batch.discarded) == (1, 0, {"spans": 1})


def test_a_body_without_the_word_is_not_read_for_usage() -> None:
    assert not may_hold_usage(PROTOBUF_ENCODING, encode(spans_of(span_of({"a": 1})), "application/x-protobuf"))
    assert may_hold_usage(PROTOBUF_ENCODING, encode(spans_of(call()), "application/x-protobuf"))
