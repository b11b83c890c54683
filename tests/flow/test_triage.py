"""People and patterns: resolve, ignore, reopen, note, merge, split; what was decided is remembered."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from common.settings import Settings
from tests.conftest import Project, Service, run_service
from worker.jobs import run_steps, take_guard
from worker.schedule import PATTERNS, fold_steps


def error(message: str = "disk full", **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": message, **others}


async def change(project: Project, pattern_id: str, **body: Any) -> dict[str, Any]:
    answer = await project.admin.patch(f"/api/errors/patterns/{pattern_id}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def patterns(project: Project, **query: Any) -> list[dict[str, Any]]:
    return list((await project.get("/api/errors/patterns", order="count", **query))["patterns"])


async def only(service: Service, project: Project) -> dict[str, Any]:
    """The one pattern, as its own page tells it now."""
    service.age_reads()
    [pattern] = await patterns(project)
    return await project.get(f"/api/errors/patterns/{pattern['id']}")


@pytest.fixture
async def one(service: Service) -> tuple[Project, str]:
    project = await service.project()
    await project.send(*[error(release="1.0") for _ in range(3)])
    await service.run_worker()
    return project, (await only(service, project))["id"]


async def test_a_resolved_pattern_shows_so_at_once_and_regresses_by_itself(
    service: Service, one: tuple[Project, str]
) -> None:
    project, pattern_id = one
    assert await change(project, pattern_id, state="resolved", note="fixed in 1.1") == {
        "id": pattern_id,
        "applies": "now",
    }
    shown = await only(service, project)
    assert (shown["state"], shown["note"]) == ("resolved", "fixed in 1.1")
    await project.send(error())
    await service.run_worker()
    shown = await only(service, project)
    assert (shown["state"], shown["note"]) == ("regressed", "fixed in 1.1")
    await change(project, pattern_id, state="open")
    assert (await only(service, project))["state"] in ("new", "regressed")


async def test_resolved_in_the_next_release_forgives_the_releases_that_are_known(
    service: Service, one: tuple[Project, str]
) -> None:
    project, pattern_id = one
    await change(project, pattern_id, state="resolved", in_next_release=True)
    await project.send(error(release="1.0"), error())
    await service.run_worker()
    assert (await only(service, project))["state"] == "resolved"
    await project.send(error(release="1.1"))
    await service.run_worker()
    assert (await only(service, project))["state"] == "regressed"


async def test_an_ignored_pattern_comes_back_after_so_many_errors(service: Service, one: tuple[Project, str]) -> None:
    project, pattern_id = one
    await change(project, pattern_id, state="ignored", errors=2)
    await project.send(error())
    await service.run_worker()
    assert (await only(service, project))["state"] == "ignored"
    await project.send(error())
    await service.run_worker()
    assert (await only(service, project))["state"] == "new"


async def test_an_ignored_pattern_comes_back_after_its_time(service: Service, one: tuple[Project, str]) -> None:
    project, pattern_id = one
    await change(project, pattern_id, state="ignored", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (await only(service, project))["state"] == "ignored"
    await service.execute("UPDATE decisions SET until = now() - interval '1 second'")
    await service.run_worker()
    assert (await only(service, project))["state"] == "new"


async def test_merged_patterns_stay_one_also_when_new_errors_come(service: Service) -> None:
    project = await service.project()
    await project.send(error("disk full"), error("disk full"), error("no space left on device", error_type="OSError"))
    await service.run_worker()
    service.age_reads()
    into, other = [pattern["id"] for pattern in await patterns(project)]
    assert (await change(project, other, merge_into=into))["applies"] == "next_run"
    for round_ in range(2):
        await service.run_worker()
        shown = await only(service, project)
        assert (shown["id"], shown["fingerprints_total"], shown["count"]) == (into, 2, 3 + 2 * round_)
        await project.send(error("no space left on device", error_type="OSError"), error("disk full"))


async def test_a_merge_and_a_split_show_with_the_next_fold_in_every_window(service: Service) -> None:
    project = await service.project()
    await project.send(error("disk full"), error("disk full"), error("no space left on device", error_type="OSError"))
    await service.run_worker()
    service.age_reads()
    into, other = [pattern["id"] for pattern in await patterns(project)]
    await change(project, other, merge_into=into)
    assert (await run_steps(service.tools, fold_steps(service.settings)))["regrouped"] == 1
    service.age_reads()
    for window in ("1h", "6h", "24h", "7d"):
        assert [(p["id"], p["count"]) for p in await patterns(project, window=window)] == [(into, 3)]
    first, _ = [one["fingerprint"] for one in (await only(service, project))["fingerprints"]]
    await change(project, into, split_off=[first])
    assert (await run_steps(service.tools, fold_steps(service.settings)))["regrouped"] == 1
    service.age_reads()
    assert len(await patterns(project, window="7d")) == 2
    assert (await run_steps(service.tools, fold_steps(service.settings)))["regrouped"] == 0


async def test_a_fold_leaves_regrouping_to_the_run_of_patterns_that_is_under_way(service: Service) -> None:
    project = await service.project()
    await project.send(error("disk full"), error("no space left on device", error_type="OSError"))
    await service.run_worker()
    service.age_reads()
    into, other = [pattern["id"] for pattern in await patterns(project)]
    await change(project, other, merge_into=into)
    async with service.tools.engine.begin() as run:
        assert await take_guard(run, f"{PATTERNS}:{project.id}", 60)
        assert (await run_steps(service.tools, fold_steps(service.settings)))["regrouped"] == 0
    assert (await run_steps(service.tools, fold_steps(service.settings)))["regrouped"] == 1


async def test_the_id_of_a_pattern_that_became_part_of_another_goes_on_answering(service: Service) -> None:
    project = await service.project()
    await project.send(error("disk full"), error("disk full"), error("no space left on device", error_type="OSError"))
    await service.run_worker()
    service.age_reads()
    into, other = [pattern["id"] for pattern in await patterns(project)]
    await change(project, other, merge_into=into)
    await service.run_worker()
    service.age_reads()
    assert (await project.get(f"/api/errors/patterns/{other}"))["id"] == into
    assert len((await project.get("/api/errors", pattern=other))["errors"]) == 3
    assert (await change(project, other, state="resolved"))["id"] == into
    again = await project.admin.patch(f"/api/errors/patterns/{into}", json={"merge_into": other})
    assert (again.status_code, "the same one" in again.json()["detail"]) == (422, True)
    stranger = await service.project("other")
    assert (await stranger.read.get(f"/api/errors/patterns/{other}")).status_code == 404


async def test_what_was_split_off_stays_apart(service: Service) -> None:
    project = await service.project()
    names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"]
    await project.send(*[error(f"user {name} not found") for name in names])
    await service.run_worker()
    whole = await only(service, project)
    assert whole["fingerprints_total"] == 10
    assert whole["variables"][0][0]["count"] == 1
    apart = whole["fingerprints"][0]["fingerprint"]
    await change(project, whole["id"], split_off=[apart])
    for _ in range(2):
        await service.run_worker()
        service.age_reads()
        large, small = await patterns(project)
        assert (large["id"], large["count"] // small["count"]) == (whole["id"], 9)
        await project.send(*[error(f"user {name} not found") for name in names])


async def test_a_change_that_makes_no_sense_is_refused_with_a_reason(one: tuple[Project, str]) -> None:
    project, pattern_id = one
    bodies: list[dict[str, Any]] = [
        {},
        {"state": "gone"},
        {"state": "open", "in_next_release": True},
        {"state": "resolved", "errors": 3},
        {"state": "ignored", "until": "2020-01-01T00:00:00Z"},
        {"state": "resolved", "merge_into": str(uuid4())},
        {"split_off": ["0000000000000001"]},
        {"split_off": ["xyz"]},
    ]
    for body in bodies:
        answer = await project.admin.patch(f"/api/errors/patterns/{pattern_id}", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["detail"], body


async def test_patterns_are_changed_by_admins_of_their_project_only(service: Service, one: tuple[Project, str]) -> None:
    project, pattern_id = one
    other = await service.project("other")
    body = {"state": "resolved"}
    path = f"/api/errors/patterns/{pattern_id}"
    assert (await project.read.patch(path, json=body)).status_code == 403
    assert (await other.admin.patch(path, json=body)).status_code == 404
    theirs = await service.project("theirs")
    await theirs.send(error())
    await service.run_worker()
    [their_pattern] = await patterns(theirs)
    answer = await project.admin.patch(path, json={"merge_into": their_pattern["id"]})
    assert answer.status_code == 404


async def test_every_filter_counts_what_it_says_and_its_sums_are_exact(service: Service) -> None:
    project = await service.project()
    await project.send(
        *[error("disk full") for _ in range(4)], *[error("disk full", environment="prod") for _ in range(2)]
    )
    await project.send(*[error("no route", service="login", severity="warning", environment="prod") for _ in range(4)])
    await service.run_worker()
    totals: list[tuple[dict[str, str], int]] = [
        ({}, 10),
        ({"service": "shop"}, 6),
        ({"severity": "warning"}, 4),
        ({"environment": "prod"}, 6),
        ({"service": "shop", "environment": "prod"}, 2),
        ({"state": "new"}, 10),
        ({"state": "resolved"}, 0),
        ({"trend": "steady"}, 0),
        ({"trend": "new", "service": "login"}, 4),
    ]
    for query, total in totals:
        answer = await project.get("/api/errors/patterns", **query)
        assert answer["total"] == total, query
        for part in ("by_severity", "by_service", "by_environment", "series", "trends"):
            assert sum(item["count"] for item in answer[part]) == total, (query, part)
        assert sum(pattern["count"] for pattern in answer["patterns"]) + answer["other"]["count"] == total, query


async def test_one_cause_in_two_services_is_shown_as_one_incident(service: Service) -> None:
    project = await service.project()
    await project.send(*[error("cannot connect to ledger-db", service="ledger") for _ in range(4)])
    await project.send(*[error("payment failed: ledger-db is away", service="shop") for _ in range(3)])
    await project.send(*[error("user unknown", service="login") for _ in range(5)])
    await service.run_worker()
    [incident] = (await project.get("/api/errors/patterns"))["incidents"]
    assert incident["services"] == ["ledger", "shop"]
    assert incident["count"] == 7
    await service.run_worker()
    service.age_reads()
    assert [one["id"] for one in (await project.get("/api/errors/patterns"))["incidents"]] == [incident["id"]]


@pytest.mark.parametrize("stored_by", ["this release", "the release before"])
async def test_a_trace_through_two_services_is_shown_as_one_incident(service: Service, stored_by: str) -> None:
    project = await service.project()
    trace = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    await project.send(*[error("disk full", service="store", tags=trace) for _ in range(3)])
    await project.send(*[error("checkout gave up", service="shop", context=trace) for _ in range(3)])
    await project.send(*[error("user unknown", service="login") for _ in range(3)])
    if stored_by == "the release before":
        await service.execute(
            "UPDATE errors SET context = context_text::jsonb, tags = tags_text::jsonb, context_text = NULL, tags_text = NULL"
        )
    await service.run_worker()
    [incident] = (await project.get("/api/errors/patterns"))["incidents"]
    assert incident["services"] == ["shop", "store"]


async def test_a_storm_is_stored_slim_and_counted_whole(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"storm_errors_per_minute": 10})) as service:
        project = await service.project()
        ids = [str(uuid4()) for _ in range(60)]
        batch = [error(event_id=event_id, stack_trace="trace", context={"a": 1}) for event_id in ids]
        answer = await project.send(*batch)
        assert answer["count"] == 60
        sampled = [item["index"] for item in answer["adjusted"] if item["adjustments"] == ["sampled"]]
        assert len(sampled) >= 40  # a minute may turn meanwhile, once
        assert (await project.send(*batch))["duplicates"] == 60
        await service.run_worker()
        assert (await project.get("/api/errors/patterns"))["total"] == 60
        slim = await project.get(f"/api/errors/{ids[sampled[0]]}")
        assert (slim["stack_trace"], slim["context"], slim["adjustments"]) == (None, None, ["sampled"])
