"""Traces leave the fast lane on, and tell of a request the same as when the routes answer it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common.telemetry import metrics, traces
from tests.conftest import Project, Service
from tests.listening import listening

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
REQUESTS = [("POST", "/api/errors/log"), ("POST", "/api/errors/batch"), ("GET", "/api/errors/recent")]
SENT: dict[str, Any] = {"/api/errors/log": ERROR, "/api/errors/batch": {"errors": [ERROR, ERROR]}}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(traces, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


async def ask(client: httpx.AsyncClient, method: str, path: str, sampled: str = "01") -> httpx.Response:
    told = {"traceparent": f"00-{TRACE}-{PARENT}-{sampled}", "x-request-id": "same"}
    return await client.request(method, path, headers=told, json=SENT.get(path))


def describe(span: ReadableSpan) -> tuple[Any, ...]:
    parent = span.parent
    assert parent is not None
    return span.name, span.kind, dict(span.attributes or {}), f"{parent.trace_id:032x}", f"{parent.span_id:016x}"


async def tell(service: Service, project: Project, lane: Any, spans: InMemorySpanExporter) -> list[tuple[Any, ...]]:
    """What the requests' spans say, and that each flush is the child of the request that it stored."""
    async with (
        listening(service.app, service.state | {"fast_lane": lane}) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=project.admin.headers, trust_env=False
        ) as client,
    ):
        for method, path in REQUESTS:
            await ask(client, method, path)
        spans.clear()
        told = []
        for method, path in REQUESTS:
            assert (await ask(client, method, path)).is_success
            [request] = [s for s in spans.get_finished_spans() if s.name == f"{method} {path}"]
            flushes = [s for s in spans.get_finished_spans() if s.name == "flush"]
            assert [f.parent and f.parent.span_id for f in flushes] == (
                [request.context.span_id] if method == "POST" else []
            )
            assert (request.end_time or 0) > (request.start_time or 0)
            told.append(describe(request))
            spans.clear()
    return told


def taken(method: str, path: str) -> float:
    status = "200" if method == "GET" else "201"
    return float(metrics.REQUESTS.of(method, path, status, "lane")._value.get())


async def test_a_traced_request_stays_in_the_lane_and_its_span_is_the_one_of_the_routes(
    service: Service, spans: InMemorySpanExporter
) -> None:
    project = await service.project()
    before = [taken(*request) for request in REQUESTS]
    by_lane = await tell(service, project, service.state["fast_lane"], spans)
    assert [taken(*request) > known for request, known in zip(REQUESTS, before, strict=True)] == [True] * 3
    assert by_lane == await tell(service, project, {}, spans)


async def test_single_errors_of_one_turn_are_each_parent_or_link_of_their_flush(
    service: Service, spans: InMemorySpanExporter
) -> None:
    project = await service.project()
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=project.admin.headers, trust_env=False
        ) as client,
    ):
        await ask(client, "POST", "/api/errors/log")
        spans.clear()
        await asyncio.gather(*[ask(client, "POST", "/api/errors/log") for _ in range(8)])
    requests = {s.context.span_id for s in spans.get_finished_spans() if s.name == "POST /api/errors/log"}
    flushes = [s for s in spans.get_finished_spans() if s.name == "flush"]
    named = [f.parent.span_id for f in flushes if f.parent] + [x.context.span_id for f in flushes for x in f.links]
    assert len(requests) == 8
    assert sorted(named) == sorted(requests)


async def test_what_the_client_does_not_sample_makes_no_span(service: Service, spans: InMemorySpanExporter) -> None:
    project = await service.project()
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=project.admin.headers, trust_env=False
        ) as client,
    ):
        for _ in range(2):
            for method, path in REQUESTS:
                assert (await ask(client, method, path, sampled="00")).is_success
    assert [s.name for s in spans.get_finished_spans() if s.name != "flush"] == []
