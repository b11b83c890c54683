"""Far more spent than usual is told once, with what was expected, and once when it is over; what is usual is not told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import PROJECT, rows
from worker.spending.surges import SpenderKey, find_surges, list_spending, note_surges
from worker.trends.scores import HISTORY_HOURS, HOUR, Activity

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
STEADY = [100 + number % 7 for number in range(HISTORY_HOURS)]  # cents
KEY = SpenderKey("agent", "reviewer")


def activity(hourly: list[int], last_hour: int, last_six_hours: int) -> Activity:
    first = NOW.replace(minute=0) - (len(hourly) - 1) * HOUR
    return Activity(hourly, last_hour, last_six_hours, first, NOW)


@pytest.mark.parametrize(
    ("hourly", "last_hour", "last_six_hours", "trend"),
    [
        (STEADY, 103, 618, None),
        (STEADY, 1_000, 1_515, "spiking"),
        (STEADY, 190, 900, None),  # less than twice
        ([2] * HISTORY_HOURS, 50, 60, None),  # less than a dollar
        (STEADY[-12:], 1_000, 1_515, None),  # younger than a day
        ([100, 1_500, 30] * (HISTORY_HOURS // 3), 1_400, 4_000, None),  # that is how it always is
    ],
)
def test_what_is_far_beyond_its_own_past_is_a_surge(
    hourly: list[int], last_hour: int, last_six_hours: int, trend: str | None
) -> None:
    found = find_surges({KEY: activity(hourly, last_hour, last_six_hours)}, NOW)
    assert (found[KEY].trend if KEY in found else None) == trend


# Twelve days of a dollar an hour, and in the quarter before this one so much more.
SPEND = text("""
    INSERT INTO usage_rollups (project_id, minutes, bucket, team, agent, model, records, input_tokens, cached_tokens,
                               cache_write_tokens, output_tokens, reasoning_tokens, untied_tokens, estimated_tokens,
                               unpriced_tokens, cost_usd)
    SELECT :project_id, 15, date_bin('15 minutes', now(), '2000-01-01Z') - make_interval(mins => 15 + 60 * n), 'ops', :agent,
           'm', 1, 1, 0, 0, 0, 0, 0, 0, 0, CASE WHEN n = 0 THEN :last ELSE 1.0 END
    FROM generate_series(0, 288) n
""")


async def told(engine: AsyncEngine) -> list[Any]:
    asked = "SELECT subject, name, facts ->> 'title', facts ->> 'observed' FROM transitions ORDER BY transition_id"
    return [tuple(row) for row in await rows(engine, asked)]


async def test_a_surge_is_told_once_of_each_that_has_it_and_once_when_it_is_over(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for agent, last in (("reviewer", 30), ("writer", 1), ("", 1)):
            await connection.execute(SPEND, {"project_id": PROJECT, "agent": agent, "last": last})
    assert PROJECT in await list_spending(engine)
    for _ in range(2):
        assert (await note_surges(engine, PROJECT)).counts == {"surges": 3}
    # 30 dollars of the one agent, and with the two others' 32 of its team and its model
    assert sorted(await told(engine)) == [
        ("agent", "spend", "agent reviewer spends far more than usual", "30.00"),
        ("model", "spend", "model m spends far more than usual", "32.00"),
        ("team", "spend", "team ops spends far more than usual", "32.00"),
    ]
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE usage_rollups SET cost_usd = 1"))
    assert (await note_surges(engine, PROJECT)).counts == {"surges": 0}
    assert [name for _, name, *_ in await told(engine)] == ["spend"] * 3 + ["over"] * 3


async def test_what_is_over_is_found_when_nothing_is_spent_any_more(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(SPEND, {"project_id": PROJECT, "agent": "a", "last": 30})
    await note_surges(engine, PROJECT)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM usage_rollups"))
    assert PROJECT in await list_spending(engine)
    await note_surges(engine, PROJECT)
    assert list(await list_spending(engine)) == []
