"""Pricing again: what changed is counted once, in chunks, and on record however the run ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from api.spending import repricing
from api.spending.overrides import add_override
from api.spending.repricing import Difference, Sums, reprice
from common.pricing import RateOverride, Rates
from tests.conftest import Project, Service

SINCE, UNTIL = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
RECORDS = 5


@pytest.fixture
async def project(service: Service, monkeypatch: pytest.MonkeyPatch) -> Project:
    """One with records of a USD each, an hour apart, and one before and one after; and rates that double them."""
    monkeypatch.setattr(repricing, "CHUNK_RECORDS", 2)
    made = await service.project()
    times = [SINCE - timedelta(seconds=1), *[SINCE + timedelta(hours=hour) for hour in range(RECORDS)], UNTIL]
    records = [
        {"event_key": str(number), "team": "ops", "model": "claude-haiku-4-5", "occurred_at": at.isoformat(),
         "input_tokens": 1_000_000, "output_tokens": 0}
        for number, at in enumerate(times)
    ]  # fmt: skip
    answer = await made.ingest.post("/api/usage/batch", json={"records": records})
    assert answer.status_code == 201, answer.text
    override = RateOverride("claude-haiku-4-5", Rates(Decimal(2), Decimal(2)), SINCE - timedelta(days=9))
    async with service.tools.engine.begin() as connection:
        await add_override(connection, made.id, override, "key1")
    return made


async def run(service: Service, project: Project, since: datetime = SINCE, **others: Any) -> Difference:
    named: dict[str, Any] = {"dry_run": False, "max_seconds": 60.0, **others}
    return await reprice(service.tools.engine, project.id, since, UNTIL, "key1", **named)


async def list_costs(service: Service) -> list[int]:
    return [int(row.cost_usd) for row in await service.execute("SELECT cost_usd FROM usage_records ORDER BY event_key")]


async def list_runs(service: Service) -> list[tuple[int, int]]:
    rows = await service.execute("SELECT records, changed FROM repricings ORDER BY made_at")
    return [(row.records, row.changed) for row in rows]


async def test_records_from_the_beginning_to_before_the_end_are_priced_once_over_several_chunks(
    service: Service, project: Project
) -> None:
    found = await run(service, project)
    assert found.total == Sums(5, 5, Decimal(5), Decimal(10))
    assert found.done_until is None
    assert await list_costs(service) == [1, 2, 2, 2, 2, 2, 1]
    assert (await run(service, project)).total.changed == 0
    assert await list_runs(service) == [(5, 5), (5, 0)]


async def test_a_dry_run_tells_the_same_and_leaves_nothing(service: Service, project: Project) -> None:
    found = await run(service, project, dry_run=True)
    assert found.total == Sums(5, 5, Decimal(5), Decimal(10))
    assert (await list_costs(service), await list_runs(service)) == ([1] * 7, [])


async def test_a_run_whose_time_is_over_says_where_to_go_on(service: Service, project: Project) -> None:
    total, since, runs = 0, SINCE, 0
    while runs < 10:
        found = await run(service, project, since, max_seconds=0.0)
        total, runs = total + found.total.changed, runs + 1
        if found.done_until is None:
            break
        assert found.done_until > since or runs == 1
        since = found.done_until
    assert total == RECORDS
    assert await list_costs(service) == [1, 2, 2, 2, 2, 2, 1]


async def test_what_was_written_before_a_failure_is_on_record(
    service: Service, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks, chunk = 0, repricing.reprice_chunk

    async def fail_second(*arguments: Any, **named: Any) -> Any:
        nonlocal chunks
        chunks += 1
        if chunks == 2:
            raise ZeroDivisionError
        return await chunk(*arguments, **named)

    monkeypatch.setattr(repricing, "reprice_chunk", fail_second)
    with pytest.raises(ZeroDivisionError):
        await run(service, project)
    assert await list_runs(service) == [(2, 2)]
    assert sum(await list_costs(service)) == 9
