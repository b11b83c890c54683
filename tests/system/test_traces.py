"""One error's way as OpenTelemetry sees it: request, flush and fold, collected from the real programs over OTLP."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.system.test_metrics import Programs

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes OTLP over HTTP on loopback and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
                for resource in sent.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the same
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def find(self, name: str, **links: bytes) -> Any:
        found = [s for s in self.spans if s.name == name]
        return next((s for s in found if all(links["to"] in [x.span_id for x in s.links] for _ in links)), None)

    def await_span(self, name: str, **links: bytes) -> Any:
        until = time.monotonic() + 60
        while (found := self.find(name, **links)) is None:
            assert time.monotonic() < until, [s.name for s in self.spans]
            time.sleep(0.1)
        return found


def test_one_error_is_one_trace_to_its_commit_and_the_fold_links_to_it(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    collector = Collector()
    programs = Programs(database_url, redis_url, tmp_path)
    key = programs.make_key()
    programs.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "MAYDAY_FOLD_EVERY_SECONDS": "1",
        "MAYDAY_WORKER_METRICS_PORT": "0",
    }
    with programs.running("api"), programs.running("worker"):
        programs.until_told("mayday_folded_until_timestamp_seconds 1")
        with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=20)) as client:
            answer = client.post(
                f"http://127.0.0.1:{programs.port}/api/errors/log",
                headers={"X-API-Key": key, "traceparent": f"00-{TRACE}-{PARENT}-01"},
                json={"service": "shop", "severity": "error", "message": "card declined"},
            )
        assert answer.status_code == 201
        request = collector.await_span("POST /api/errors/log")
        flush = collector.await_span("flush")
        fold = collector.await_span("fold", to=flush.span_id)
        job = collector.await_span("job fold")
    collector.close()
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert (flush.trace_id, flush.parent_span_id) == (request.trace_id, request.span_id)
    assert [link.trace_id for link in fold.links] == [flush.trace_id]
    assert fold.trace_id != flush.trace_id
    assert not job.parent_span_id
    told = {attribute.key: attribute.value for attribute in request.attributes}
    assert told["http.response.status_code"].int_value == 201
    assert told["mayday.request_id"].string_value == answer.headers["X-Request-ID"]
