"""Traces, by the standard variables OTEL_* alone: request, flush and fold, from the API to the worker.

Off, and OpenTelemetry not even imported, unless an exporter is configured: OTEL_EXPORTER_OTLP_ENDPOINT (or
_TRACES_ENDPOINT), or OTEL_TRACES_EXPORTER=otlp. Sent as OTLP over HTTP; its SDK reads the other variables by itself.
The deltas carry the flush's context to the worker: they are the queue.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import time_ns
from typing import Any

from common.telemetry.declaring import Program

LINKS_MAX = 128  # as many as the SDK keeps by default

_tracer: Any = None  # the process's; one, as OpenTelemetry's own is


def are_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return exporter == "otlp" or (not exporter and any(environment.get(name) for name in endpoints))


@contextmanager
def tracing(program: Program) -> Iterator[None]:
    """Make traces while the body runs, if they are wanted; what was not sent yet is sent at its end."""
    global _tracer  # noqa: PLW0603 - spans are made deep inside, where handing it down would name it everywhere
    if not are_wanted():
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", f"mayday-{program}")
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("mayday")
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


def is_on() -> bool:
    return _tracer is not None


def span(
    name: str, *, parent: str | None = None, links: Iterable[str] = (), **attributes: Any
) -> AbstractContextManager[Any]:
    """A span around the body; nothing at all while traces are off. Contexts are given as `traceparent` fields."""
    if _tracer is None:
        return nullcontext()
    from opentelemetry.trace import Link, get_current_span

    linked = [get_current_span(read_context(field)).get_span_context() for field in links]
    return _tracer.start_as_current_span(  # type: ignore[no-any-return]
        name,
        context=read_context(parent) if parent else None,
        links=[Link(context) for context in linked[:LINKS_MAX]],
        attributes=attributes,
    )


def begin_request(method: str, path: str, traceparent: bytes | None, age_seconds: float = 0.0) -> Any:
    """The server's span of a request that began so long ago, under the trace that the client may have begun; None while
    traces are off. `end_request` ends it."""
    if _tracer is None:
        return None
    from opentelemetry.trace import SpanKind

    # no TLS ends here, and what a proxy says of its own is not believed
    attributes = {"http.request.method": method, "url.path": path, "url.scheme": "http"}
    context = read_context((traceparent or b"").decode("latin-1"))
    began_at = time_ns() - int(age_seconds * 1e9)
    return _tracer.start_span(method, context, SpanKind.SERVER, attributes, start_time=began_at)


def is_kept(current: Any) -> bool:
    """Whether this is the span of a trace that is sampled."""
    return bool(current.is_recording())


def within(current: Any) -> AbstractContextManager[Any]:
    """Make what `begin_request` gave the current span of the body."""
    if current is None:
        return nullcontext()
    from opentelemetry.trace import use_span

    return use_span(current)


def end_request(current: Any, method: str, route: str, status: int, request_id: str) -> None:
    """Say what is known of a request when it was answered, by the names of OpenTelemetry's conventions."""
    if current is None:
        return
    current.update_name(f"{method} {route}")
    current.set_attributes({"http.route": route, "http.response.status_code": status, "mayday.request_id": request_id})
    current.end()


def current_traceparent() -> str | None:
    """The context of the current span in the form of W3C's `traceparent`; None without one, or if it is not kept."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def read_context(traceparent: str) -> Any:
    """OpenTelemetry's context for the field; an empty one where it does not hold."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})
