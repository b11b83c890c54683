"""What probes are told: which lack is a reason to send no requests, and which is only worth knowing."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from api.status.health import judge
from api.storing.writer import Writer
from common.database.clock import Clock
from common.settings import Settings
from tests.conftest import Service, run_service

WELL = {
    "process": "ok",
    "postgres": "ok",
    "schema": "ok",
    "writer": "ok",
    "usage_writer": "ok",
    "worker": "ok",
    "clock": "ok",
}


@pytest.mark.parametrize(
    ("wrong", "needs_worker", "status"),
    [
        ({}, False, "ready"),
        ({"worker": "late"}, False, "degraded"),
        ({"worker": "late"}, True, "not_ready"),
        ({"writer": "failed"}, False, "not_ready"),
        ({"usage_writer": "failed"}, True, "not_ready"),
        ({"worker": "late", "schema": "old"}, False, "not_ready"),
        ({"clock": "off"}, False, "degraded"),
        ({"clock": "off", "worker": "late"}, False, "degraded"),
        ({"clock": "off", "worker": "late"}, True, "not_ready"),
        ({"clock": "off", "process": "starting"}, False, "not_ready"),
    ],
)
def test_a_late_worker_is_a_reason_only_where_it_was_said_so_and_a_wrong_clock_never(
    wrong: dict[str, str], needs_worker: bool, status: str
) -> None:
    assert judge(WELL | wrong, needs_worker=needs_worker) == status


async def readiness(service: Service) -> tuple[int, dict[str, Any]]:
    answer = await (await service.client(None)).get("/readyz")
    return answer.status_code, answer.json()


async def test_readiness_tells_of_the_worker_by_what_it_did(service: Service) -> None:
    status, told = await readiness(service)
    assert (status, told["status"]) == (200, "degraded")
    assert "never" in told["checks"]["worker"]
    await service.run_worker()
    assert await readiness(service) == (200, {"status": "ready", "checks": WELL})
    await service.execute("UPDATE job_runs SET succeeded_at = now() - interval '15 s', finished_at = NULL")
    status, told = await readiness(service)
    assert (status, told["status"]) == (200, "degraded")
    assert "fold last ended well 15 s ago" in told["checks"]["worker"]


async def test_readiness_can_be_told_to_need_the_worker(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"ready_needs_worker": True})) as service:
        assert (await readiness(service))[0] == 503
        await service.run_worker()
        assert (await readiness(service))[0] == 200


async def test_a_failed_flush_is_told_for_a_moment_and_without_its_words(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    writer: Writer[Any] = service.state["writer"]
    await service.execute("ALTER TABLE deltas RENAME TO gone")
    error = {"service": "shop", "severity": "error", "message": "card declined"}
    assert (await project.ingest.post("/api/errors/log", json=error)).status_code == 503
    await service.execute("ALTER TABLE gone RENAME TO deltas")
    status, told = await readiness(service)
    assert (status, told["checks"]["writer"]) == (503, "the last flush failed: the log says why")
    monkeypatch.setattr("api.storing.writer.FAILING_SECONDS", 0.1)
    await asyncio.sleep(0.2)
    assert not writer.is_failing
    assert (await readiness(service))[0] == 200


async def test_a_failed_flush_of_usage_is_told_as_well(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project, now = await service.project(), datetime.now(UTC).isoformat()
    record = {"event_key": "1", "team": "t", "model": "claude-haiku-4-5", "total_tokens": 1, "occurred_at": now}
    await service.execute("ALTER TABLE usage_rollups RENAME TO gone")
    assert (await project.ingest.post("/api/usage/batch", json={"records": [record]})).status_code == 503
    await service.execute("ALTER TABLE gone RENAME TO usage_rollups")
    status, told = await readiness(service)
    assert (status, told["checks"]["writer"], told["checks"]["usage_writer"][:21]) == (
        503,
        "ok",
        "the last flush failed",
    )
    assert (await project.ingest.post("/api/usage/batch", json={"records": [record]})).status_code == 201
    monkeypatch.setattr("api.storing.writer.FAILING_SECONDS", 0.0)
    assert (await readiness(service))[0] == 200


async def test_while_the_time_is_not_known_nothing_is_taken_and_no_request_is_asked_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a wrong time an error could go to a day that is dropped within the hour."""
    project = await service.project()
    for module in ("api.status.health", "api.storing.writer"):
        monkeypatch.setattr(f"{module}.CLOCK", Clock())
    error = {"service": "shop", "severity": "error", "message": "m"}
    record = {"event_key": "1", "team": "t", "model": "m", "total_tokens": 1, "occurred_at": "2026-01-01T00:00:00Z"}
    for path, body in (
        ("errors/log", error),
        ("errors/batch", {"errors": [error]}),
        ("usage/batch", {"records": [record]}),
    ):
        answer = await project.ingest.post(f"/api/{path}", json=body)
        assert (answer.status_code, "clock" in answer.json()["detail"]) == (503, True), answer.text
        assert "retry-after" in answer.headers
    status, told = await readiness(service)
    assert (status, told["checks"]["process"][:8]) == (503, "starting")
