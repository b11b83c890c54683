"""Who always sends and sends nothing now is silent; who sends now and then is not."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import PROJECT, rows
from worker.alerts.silences import HOUR, find_silence, note_silences

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
THIS = NOW.replace(minute=0)


def hours(*ago: int) -> list[datetime]:
    return sorted(THIS - one * HOUR for one in ago)


@pytest.mark.parametrize(
    ("sent", "silent"),
    [
        (hours(*range(4, 168)), 3.5),
        (hours(*range(168)), None),
        (hours(*range(2, 168)), None),  # an hour and a half
        (hours(*range(4, 60)), None),  # too young
        (hours(*range(4, 168, 2)), None),  # every other hour
        (hours(*[n for n in range(4, 168) if n not in (80, 81)]), None),  # has paused for two hours before
        (hours(*[n for n in range(8, 168) if n not in (80, 81)]), 7.5),
    ],
)
def test_silence_is_long_beside_what_is_usual(sent: Sequence[datetime], silent: float | None) -> None:
    assert find_silence(sent, NOW) == silent


ADD_HOURS = text("""
    INSERT INTO hourly_rollups (project_id, hour, fingerprint, service, severity, environment, count)
    SELECT :project_id, date_trunc('hour', now(), 'UTC') - make_interval(hours => n), 1, 'shop', 3, '', 5
    FROM generate_series(CAST(:since AS int), 160) n
""")


async def test_a_service_that_falls_silent_is_told_once_and_once_when_it_is_back(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(ADD_HOURS, {"project_id": PROJECT, "since": 6})
    for _ in range(2):
        await note_silences(engine, PROJECT)
    [(name, title)] = await rows(engine, "SELECT name, facts ->> 'title' FROM transitions")
    assert (name, title) == ("silent", "no errors from shop, which always sends")
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM hourly_rollups"))  # its week is over
    await note_silences(engine, PROJECT)
    assert len(await rows(engine, "SELECT 1 FROM transitions")) == 1
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE conditions SET since = since - interval '2 hours'"))
        await connection.execute(ADD_HOURS, {"project_id": PROJECT, "since": 0})
    await note_silences(engine, PROJECT)
    assert [row[0] for row in await rows(engine, "SELECT name FROM transitions ORDER BY transition_id")] == [
        "silent",
        "over",
    ]
