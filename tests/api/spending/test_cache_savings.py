"""What caching saved is told with the surcharge of writes; what it could save is a bound, and what nobody knows is said.

By hand, claude-sonnet-4-5: 3 USD a million of input, 0.30 cached, 3.75 written.
"""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.spending.cache_savings import MOST_RUNS, Runs
from tests.conftest import Project, Service

AT = datetime(2026, 11, 3, 10, tzinfo=UTC)
CALL = {"team": "ops", "agent": "bot", "model": "claude-sonnet-4-5", "output_tokens": 0}
DAYS = {"since": "2026-11-01", "until": "2026-12-01"}


async def post(project: Project, *records: dict[str, Any]) -> None:
    sent = [
        {**CALL, "event_key": str(number), "occurred_at": (AT + timedelta(minutes=number)).isoformat(), **one}
        for number, one in enumerate(records)
    ]
    answer = await project.ingest.post("/api/usage/batch", json={"records": sent})
    assert answer.status_code == 201, answer.text


async def test_reads_less_the_surcharge_of_writes_are_saved(service: Service) -> None:
    project = await service.project()
    await post(
        project,
        {"input_tokens": 10_000, "cached_tokens": 4_000, "cache_write_tokens": 1_000, "output_tokens": 2_000},
        {"input_tokens": 1_000, "cache_write_tokens": 1_000, "agent": "writer"},
        {"input_tokens": 500, "model": "acme-1"},
    )
    found = await project.get("/api/costs/caching", by="agent", **DAYS)
    bot, writer = found["groups"]
    # 4,000 x 2.70 less 1,000 x 0.75; without a cache 10,000 x 3 + 2,000 x 15
    assert [float(bot[name]) for name in ("reads_saved_usd", "writes_added_usd", "saved_usd", "uncached_usd", "cost_usd")] == [
        0.0108, 0.00075, 0.01005, 0.06, 0.04995,
    ]  # fmt: skip
    assert (bot["key"], bot["records"], bot["unpriced_tokens"]) == ("bot", 2, 500)
    assert bot["hit_percent"] == pytest.approx(100 * 4_000 / 10_500)
    assert (writer["key"], float(writer["saved_usd"])) == ("writer", -0.00075)
    assert (found["total"]["records"], float(found["total"]["saved_usd"])) == (3, 0.0093)
    assert found["total"]["untold_tokens"] == 6_000 + 1_000 + 500  # none of them names a run


async def test_input_that_a_run_had_sent_just_before_could_have_come_out_of_the_cache(service: Service) -> None:
    project = await service.project()
    await post(
        project,
        {"run": "r", "input_tokens": 5_000},
        {"run": "r", "input_tokens": 8_000, "cached_tokens": 1_000},  # 4,000 of it may be what the first had sent
        {"run": "other", "input_tokens": 8_000},
        {"run": "r", "input_tokens": 9_000, "occurred_at": (AT + timedelta(minutes=30)).isoformat()},  # long forgotten
    )
    total = (await project.get("/api/costs/caching", **DAYS))["total"]
    assert (total["repeated_tokens_at_most"], float(total["could_save_usd_at_most"])) == (4_000, 0.0108)
    assert total["untold_tokens"] == 0


def count(*calls: tuple[str, int, int, int]) -> list[int]:
    runs = Runs()
    return [
        runs.count_repeated(SimpleNamespace(  # type: ignore[arg-type]
            run=run, agent="a", sums_as="m", occurred_at=AT + timedelta(seconds=second), input_tokens=sent, cached_tokens=cached
        ))
        for run, second, sent, cached in calls
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "repeated"),
    [
        ([("r", 0, 5_000, 0), ("r", 300, 5_000, 0)], [0, 5_000]),
        ([("r", 0, 5_000, 0), ("r", 301, 5_000, 0)], [0, 0]),
        ([("r", 0, 5_000, 0), ("r", 1, 2_000, 0)], [0, 2_000]),  # no more than there is
        ([("r", 0, 5_000, 0), ("r", 1, 9_000, 6_000)], [0, 0]),  # all of it was cached
        ([("r", 0, 1_023, 0), ("r", 1, 9_000, 0)], [0, 0]),  # too short for a cache
        ([("r", 0, 5_000, 0), ("s", 1, 5_000, 0), ("r", 2, 5_000, 0)], [0, 0, 5_000]),
    ],
)
def test_what_is_repeated_is_bounded_by_the_call_before(
    calls: list[tuple[str, int, int, int]], repeated: list[int]
) -> None:
    assert count(*calls) == repeated


def test_runs_are_forgotten_when_they_are_old_or_too_many() -> None:
    runs = Runs()
    for number in range(MOST_RUNS + 5):
        runs.count_repeated(
            SimpleNamespace(  # type: ignore[arg-type]
                run=str(number), agent="", sums_as="", occurred_at=AT, input_tokens=1, cached_tokens=0
            )
        )
    assert len(runs.last) == MOST_RUNS
    later = SimpleNamespace(
        run="x", agent="", sums_as="", occurred_at=AT + timedelta(minutes=6), input_tokens=1, cached_tokens=0
    )
    runs.count_repeated(later)  # type: ignore[arg-type]
    assert list(runs.last) == [("x", "", "")]
