"""What an instrumented service does, with OpenTelemetry's SDK and exporters as they come: argument 1 is what to do.

Run as a program of its own, configured by OTEL_* alone.
"""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

spans, logs = TracerProvider(), LoggerProvider()
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
logger = logging.getLogger("shop.pay")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.propagate = False
tracer = spans.get_tracer("shop")


class Declined(Exception):
    """A card was declined."""


def charge(order: int) -> None:
    raise Declined(f"card of order {order} declined")


def log_alone() -> None:
    """A line, and one with an exception, outside of any span; two that are too small."""
    logger.error("stock of item %d is gone", 17, extra={"warehouse": "north", "shelves": [1, 2]})
    logger.info("all is well")
    logger.warning("not so well")
    try:
        charge(4711)
    except Declined:
        logger.exception("payment failed")


def raise_through_spans() -> None:
    """An exception that is logged where it is caught, and leaves two spans."""
    outer = tracer.start_as_current_span("POST /pay", attributes={"http.route": "/pay"})
    with outer, tracer.start_as_current_span("charge"):
        try:
            charge(4712)
        except Declined:
            logger.exception("payment failed")
            raise


def retry_in_a_span() -> None:
    """Three attempts in one span that fail alike, each recorded and logged."""
    with tracer.start_as_current_span("POST /pay") as span:
        for _ in range(3):
            try:
                charge(4713)
            except Declined as error:
                span.record_exception(error)
                logger.exception("attempt failed")


def call_model() -> None:
    """An agent that calls a model, as instrumentations tell of it."""
    with tracer.start_as_current_span("invoke_agent reviewer") as agent:
        usage = {"gen_ai.usage.input_tokens": 6225, "gen_ai.usage.output_tokens": 6225}
        agent.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "reviewer", **usage})
        with tracer.start_as_current_span("chat claude-haiku-4-5", kind=trace.SpanKind.CLIENT) as call:
            call.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", **usage})
            call.set_attributes({"gen_ai.response.model": "claude-haiku-4-5", "gen_ai.response.id": "msg_4711"})


TO_DO: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (log_alone, raise_through_spans, retry_in_a_span, call_model)
}

if __name__ == "__main__":
    with suppress(Declined):
        TO_DO[sys.argv[1]]()
    spans.shutdown()
    logs.shutdown()
