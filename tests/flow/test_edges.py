"""Values at the edge of what their types hold: each is taken or refused with a reason, and none breaks what follows."""

from typing import Any

import httpx
import pytest

from tests.conftest import Project, Service

# Without a UTC form, or what Postgres takes for infinity.
OUT_OF_CALENDAR = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z",
]
LAST = "9999-12-31T23:59:59Z"
RATES = {"model": "local", "input": "1", "output": "1", "confirm": True}
RECORD = {"event_key": "one", "team": "t", "model": "local", "occurred_at": "2026-02-03T10:00:00Z", "total_tokens": 5}


async def ask_with_time(project: Project, time: str) -> list[httpx.Response]:
    """Everything that takes a time, given this one."""
    started = "2026-01-01T00:00:00Z"
    deliverable = {"ref": time, "team": "t", "kind": "pull_request", "completed_at": time}
    return [
        await project.read.get("/api/errors", params={"since": time}),
        await project.read.get("/api/errors", params={"until": time}),
        await project.ingest.post("/api/deliverables", json=deliverable),
        await project.admin.post("/api/prices/overrides", json=RATES | {"starts_at": started, "ends_at": time}),
        await project.admin.post(
            "/api/prices/reprice", json={"since": "0001-01-02T00:00:00Z", "until": time, "dry_run": True}
        ),
    ]


@pytest.mark.parametrize("time", OUT_OF_CALENDAR)
async def test_a_time_beyond_the_calendar_is_refused_in_plain_words(service: Service, time: str) -> None:
    project = await service.project()
    for answer in await ask_with_time(project, time):
        assert answer.status_code == 422, (answer.request.url, answer.text)
        assert "9999-12-31T23:59:59Z" in answer.json()["detail"]


async def test_the_last_second_of_the_calendar_is_a_time_like_others(service: Service) -> None:
    project = await service.project()
    for answer in await ask_with_time(project, LAST):
        assert answer.is_success, (answer.request.url, answer.text)


async def test_rates_that_end_with_the_calendar_do_not_stop_usage(service: Service) -> None:
    """They came back from Postgres as an infinity without a zone, and each record of the project was a 500."""
    project = await service.project()
    for ends_at in (*OUT_OF_CALENDAR, LAST):
        override = RATES | {"starts_at": "2026-01-01T00:00:00Z", "ends_at": ends_at}
        await project.admin.post("/api/prices/overrides", json=override)
    answer = await project.ingest.post("/api/usage/batch", json={"records": [RECORD]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["adjusted"] == [{"index": 0, "adjustments": ["estimated"]}]


@pytest.mark.parametrize("period", ["0001-01", "9999-12"])
async def test_a_report_of_a_month_at_the_calendars_end_is_refused(service: Service, period: str) -> None:
    project = await service.project()
    for zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        answer = await project.read.get("/api/costs/report", params={"period": period, "timezone": zone})
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("errors", [2**63 - 1, 2**63, 10**30])
async def test_a_number_of_errors_that_no_count_reaches_is_refused(service: Service, errors: int) -> None:
    project = await service.project()
    await project.send({"service": "s", "severity": "error", "message": "one"})
    await service.run_worker()
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    change: dict[str, Any] = {"state": "ignored", "errors": errors}
    answer = await project.admin.patch(f"/api/errors/patterns/{pattern}", json=change)
    assert answer.status_code == 422, answer.text
