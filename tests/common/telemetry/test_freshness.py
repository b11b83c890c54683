"""How far the worker is: by values, and as Postgres tells it."""

import pytest
from sqlalchemy import text

from common.settings import Settings
from common.telemetry.freshness import Freshness, find_freshness, find_lateness, late_limits
from tests.conftest import Service

SETTINGS = Settings(fold_every_seconds=20, patterns_every_seconds=60, late_after_periods=2)


@pytest.mark.parametrize(
    ("oldest", "fold", "patterns", "said"),
    [
        (0, 1, 1, ""),
        (40, 40, 120, ""),
        (0, 41, 1, "the job fold last ended well 41 s ago"),
        (0, 1, 121, "the job patterns last ended well 121 s ago"),
        (41, 1, 1, "the oldest delta waits for 41 s"),
        (0, None, 1, "the job fold has never ended well"),
    ],
)
def test_two_periods_make_late(oldest: float, fold: float | None, patterns: float, said: str) -> None:
    freshness = Freshness(oldest, {"fold": fold, "patterns": patterns, "budgets": 1, "upkeep": 9_999})
    assert find_lateness(freshness, SETTINGS).startswith(said)
    assert bool(find_lateness(freshness, SETTINGS)) == bool(said)


def test_nothing_is_late_before_ten_seconds() -> None:
    assert late_limits(Settings(fold_every_seconds=1)) == {"fold": 10.0, "patterns": 120.0, "budgets": 60.0}


async def test_deltas_that_wait_and_jobs_that_ran_are_told_by_postgres(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    engine = service.tools.engine
    assert await find_freshness(engine) == Freshness(0.0, {})
    for one in (project, other):
        await one.send({"service": "shop", "severity": "error", "message": "card declined"})
    await service.execute(
        "UPDATE deltas SET written_at = now() - interval '50 seconds' WHERE project_id = :id", id=other.id
    )
    assert 50 <= (await find_freshness(engine)).oldest_delta_seconds < 60
    await service.run_worker()
    fresh = await find_freshness(engine)
    assert fresh.oldest_delta_seconds == 0
    jobs = {"upkeep", "alerts", "fold", "patterns", "budgets", "spending", "deletions", "channel_tests"}
    assert fresh.job_seconds.keys() == jobs
    assert all(age is not None and 0 <= age < 60 for age in fresh.job_seconds.values())


async def test_a_run_that_fails_or_is_under_way_does_not_make_the_last_success_younger_or_forgotten(
    service: Service,
) -> None:
    await service.run_worker()
    await service.execute("UPDATE job_runs SET succeeded_at = now() - interval '30 seconds', finished_at = NULL")
    for outcome in ("running", "failed"):
        await service.execute("UPDATE job_runs SET outcome = :outcome", outcome=outcome)
        ages = (await find_freshness(service.tools.engine)).job_seconds
        assert all(age is not None and 30 <= age < 40 for age in ages.values())


async def test_a_worker_of_the_release_before_is_seen_too(service: Service) -> None:
    async with service.tools.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO job_runs VALUES ('fold', now(), now() - interval '3 seconds', 'done', '', NULL)")
        )
    age = (await find_freshness(service.tools.engine)).job_seconds["fold"]
    assert age is not None
    assert 3 <= age < 10
