"""Records of usage past the retention go, in chunks and beside a repricing; their sums and all other records stay."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from common.settings import Settings
from tests.conftest import Project, Service, run_service
from worker.main import upkeep
from worker.usage_retention import delete_old_usage

AGES = (0, 399, 400.5, 402, 403, 404, 500)  # days; the retention is 400, and a day of grace


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """An API that takes older records than the worker keeps, as if they had been sent in their time."""
    async with run_service(settings.model_copy(update={"usage_retention_days": 2_000})) as running:
        yield running


async def post_aged(project: Project) -> None:
    now = datetime.now(UTC)
    records = [
        {"event_key": str(age), "team": "ops", "model": "claude-haiku-4-5", "total_tokens": 100,
         "occurred_at": (now - timedelta(days=age)).isoformat()}
        for age in AGES
    ]  # fmt: skip
    answer = await project.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text


async def kept_ages(service: Service, project: Project) -> list[float]:
    rows = await service.execute("SELECT event_key FROM usage_records WHERE project_id = :id", id=project.id)
    return sorted(float(row.event_key) for row in rows)


async def read_sums(service: Service) -> list[Any]:
    return await service.execute("SELECT * FROM usage_rollups ORDER BY project_id, minutes, bucket")


async def test_upkeep_deletes_records_past_the_retention_and_no_sum(service: Service, settings: Settings) -> None:
    project, other = await service.project(), await service.project("other")
    await post_aged(project)
    await post_aged(other)
    before = await read_sums(service)
    done = await upkeep(replace(service.tools, settings=settings))
    assert done["deleted_usage"] == 8
    assert await kept_ages(service, project) == await kept_ages(service, other) == [0, 399, 400.5]
    assert await read_sums(service) == before
    assert (await upkeep(replace(service.tools, settings=settings)))["deleted_usage"] == 0


async def test_old_records_go_in_chunks_and_the_rest_with_the_next_run(service: Service) -> None:
    project = await service.project()
    await post_aged(project)
    assert await delete_old_usage(service.tools.engine, [project.id], 400, chunk=3, max_seconds=0) == 0
    assert await delete_old_usage(service.tools.engine, [project.id], 400, chunk=3) == 4
    assert await kept_ages(service, project) == [0, 399, 400.5]


async def test_what_a_repricing_holds_is_left_to_the_next_run(service: Service) -> None:
    project = await service.project()
    await post_aged(project)
    async with service.tools.engine.begin() as repricing:
        await repricing.execute(text("SELECT FROM usage_records WHERE event_key = '403' FOR NO KEY UPDATE"))
        assert await delete_old_usage(service.tools.engine, [project.id], 400) == 3
    assert await kept_ages(service, project) == [0, 399, 400.5, 403]
    assert await delete_old_usage(service.tools.engine, [project.id], 400) == 1


async def test_a_record_that_was_deleted_is_not_taken_again(service: Service, settings: Settings) -> None:
    project = await service.project()
    await post_aged(project)
    await upkeep(replace(service.tools, settings=settings))
    async with run_service(settings) as current:
        again = await current.project()
        sent = {"event_key": "402", "team": "ops", "model": "claude-haiku-4-5", "total_tokens": 100,
                "occurred_at": (datetime.now(UTC) - timedelta(days=402)).isoformat()}  # fmt: skip
        answer = await again.ingest.post("/api/usage/batch", json={"records": [sent]})
        assert answer.json()["errors"][0]["pointer"] == "/records/0/occurred_at"
