"""Whoever spends may check, whoever administers may change, and each refusal says what to do."""

from typing import Any

import pytest

from tests.conftest import Project, Service


async def make(project: Project, **others: Any) -> str:
    sent = {"name": "all", "scope": "project", "metric": "tokens", "limit": 100, "period": "month", **others}
    answer = await project.admin.post("/api/budgets", json=sent)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/budgets/{answer.json()['id']}"
    return str(answer.headers["location"])


async def test_a_read_key_cannot_use_a_budget_up_and_a_spending_key_cannot_change_it(service: Service) -> None:
    project = await service.project()
    path = await make(project)
    assert (await project.read.post(f"{path}/check", json={"estimate": 1})).status_code == 403
    assert (await project.read.post(f"{path}/settle", json={"reservation_id": path[-36:]})).status_code == 403
    assert (await project.ingest.patch(path, json={"limit": 5})).status_code == 403
    assert (await project.ingest.delete(path)).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"name": "other"}, 409, "has a budget named 'other'"),
        ({"limit": "1.5"}, 422, "tokens are whole"),
        ({"thresholds": [80, 80]}, 422, "threshold"),
        ({"metric": "usd"}, 422, "metric"),
        ({}, 422, "nothing to do"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_and_changes_nothing(
    service: Service, change: dict[str, Any], status: int, words: str
) -> None:
    project = await service.project()
    path = await make(project)
    await make(project, name="other")
    before = (await project.read.get(path)).json()
    answer = await project.admin.patch(path, json=change)
    assert answer.status_code == status
    assert words in answer.text
    assert (await project.read.get(path)).json() == before


async def test_parts_of_a_usd_may_be_a_limit(service: Service) -> None:
    project = await service.project()
    path = await make(project, metric="usd", limit="1.5")
    assert (await project.admin.patch(path, json={"limit": "0.25"})).json()["limit"] == "0.25"


async def test_what_was_deleted_is_not_there_and_its_name_is_free(service: Service) -> None:
    project = await service.project()
    path = await make(project)
    assert (await project.admin.delete(path)).status_code == 204
    for answer in (await project.admin.delete(path), await project.admin.patch(path, json={"limit": 1})):
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no budget with this id in this project")
    await make(project)
