// What an instrumented service does, with OpenTelemetry's SDK of JavaScript as it comes, in the encoding of argument 1
// (proto or http, which is JSON): configured by OTEL_* alone.
import { SpanStatusCode, trace, context } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";

const encoding = process.argv[2];
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${encoding}`);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${encoding}`);
const resource = defaultResource().merge(
  resourceFromAttributes({ "service.name": "till", "service.version": "3", "deployment.environment.name": "prod" }),
);
const logs = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter() })] });
const spans = new NodeTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())] });
spans.register();
const logger = logs.getLogger("till");
const tracer = spans.getTracer("till");

function charge(order) {
  throw new TypeError(`order ${order} has no total`);
}

logger.emit({ severityNumber: SeverityNumber.ERROR, severityText: "ERROR", body: { event: "drawer", stuck: [1, 2] } });
logger.emit({ severityNumber: SeverityNumber.INFO, body: "all is well" });
tracer.startActiveSpan("checkout", (span) => {
  try {
    charge(4711);
  } catch (error) {
    span.recordException(error);
    span.setStatus({ code: SpanStatusCode.ERROR });
    logger.emit({
      severityNumber: SeverityNumber.ERROR,
      body: "checkout failed",
      context: context.active(),
      attributes: {
        "exception.type": error.name,
        "exception.message": error.message,
        "exception.stacktrace": error.stack,
      },
    });
  }
  span.end();
});
await spans.forceFlush();
await logs.forceFlush();
await spans.shutdown();
await logs.shutdown();
