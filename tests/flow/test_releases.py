"""Resolved in a release: errors of those before it are forgiven, those of it and after it are a regression."""

import pytest

from tests.conftest import Project, Service
from tests.flow.test_triage import change, error, only


async def resolved(service: Service, known: list[str], **body: object) -> tuple[Project, str]:
    """A project that has sent these releases, the last one in a pattern that is resolved now."""
    project = await service.project()
    others = [error("no route to host", release=release) for release in known[:-1]]
    await project.send(*others, *[error(release=known[-1]) for _ in range(5)])
    await service.run_worker()
    service.age_reads()
    listed = (await project.get("/api/errors/patterns"))["patterns"]
    pattern_id = next(p["id"] for p in listed if p["title"] == "disk full")
    await change(project, pattern_id, state="resolved", **body)
    return project, str(pattern_id)


async def state(service: Service, project: Project, pattern_id: str, *releases: str | None) -> str:
    """The pattern's, after errors of these releases."""
    await project.send(*[error(release=release) for release in releases])
    await service.run_worker()
    service.age_reads()
    return str((await project.get(f"/api/errors/patterns/{pattern_id}"))["state"])


async def test_an_older_release_and_a_fix_of_the_newest_are_no_regression_and_the_next_one_is(service: Service) -> None:
    project, pattern_id = await resolved(service, ["10.18.6"], in_next_release=True)
    assert await state(service, project, pattern_id, "10.18.7", "10.17.0", None, "10.18.6") == "resolved"
    assert (await only(service, project))["release_order"] == "semantic"
    assert await state(service, project, pattern_id, "10.19.0") == "regressed"


async def test_the_release_that_was_said_to_have_the_fix_regresses_and_those_before_it_do_not(service: Service) -> None:
    project, pattern_id = await resolved(service, ["10.18.6"], in_release="10.24.0")
    assert await state(service, project, pattern_id, "10.18.7", "10.17.0", "10.23.9", "10.24.0-rc.1") == "resolved"
    shown = await only(service, project)
    assert (shown["release_order"], shown["fixed_in"]) == ("semantic", "10.24.0")
    assert await state(service, project, pattern_id, "10.24.0") == "regressed"


async def test_the_next_release_is_the_next_of_the_project_not_of_the_pattern(service: Service) -> None:
    project, pattern_id = await resolved(service, ["10.23.1", "10.18.6"], in_next_release=True)
    assert await state(service, project, pattern_id, "10.18.9", "10.22.0", "10.23.0") == "resolved"
    assert await state(service, project, pattern_id, "10.24.0") == "regressed"


async def test_a_release_that_is_not_counted_yet_is_known(service: Service) -> None:
    project, pattern_id = await resolved(service, ["1.0.0"])
    await project.send(error("no route to host", release="1.7.0"))
    await change(project, pattern_id, state="resolved", in_next_release=True)
    assert await state(service, project, pattern_id, "1.6.0", "1.7.0") == "resolved"
    assert await state(service, project, pattern_id, "1.8.0") == "regressed"


async def test_names_that_tell_no_order_go_by_when_they_were_first_seen(service: Service) -> None:
    project, pattern_id = await resolved(service, ["cafe12", "beef34"], in_next_release=True)
    assert await state(service, project, pattern_id, "cafe12", "beef34") == "resolved"
    assert (await project.get(f"/api/errors/patterns/{pattern_id}"))["release_order"] == "first_seen"
    assert await state(service, project, pattern_id, "abad1d") == "regressed"


async def test_hashes_that_begin_with_a_digit_are_no_versions(service: Service) -> None:
    project, pattern_id = await resolved(service, ["9f2a1c9"], in_next_release=True)
    assert (await only(service, project))["release_order"] == "first_seen"
    assert await state(service, project, pattern_id, "9f2a1c9") == "resolved"
    assert await state(service, project, pattern_id, "3f2a1c8") == "regressed"


async def test_a_fix_whose_name_tells_no_order_is_in_what_was_first_seen_after_it(service: Service) -> None:
    project, pattern_id = await resolved(service, ["cafe12", "beef34"], in_release="abad1d")
    assert await state(service, project, pattern_id, "cafe12", "0ddba11x") == "resolved"
    await project.send(error("no route to host", release="abad1d"))
    assert await state(service, project, pattern_id, "0ddba11x") == "resolved"
    assert await state(service, project, pattern_id, "f00dx") == "regressed"


@pytest.mark.parametrize("body", [{"in_next_release": True}, {"in_release": "1.0"}])
async def test_a_project_that_sends_no_release_is_told_what_to_do(service: Service, body: dict[str, object]) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    path = f"/api/errors/patterns/{(await only(service, project))['id']}"
    answer = await project.admin.patch(path, json={"state": "resolved", **body})
    assert (answer.status_code, "send `release`" in answer.json()["detail"]) == (422, True)
    assert (await only(service, project))["state"] == "new"


async def test_the_answer_says_how_releases_are_ordered(service: Service) -> None:
    project, pattern_id = await resolved(service, ["2026-11-28"])
    told = await change(project, pattern_id, state="resolved", in_next_release=True)
    assert told == {"id": pattern_id, "applies": "now", "release_order": "date"}
    for body in (
        {"state": "open", "in_release": "1"},
        {"state": "resolved", "in_release": "1", "in_next_release": True},
    ):
        assert (await project.admin.patch(f"/api/errors/patterns/{pattern_id}", json=body)).status_code == 422


async def test_errors_of_the_fix_that_were_received_before_are_no_regression(service: Service) -> None:
    project, pattern_id = await resolved(service, ["1.0.0", "1.1.0"])
    await project.send(error(release="1.1.0"))
    await change(project, pattern_id, state="resolved", in_release="1.1.0")
    assert await state(service, project, pattern_id, "1.0.0") == "resolved"
    assert await state(service, project, pattern_id, "1.1.0") == "regressed"


async def test_a_fingerprint_that_joins_later_is_judged_too(service: Service) -> None:
    names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"]
    project = await service.project()
    await project.send(*[error(f"user {name} not found", release="1.0.0") for name in names])
    await service.run_worker()
    pattern_id = (await only(service, project))["id"]
    await change(project, pattern_id, state="resolved", in_next_release=True)
    await project.send(error("user mallory not found", release="1.1.0"))
    await service.run_worker()
    service.age_reads()
    assert (await project.get(f"/api/errors/patterns/{pattern_id}"))["state"] == "regressed"
