"""What the API counts while it is used."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from common.telemetry.exposition import make_registry
from tests.conftest import Service

ERROR = {"service": "shop", "severity": "error", "message": "card declined, password=hunter22"}


def counter_of(registry: CollectorRegistry) -> Callable[..., float]:
    """How much a sample has grown since now."""
    start = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples_of(registry)}

    def grown(name: str, **labels: str) -> float:
        key = (name, *sorted(labels.items()))
        return (registry.get_sample_value(name, labels) or 0.0) - start.get(key, 0.0)

    return grown


def samples_of(registry: CollectorRegistry) -> list[Sample]:
    return [sample for metric in registry.collect() for sample in metric.samples]


async def test_ingest_is_counted_by_outcome_reason_and_what_was_done(service: Service) -> None:
    project = await service.project()
    grown = counter_of(make_registry("api"))
    event = {**ERROR, "event_id": "01990000-0000-7000-8000-000000000001"}
    for _ in range(2):
        await project.send(event)
    partial = await project.ingest.post("/api/errors/batch", json={"errors": [ERROR, {"service": "shop"}]})
    assert partial.status_code == 207
    assert grown("mayday_items_total", kind="errors", outcome="stored") == 2
    assert grown("mayday_items_total", kind="errors", outcome="duplicate") == 1
    assert grown("mayday_items_total", kind="errors", outcome="rejected") == 1
    assert grown("mayday_items_rejected_total", kind="errors", reason="missing_field") == 1
    assert grown("mayday_redactions_total") == 3
    assert grown("mayday_errors_adjusted_total", adjustment="redacted") == 3
    assert grown("mayday_flush_seconds_count", kind="errors", outcome="stored") == 3
    assert grown("mayday_flush_items_sum", kind="errors") == 3
    assert grown("mayday_request_body_bytes_total", form="sent") > 300
    assert grown("mayday_requests_total", method="POST", route="/api/errors/batch", status="201", way="routes") == 2
    assert grown("mayday_requests_total", method="POST", route="/api/errors/batch", status="207", way="routes") == 1


async def test_reads_are_counted_by_answer_and_source_and_requests_by_template(service: Service) -> None:
    project = await service.project()
    await project.send(ERROR)
    grown = counter_of(make_registry("api"))
    for _ in range(3):
        await project.get("/api/errors/recent")
    await project.read.head("/api/errors/recent")
    for path in ("/api/errors/01990000-0000-7000-8000-00000000abcd", "/nowhere/01990000"):
        assert (await project.read.get(path)).status_code == 404
    assert grown("mayday_reads_total", answer="recent", source="miss") == 1
    assert grown("mayday_reads_total", answer="recent", source="hit") == 3
    assert grown("mayday_requests_total", method="GET", route="/api/errors/recent", status="200", way="routes") == 3
    assert grown("mayday_requests_total", method="HEAD", route="/api/errors/recent", status="200", way="routes") == 1
    assert grown("mayday_requests_total", method="GET", route="/api/errors/{event_id}", status="404", way="routes") == 1
    assert grown("mayday_requests_total", method="GET", route="none", status="404", way="routes") == 1
    assert grown("mayday_request_seconds_count", method="GET", route="/api/errors/recent") == 3


async def test_nothing_that_is_told_names_a_project_or_a_key(service: Service) -> None:
    project = await service.project("acme-secret-project")
    await project.send(ERROR)
    await project.get("/api/errors/recent", service="shop")
    labels = {value for sample in samples_of(make_registry("api")) for value in sample.labels.values()}
    assert not labels & {str(project.id), "acme-secret-project", "shop"}
    assert not [value for value in labels if "mayday_" in value]
