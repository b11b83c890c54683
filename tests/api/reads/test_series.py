"""The series of patterns share out what the window's sums count, step by step, and what was before."""

from datetime import UTC, datetime, timedelta

import pytest

from api.reads.parameters import Window
from api.reads.series import EPOCH, STEPS, Steps
from tests.conftest import Service

NOW = datetime(2026, 2, 3, 14, 37, 21, tzinfo=UTC)


@pytest.mark.parametrize("window", list(Window))
def test_the_last_step_is_the_one_under_way_and_all_are_aligned(window: Window) -> None:
    steps = Steps.of(window, NOW)
    starts = steps.starts()
    assert starts[-1] <= NOW < starts[-1] + STEPS[window]
    assert len(starts) * STEPS[window] == timedelta(hours=window.hours)
    assert all((start - EPOCH) % STEPS[window] == timedelta() for start in starts)
    assert steps.before == starts[0] - timedelta(hours=window.hours)


@pytest.mark.parametrize("window", ["1h", "6h", "24h", "7d"])
async def test_every_error_is_in_one_step_or_before(service: Service, window: str) -> None:
    project = await service.project()
    hours, now = Window(window).hours, datetime.now(UTC)
    ages = [hours * share for share in (0, 0.1, 0.5, 0.8, 1.2, 1.7)]
    errors = [
        {"service": name, "severity": "error", "message": f"{name} is down",
         "timestamp": (now - timedelta(hours=age)).isoformat()}
        for age in ages for name in ("one", "two")
    ]  # fmt: skip
    await project.send(*errors)
    await service.run_worker()
    series = await project.get("/api/errors/patterns/series", window=window)
    assert (sum(series["counts"]), series["previous"]) == (8, 4)
    assert len(series["patterns"]) == 2
    for pattern in series["patterns"]:
        assert (sum(pattern["counts"]), pattern["previous"]) == (4, 2)
    one = await project.get("/api/errors/patterns/series", window=window, service="one")
    rest = await project.get("/api/errors/patterns/series", window=window, not_service="one")
    assert [a + b for a, b in zip(one["counts"], rest["counts"], strict=True)] == series["counts"]


async def test_where_there_is_nothing_every_step_is_nought(service: Service) -> None:
    project = await service.project()
    series = await project.get("/api/errors/patterns/series", window="24h")
    assert (series["counts"], series["previous"], series["patterns"]) == ([0] * 24, 0, [])


async def test_steps_are_where_their_errors_were(service: Service) -> None:
    """Also one of a time that is ahead, which is in the last step."""
    project = await service.project()
    now = datetime.now(UTC)
    moments = [
        now + timedelta(minutes=6),
        now - timedelta(hours=2),
        now - timedelta(hours=2),
        now - timedelta(hours=30),
    ]
    await project.send(
        *[{"service": "one", "severity": "error", "message": "down", "timestamp": at.isoformat()} for at in moments]
    )
    await service.run_worker()
    series = await project.get("/api/errors/patterns/series", window="24h")
    starts = [datetime.fromisoformat(start) for start in series["starts"]]
    expected = [0] * 24
    for at in moments[:3]:
        expected[max(number for number, start in enumerate(starts) if start <= at)] += 1
    assert (series["counts"], series["previous"]) == (expected, 1)
    assert [(one["counts"], one["previous"]) for one in series["patterns"]] == [(expected, 1)]
