"""What a process looks at all the time is told as points in time, and stays as it was where nobody can look."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.status import watching
from api.status.background import in_background
from api.status.watching import LOOK_TAKES_SECONDS, look_once, tell_freshness, tell_storage, watch
from api.storing.other_days import EarlyDays
from common.database import make_engine
from common.database.clock import CLOCK
from common.settings import Settings
from common.telemetry import metrics
from common.telemetry.freshness import WATCHED_JOBS, Freshness, find_freshness
from tests.conftest import Service

NOWHERE = Settings.load(database_url="postgresql://127.0.0.1:1/x", database_connect_seconds=1)


def value(family: Any, *labels: str) -> float:
    return float(family.of(*labels)._value.get())


def test_ages_are_told_as_points_in_time_and_a_job_that_never_ended_counts_from_our_start() -> None:
    now = CLOCK.seconds()
    tell_freshness(Freshness(5.0, {"fold": 7.0, "patterns": None}), started_at=123.0)
    assert value(metrics.FOLDED_UNTIL) == pytest.approx(now - 5, abs=2)
    assert value(metrics.JOB_LAST_SUCCESS, "fold") == pytest.approx(now - 7, abs=2)
    assert value(metrics.JOB_LAST_SUCCESS, "patterns") == 123


async def test_jobs_of_a_worker_that_never_ran_count_from_our_start(service: Service) -> None:
    tell_freshness(await find_freshness(service.tools.engine), started_at=77.0)
    assert {value(metrics.JOB_LAST_SUCCESS, job) for job in WATCHED_JOBS} == {77.0}


async def test_storage_tells_the_days_ahead_and_the_errors_without_a_day(service: Service) -> None:
    await service.run_worker()
    ahead = await service.execute("SELECT count(*) AS days FROM pg_class WHERE relkind = 'r' AND relname ~ '^errors_\\d{8}$'"
                                  " AND relname > 'errors_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")  # fmt: skip
    await tell_storage(service.tools.engine)
    assert value(metrics.PARTITIONS_AHEAD) == ahead[0].days > 0
    assert value(metrics.ROWS_WITHOUT_DAY) == 0
    assert value(metrics.DATABASE_BYTES) > 10**6


async def test_the_first_look_waits_for_no_postgres_and_fails_for_none() -> None:
    engine, early_days = make_engine(NOWHERE, "test"), EarlyDays()
    with capture_logs() as lines:
        await look_once(engine, early_days)
    assert [line["event"] for line in lines] == ["nothing_to_watch"]
    await engine.dispose()


async def test_the_watch_goes_on_after_postgres_was_away(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def fail_first(engine: Any) -> Freshness:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise OSError("away")
        return await find_freshness(engine)

    monkeypatch.setattr(watching, "find_freshness", fail_first)
    monkeypatch.setattr(watching, "WATCH_SECONDS", 0.01)
    with capture_logs() as lines:
        async with (
            in_background(watch(service.tools.engine, service.settings, EarlyDays()), "watch"),
            asyncio.timeout(10),
        ):
            while looks < 3:
                await asyncio.sleep(0.01)
    assert "nothing_to_watch" in [line["event"] for line in lines]
    assert value(metrics.JOB_LATE_AFTER, "fold") == 10 + 0.01 + LOOK_TAKES_SECONDS
