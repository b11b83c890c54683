"""Spans: the exceptions that were recorded in them become errors. Pure.

An exception that leaves a span is recorded in it, and again in each span around it: where a request brings both, it is one
error, of the inner span. A span that failed without an exception is no error (docs/otlp.md).
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from api.ingest.receivers.building import build_error
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, sort_out
from api.ingest.receivers.otlp.encodings import Encoding, receivers_of
from api.ingest.receivers.otlp.errors import (
    EXCEPTION_NAMES,
    NOTHING_RAISED,
    RaisedException,
    Source,
    describe_scope,
    find_exception,
    find_tags,
    leave_out,
    to_time,
    without_empty,
)
from api.ingest.receivers.otlp.identity import Identities, name_alone
from api.ingest.receivers.otlp.records import Bounds, Group, Origin, Signal, Span, SpanEvent, Unreadable
from api.ingest.receivers.plain import Json, PlainError
from common.settings import Settings

EXCEPTION = "exception"
USAGE = b"gen_ai."  # spans that say this are for those who make usage records of them, and are counted there
SPANS, PROPAGATED = "spans", "propagated_exceptions"
NS_PER_MILLISECOND = 10**6
KINDS = {number: name.removeprefix("SPAN_KIND_").lower() for name, number in SentSpan.SpanKind.items()}


class Recorded(NamedTuple):
    """An exception in a span, and the event that tells of it."""

    span: Span
    event: SpanEvent
    raised: RaisedException

    @property
    def signature(self) -> tuple[str, str]:
        """What it has in common with itself where it is recorded in another span."""
        return name_alone(self.raised.type), self.raised.message


class ReadGroup(NamedTuple):
    """A group, the exceptions in it, and why spans of it cannot be read."""

    group: Group
    found: list[Recorded | Rejected]


def read_spans(encoding: Encoding, body: bytes, settings: Settings) -> Batch[PlainError[Json]]:
    """The errors in a request of spans. Raises Invalid, BodyTooLarge."""
    reading = SpanReading(encoding, settings)
    groups = [ReadGroup(group, list(reading.walk_recorded(group))) for group in encoding.groups(body, Signal.traces)]
    errors = sort_out(reading.walk_errors(groups))
    return replace(errors, discarded={SPANS: reading.discarded, PROPAGATED: reading.propagated})


SPAN_RECEIVERS = receivers_of(read_spans)


class SpanReading:
    """Reads the groups of one request, and counts what it discards."""

    def __init__(self, encoding: Encoding, settings: Settings) -> None:
        self.encoding = encoding
        self.bounds = Bounds.of(settings)
        self.identities = Identities()
        self.discarded = self.propagated = 0

    def walk_recorded(self, group: Group) -> Iterator[Recorded | Rejected]:
        """The exceptions in the spans of a group. Those that say nothing of any are not read."""
        for raw in group.records:
            if not self.encoding.may_say(raw, EXCEPTION.encode()):
                self.discarded += not self.encoding.may_say(raw, USAGE)
                continue
            try:
                span = self.encoding.read_span(raw, self.bounds)
            except Unreadable as error:
                yield Rejected("not_an_object", str(error))
                continue
            recorded = list(find_recorded(span))
            self.discarded += not recorded and not self.encoding.may_say(raw, USAGE)
            yield from recorded

    def walk_errors(self, groups: list[ReadGroup]) -> Iterator[Item[PlainError[Json]]]:
        """The errors of all groups, each exception once."""
        propagated = find_propagated(one for _, found in groups for one in found if isinstance(one, Recorded))
        self.propagated = len(propagated)
        for group, found in groups:
            try:
                origin = self.encoding.read_origin(group.resource, group.scope, self.bounds) if found else Origin()
            except Unreadable as error:
                yield from [Rejected("not_an_object", str(error))] * len(found)
                continue
            maker = ErrorMaker(origin, self.identities)
            for one in found:
                if isinstance(one, Rejected):
                    yield one
                elif id(one) not in propagated:
                    yield maker.make(one)


def find_recorded(span: Span) -> Iterator[Recorded]:
    """The exceptions that were recorded in a span."""
    for event in span.events:
        raised = find_exception(event.attributes)
        if raised is not None or event.name == EXCEPTION:
            yield Recorded(span, event, raised or NOTHING_RAISED)


def find_propagated(found: Iterable[Recorded]) -> set[int]:
    """Which of these (by `id`) are those of a span within theirs, recorded there before; each of those is told of once."""
    all_found = list(found)
    inner: defaultdict[tuple[str, str, tuple[str, str]], list[int]] = defaultdict(list)
    for one in all_found:
        if one.span.parent_span_id:
            inner[one.span.trace_id, one.span.parent_span_id, one.signature].append(one.event.time_ns)
    for times in inner.values():
        times.sort()
    taken: Counter[tuple[str, str, tuple[str, str]]] = Counter()
    propagated = set()
    for one in all_found:
        place = one.span.trace_id, one.span.span_id, one.signature
        before = bisect_right(inner.get(place, ()), one.event.time_ns)
        if taken[place] < before:
            taken[place] += 1
            propagated.add(id(one))
    return propagated


class ErrorMaker:
    """Makes errors of the exceptions of one group."""

    def __init__(self, origin: Origin, identities: Identities) -> None:
        self.origin = origin
        self.source = Source.of(origin)
        self.tags = find_tags(origin.resource)
        self.scope = describe_scope(origin)
        self.identities = identities
        identities.begin_group(origin)

    def make(self, recorded: Recorded) -> Parsed[PlainError[Json]]:
        span, event, raised = recorded
        at_ns = event.time_ns or span.end_ns or span.start_ns
        return build_error(
            service=self.source.service,
            severity="error",
            message=raised.message or raised.type or span.status_message or f"exception in {span.name}",
            event_id=self.identify(recorded, at_ns),
            timestamp=to_time(at_ns),
            error_type=raised.type or None,
            stack_trace=raised.stack_trace or None,
            environment=self.source.environment,
            release=self.source.release,
            context=self.describe(recorded),
            tags=self.tags | find_tags(event.attributes, span.attributes),
            adjustments=span.adjustments | self.origin.adjustments,
        )

    def identify(self, recorded: Recorded, at_ns: int) -> UUID:
        span, event, raised = recorded
        if span.trace_id and span.span_id:
            return self.identities.of_exception(span.trace_id, span.span_id, raised, at_ns)
        return self.identities.of_content((span.name, span.start_ns, event.name, event.attributes), at_ns)

    def describe(self, recorded: Recorded) -> dict[str, Any]:
        """What is kept beside the error's own fields."""
        span, event, _ = recorded
        return without_empty(
            {
                "trace_id": span.trace_id,
                "span_id": span.span_id,
                "attributes": leave_out(event.attributes, EXCEPTION_NAMES),
                "span": describe_span(span),
                "resource": self.origin.resource,
                "scope": self.scope,
            }
        )


def describe_span(span: Span) -> dict[str, Any]:
    milliseconds = round((span.end_ns - span.start_ns) / NS_PER_MILLISECOND, 3)
    return without_empty(
        {
            "name": span.name,
            "kind": KINDS.get(span.kind),
            "parent_span_id": span.parent_span_id,
            "duration_ms": milliseconds if 0 < span.start_ns <= span.end_ns else None,
            "status_message": span.status_message,
            "attributes": span.attributes,
        }
    )
