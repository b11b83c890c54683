"""Records are read in the order of time, chunk by chunk, each once, as far as the time goes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from api.spending import record_spans
from api.spending.record_spans import RecordSpan, RecordsQuery
from tests.conftest import Project, Service

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = (date(2026, 11, 1), date(2026, 11, 2))


@pytest.fixture
async def project(service: Service, monkeypatch: pytest.MonkeyPatch) -> Project:
    """One with five calls, two at each moment, and one that is beyond the span."""
    monkeypatch.setattr(record_spans, "CHUNK_RECORDS", 2)
    made = await service.project()
    records = [
        {"event_key": str(n), "team": "ops", "model": "claude-haiku-4-5", "input_tokens": 1, "output_tokens": 0,
         "occurred_at": (FIRST + timedelta(hours=12 * (n // 2))).isoformat()}
        for n in range(5)
    ]  # fmt: skip
    assert (await made.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    return made


async def read(service: Service, project: Project, max_seconds: float) -> tuple[list[str], datetime | None]:
    span = RecordSpan(project.id, RecordsQuery(), DAYS)
    keys = [row.event_key async for rows in span.read(service.tools.engine, max_seconds) for row in rows]
    return keys, span.done_until


async def test_all_are_read_once_and_none_beyond_the_last_day(service: Service, project: Project) -> None:
    assert await read(service, project, 60.0) == (["0", "1", "2", "3"], None)


async def test_where_the_time_is_over_the_last_that_was_read_is_told(service: Service, project: Project) -> None:
    assert await read(service, project, 0.0) == (["0", "1"], FIRST)
