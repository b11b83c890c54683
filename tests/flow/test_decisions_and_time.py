"""What counts as after a decision: what is received after it, whatever errors say of their own time."""

from datetime import UTC, datetime, timedelta

import pytest

from common.settings import Settings
from tests.conftest import Project, Service
from tests.flow.test_triage import change, error, only, patterns
from tests.worker.running import fold_deltas


def at(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


async def state(service: Service, project: Project, pattern_id: str) -> str:
    await service.run_worker()
    service.age_reads()
    return str((await project.get(f"/api/errors/patterns/{pattern_id}"))["state"])


async def decided(service: Service, *first: dict[str, object], **body: object) -> tuple[Project, str]:
    """A project with the one pattern of these errors, decided on."""
    project = await service.project()
    await project.send(*first)
    await service.run_worker()
    pattern_id = str((await only(service, project))["id"])
    await change(project, pattern_id, **body)
    return project, pattern_id


async def test_an_error_dated_ahead_that_was_received_before_stays_resolved(service: Service) -> None:
    project, pattern_id = await decided(service, error(timestamp=at(minutes=-9)), state="resolved")
    assert await state(service, project, pattern_id) == "resolved"
    assert (await project.get(f"/api/errors/patterns/{pattern_id}"))["trend"] != "regressed"
    await project.send(error())
    assert await state(service, project, pattern_id) == "regressed"


async def test_errors_that_were_acknowledged_before_are_no_regression_when_they_are_counted_later(
    service: Service,
) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    pattern_id = str((await only(service, project))["id"])
    await project.send(error(timestamp=at(minutes=-5)), error())
    await change(project, pattern_id, state="resolved")
    assert await state(service, project, pattern_id) == "resolved"


async def test_an_error_dated_before_the_decision_and_received_after_it_is_a_regression(service: Service) -> None:
    project, pattern_id = await decided(service, error(), state="resolved")
    await project.send(error(timestamp=at(hours=3)))
    assert await state(service, project, pattern_id) == "regressed"


async def test_a_pattern_that_a_release_before_counted_last_is_judged_by_what_is_known(service: Service) -> None:
    project, pattern_id = await decided(service, error(timestamp=at(minutes=1)), state="resolved")
    await service.execute("UPDATE fingerprints SET received_at = NULL, since = NULL, since_count = NULL")
    assert await state(service, project, pattern_id) == "resolved"
    await service.execute("UPDATE fingerprints SET last_seen = now()")
    assert await state(service, project, pattern_id) == "regressed"


async def test_errors_that_were_acknowledged_before_are_not_more(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    pattern_id = str((await only(service, project))["id"])
    await project.send(*[error() for _ in range(5)])
    await change(project, pattern_id, state="ignored", errors=3)
    assert await state(service, project, pattern_id) == "ignored"
    await project.send(error(), error(timestamp=at(hours=5)))
    assert await state(service, project, pattern_id) == "ignored"
    await project.send(error())
    assert await state(service, project, pattern_id) == "new"


async def test_what_came_before_and_after_a_decision_is_told_apart_in_one_fold(service: Service) -> None:
    project, pattern_id = await decided(service, error(), state="open")
    await project.send(*[error() for _ in range(4)])
    await change(project, pattern_id, state="ignored", errors=3)
    await project.send(error(), error())
    assert await state(service, project, pattern_id) == "ignored"
    await project.send(error())
    assert await state(service, project, pattern_id) == "new"


@pytest.mark.parametrize("is_grouped", [True, False])
@pytest.mark.parametrize("is_older", [True, False])
async def test_the_errors_of_a_merged_pattern_are_not_more_but_its_later_ones_are(
    service: Service, is_grouped: bool, is_older: bool
) -> None:
    project = await service.project()
    others = [error("no space left on device", error_type="OSError") for _ in range(10)]
    await project.send(error(), error(), *(others if is_older else []))
    await service.run_worker()
    service.age_reads()
    kept = next(p["id"] for p in await patterns(project) if p["count"] == 2)
    await change(project, kept, state="ignored", errors=3)
    await project.send(*([] if is_older else others), others[0])
    await (service.run_worker() if is_grouped else fold_deltas(service.tools.engine, 48))
    [[merged]] = await service.execute(
        "SELECT DISTINCT pattern_id FROM fingerprints WHERE pattern_id <> CAST(:kept AS uuid)", kept=kept
    )
    await change(project, str(merged), merge_into=kept)
    assert await state(service, project, kept) == "ignored"
    await project.send(error(), others[0])
    assert await state(service, project, kept) == "ignored"
    await project.send(others[0])
    assert await state(service, project, kept) != "ignored"


async def test_fingerprints_that_a_pattern_gets_later_count_whole(service: Service) -> None:
    names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"]
    project, pattern_id = await decided(
        service, *[error(f"user {name} not found") for name in names], state="ignored", errors=3
    )
    await project.send(*[error(f"user {name} not found") for name in ("kim", "leo")])
    assert await state(service, project, pattern_id) == "ignored"
    await project.send(error("user mallory not found"))
    assert await state(service, project, pattern_id) == "new"


async def test_a_decision_of_the_release_before_is_kept(service: Service) -> None:
    project, pattern_id = await decided(service, error(), error(), state="ignored", errors=2)
    await service.execute("UPDATE decisions SET until_more = NULL")
    await project.send(error())
    assert await state(service, project, pattern_id) == "ignored"
    await project.send(error())
    assert await state(service, project, pattern_id) == "new"


async def test_the_longest_lead_that_a_clock_may_have_changes_nothing(settings: Settings, service: Service) -> None:
    ahead = settings.clock_ahead_max_seconds - 5
    project, pattern_id = await decided(service, error(timestamp=at(seconds=-ahead)), state="resolved")
    assert await state(service, project, pattern_id) == "resolved"
