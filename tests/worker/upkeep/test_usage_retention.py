"""Records of usage past the retention go, in chunks and beside a repricing; their sums stay longer, by whole months."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from common.budgets.periods import find_zone, first_whole_month, parse_month
from common.settings import Settings
from tests.conftest import Project, Service, run_service
from worker.jobs import run_steps
from worker.schedule import upkeep_steps
from worker.upkeep.usage_retention import delete_old_usage, find_oldest_sum

SUMS_DAYS = 1_100
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


async def upkeep(service: Service, settings: Settings) -> Counter[str]:
    return await run_steps(replace(service.tools, settings=settings), upkeep_steps(settings))


async def delete(service: Service, project: Project, *days: int, **limits: Any) -> int:
    done = await delete_old_usage(service.tools.engine, project.id, *days, **limits)
    return done.counts["deleted_usage"]


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
    done = await upkeep(service, settings)
    assert done["deleted_usage"] == 8
    assert await kept_ages(service, project) == await kept_ages(service, other) == [0, 399, 400.5]
    assert await read_sums(service) == before
    assert (await upkeep(service, settings))["deleted_usage"] == 0


async def test_old_records_go_in_chunks_and_the_rest_with_the_next_run(service: Service) -> None:
    project = await service.project()
    await post_aged(project)
    assert await delete(service, project, 400, SUMS_DAYS, chunk=3, seconds=0) == 0
    assert await delete(service, project, 400, SUMS_DAYS, chunk=3) == 4
    assert await kept_ages(service, project) == [0, 399, 400.5]


async def test_what_a_repricing_holds_is_left_to_the_next_run(service: Service) -> None:
    project = await service.project()
    await post_aged(project)
    async with service.tools.engine.begin() as repricing:
        await repricing.execute(text("SELECT FROM usage_records WHERE event_key = '403' FOR NO KEY UPDATE"))
        assert await delete(service, project, 400, SUMS_DAYS) == 3
    assert await kept_ages(service, project) == [0, 399, 400.5, 403]
    assert await delete(service, project, 400, SUMS_DAYS) == 1


async def test_a_record_that_was_deleted_is_not_taken_again(service: Service, settings: Settings) -> None:
    project = await service.project()
    await post_aged(project)
    await upkeep(service, settings)
    async with run_service(settings) as current:
        again = await current.project()
        sent = {"event_key": "402", "team": "ops", "model": "claude-haiku-4-5", "total_tokens": 100,
                "occurred_at": (datetime.now(UTC) - timedelta(days=402)).isoformat()}  # fmt: skip
        answer = await again.ingest.post("/api/usage/batch", json={"records": [sent]})
        assert answer.json()["errors"][0]["pointer"] == "/records/0/occurred_at"


async def test_sums_go_by_whole_months_after_their_days_and_a_report_of_one_that_is_gone_is_refused(
    service: Service, settings: Settings
) -> None:
    project = await service.project()
    await post_aged(project)
    kept = first_whole_month(datetime.now(UTC), 403)
    assert await delete(service, project, 2_000, 403, chunk=2) > 0
    rows = await read_sums(service)
    assert {row.minutes for row in rows} == {15, 1440}
    assert min(row.bucket for row in rows) >= find_oldest_sum(datetime.now(UTC), 403)
    assert sum(row.records for row in rows if row.minutes == 15) == len(AGES) - 1  # all but that of 500 days ago
    short = settings.model_copy(update={"usage_retention_days": 300, "usage_sums_retention_days": 403})
    async with run_service(short) as current:
        reader = await current.project()
        assert (await reader.get("/api/costs/report", period=f"{kept:%Y-%m}"))["tokens"] > 0
        gone = await reader.read.get("/api/costs/report", params={"period": f"{kept - timedelta(days=1):%Y-%m}"})
        assert (gone.status_code, gone.json()["detail"]) == (422, f"period: sums are kept from {kept:%Y-%m} on")


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue"])
def test_the_oldest_month_that_a_report_takes_is_kept_whole_in_every_zone(zone: str) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    month = parse_month(f"{first_whole_month(now, 400):%Y-%m}", find_zone(zone))
    assert month.starts_at >= find_oldest_sum(now, 400)


def test_sums_are_never_kept_shorter_than_their_records() -> None:
    assert Settings.load(usage_retention_days=90, usage_sums_retention_days=30).usage_sums_days == 90
