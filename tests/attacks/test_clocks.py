"""Programs whose machines are weeks and years off, by libfaketime, beside a Postgres with the right clock."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.keys import Scope
from common.projects import create_key, ensure_project
from common.telemetry.freshness import find_freshness, find_lateness
from tests.chaos.faults_programs import FAKETIME, lacks_faketime
from tests.chaos.programs import Api, make_api, make_worker
from tests.conftest import Service
from tests.fleet.programs import client_of, environment_of, until_said
from worker.jobs import run_job
from worker.schedule import PARTITIONS_AHEAD_DAYS, schedule

pytestmark = pytest.mark.skipif(bool(lacks_faketime()), reason=lacks_faketime() or "it is")

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
KEPT_DAYS = (0, 2, 29, 29.9)  # ages of errors that are kept for thirty
USED_DAYS = (0, 29, 399)  # and of usage, for 400


def clock_of(days: int) -> dict[str, str]:
    """The environment of a program whose clock is so many days ahead."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"{days:+}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@asynccontextmanager
async def running_off(service: Service, folder: Path, days: int) -> AsyncIterator[Api]:
    """An API that is ready, by a clock so many days ahead."""
    api = make_api("api", environment_of(service), folder)
    api.environment = {**api.environment, **clock_of(days), "MAYDAY_API_METRICS_PORT": str(api.metrics_port)}
    api.start()
    try:
        await api.wait_until_ready()
        yield api
    finally:
        await api.stop()


async def make_keys(service: Service) -> Mapping[Scope, str]:
    async with service.tools.engine.begin() as connection:
        project_id = await ensure_project(connection, "default")
        return {scope: await create_key(connection, project_id, scope, "test") for scope in Scope}


def make_errors(now: datetime) -> list[dict[str, Any]]:
    """Errors that are kept by the right clock, with times of their own, the server's, and such as cannot be right."""
    plain = {"service": "shop", "severity": "error", "message": "card declined"}
    own: list[str | None] = [(now - age * DAY).isoformat() for age in KEPT_DAYS]
    servers = [None, (now - 45 * DAY).isoformat(), (now + 45 * DAY).isoformat()]
    return [plain | {"event_id": str(uuid4())} | ({"timestamp": time} if time else {}) for time in [*own, *servers]] + [
        plain
    ]  # without an id, too


def make_usage(now: datetime) -> list[dict[str, Any]]:
    return [
        {"event_key": str(age), "team": "ops", "model": "claude-haiku-4-5", "total_tokens": 100,
         "occurred_at": (now - age * DAY).isoformat()}
        for age in USED_DAYS
    ]  # fmt: skip


async def post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def count_kept(service: Service) -> tuple[int, int, int, int]:
    """Errors, those that are counted or wait for it, usage records and the tokens of their sums."""
    statements = (
        "SELECT count(*) FROM errors",
        "SELECT (SELECT coalesce(sum(count), 0) FROM deltas) + (SELECT coalesce(sum(count), 0) FROM rollups)",
        "SELECT count(*) FROM usage_records",
        "SELECT sum(input_tokens + output_tokens) FROM usage_rollups WHERE minutes = 1440",
    )
    errors, counted, used, tokens = [(await service.execute(statement))[0][0] for statement in statements]
    return errors, int(counted), used, int(tokens)


@pytest.mark.parametrize("days", [-40, 40])
async def test_what_an_api_with_a_wrong_clock_took_has_right_times_is_kept_and_is_stored_once(
    service: Service, tmp_path: Path, days: int
) -> None:
    keys, now = await make_keys(service), datetime.now(UTC)
    errors, usage = make_errors(now), make_usage(now)
    async with running_off(service, tmp_path, days) as api, client_of(api, keys[Scope.ingest]) as client:
        assert (await post(client, "/api/errors/batch", {"errors": errors}))["count"] == len(errors)
        assert (await post(client, "/api/usage/batch", {"records": usage}))["count"] == len(usage)
        async with client_of(api, keys[Scope.read]) as reader:
            assert len((await reader.get("/api/errors")).json()["errors"]) == len(errors)
            assert (await reader.get("/api/costs/report", params={"period": f"{now:%Y-%m}"})).json()["tokens"] >= 100
        told = (await client.get("/readyz")).json()
        assert told["status"] == "degraded"
        assert ("ahead of" if days > 0 else "behind") in told["checks"]["clock"]
        metrics = (await client.get(f"http://127.0.0.1:{api.metrics_port}/metrics")).text
        [off] = [float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("mayday_clock_off")]
        assert abs(off - abs(days) * 86_400) < 60
    assert "clock_is_off" in api.log.read_text()
    for job in schedule(service.settings):
        await run_job(service.tools, job)
    assert await count_kept(service) == (len(errors), len(errors), len(usage), 100 * len(usage))
    rows = await service.execute("SELECT occurred_at, received_at FROM errors ORDER BY occurred_at DESC")
    assert all(abs(row.received_at - now) < 2 * MINUTE for row in rows)
    assert sum(abs(row.occurred_at - now) < 2 * MINUTE for row in rows) == 1 + 4  # its own, and those of the server's
    right = await service.client(keys[Scope.ingest])
    again = await post(right, "/api/errors/batch", {"errors": errors[:-1]})
    assert (again["count"], again["duplicates"]) == (0, len(errors) - 1)
    assert (await post(right, "/api/usage/batch", {"records": usage}))["duplicates"] == len(usage)


@pytest.mark.parametrize("days", [1_200, -1_200])
async def test_a_worker_with_a_wrong_clock_drops_nothing_that_is_kept_and_does_its_work(
    service: Service, tmp_path: Path, days: int
) -> None:
    project, now = await service.project(), datetime.now(UTC)
    errors, usage = make_errors(now), make_usage(now)
    await project.send(*errors)
    await post(project.ingest, "/api/usage/batch", {"records": usage})
    kept = await count_kept(service)
    assert kept == (len(errors), len(errors), len(usage), 100 * len(usage))
    worker = make_worker("worker", environment_of(service) | clock_of(days), tmp_path)
    worker.start()
    try:
        await until_said(worker, "clock_is_off")  # after the first run of every job
        assert find_lateness(await find_freshness(service.tools.engine), service.settings) == ""
    finally:
        await worker.stop()
    done = await service.execute("SELECT job, outcome FROM job_runs WHERE succeeded_at IS NULL OR outcome = 'failed'")
    assert done == []
    assert await count_kept(service) == kept
    assert (await project.get("/api/errors/patterns", window="24h"))["total"] == 5
    [(days_kept,)] = await service.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = CAST('errors' AS regclass)"
    )
    assert days_kept == 1 + service.settings.retention_days + 1 + PARTITIONS_AHEAD_DAYS
