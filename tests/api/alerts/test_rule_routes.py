"""Rules are made, changed and deleted by admin keys, and are their project's alone."""

from typing import Any
from uuid import uuid4

from tests.conftest import Project, Service

RULE = {"name": "new in production", "when": ["new", {"budget": 80}], "if": {"all": [{"environment": "production"}]}}


async def make(project: Project, status: int = 201, **rule: Any) -> dict[str, Any]:
    answer = await project.admin.post("/api/alerts/rules", json={**RULE, **rule})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def test_a_rule_comes_back_as_it_was_sent_and_may_be_sent_again(service: Service) -> None:
    project = await service.project()
    made = await make(project, quiet={"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"})
    assert made["if"] == {"all": [{"environment": "production"}], "any": [], "none": []}
    assert made["when"] == ["new", {"budget": 80.0}]
    assert made["quiet"] == {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"}
    assert not made["armed"]
    read = await project.get(f"/api/alerts/rules/{made['id']}")
    assert read == made
    again = {
        name: value
        for name, value in read.items()
        if name not in {"id", "created_at", "changed_at", "fired_last_7_days"}
    }
    assert await make(project, name="again", **{k: v for k, v in again.items() if k != "name"})


async def test_a_change_leaves_the_rest_and_makes_no_nonsense(service: Service) -> None:
    project = await service.project()
    made = await make(project, digest={"at": "09:00"})
    path = f"/api/alerts/rules/{made['id']}"
    changed = (await project.admin.patch(path, json={"when": ["spiking"], "digest": None})).json()
    assert (changed["when"], changed["digest"], changed["if"]) == (["spiking"], None, made["if"])
    refused = await project.admin.patch(path, json={"armed": True})
    assert (refused.status_code, "needs one at least" in refused.json()["detail"]) == (422, True)
    nowhere = await project.admin.patch(path, json={"channels": [str(uuid4())]})
    assert (nowhere.status_code, "there is no channel" in nowhere.json()["detail"]) == (422, True)
    await make(project, name="other")
    assert (await project.admin.patch(path, json={"name": "other"})).status_code == 409
    await make(project, status=409)
    assert (await project.admin.delete(path)).status_code == 204
    assert (await project.admin.delete(path)).status_code == 404
    assert (await project.admin.patch(path, json={"name": "x"})).status_code == 404


async def test_what_makes_no_rule_is_refused_in_words(service: Service) -> None:
    project = await service.project()
    answer = await project.admin.post(
        "/api/alerts/rules", json={**RULE, "when": [{"more_than": {"errors": 5, "minutes": 7}}]}
    )
    assert answer.status_code == 422
    assert "multiple of 5" in answer.text


async def test_only_admin_keys_change_rules_and_projects_do_not_see_each_other(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    made = await make(project)
    path = f"/api/alerts/rules/{made['id']}"
    for client in (project.read, project.triage, project.ingest):
        assert (await client.post("/api/alerts/rules", json=RULE)).status_code == 403
        assert (await client.patch(path, json={"name": "x"})).status_code == 403
    assert (await project.ingest.post("/api/alerts/preview", json={"when": ["new"]})).status_code == 403
    for answer in (
        await other.admin.patch(path, json={"name": "x"}),
        await other.admin.delete(path),
        await other.read.get(path),
    ):
        assert answer.status_code == 404


async def test_mutes_end_by_themselves_and_by_people(service: Service) -> None:
    project = await service.project()
    answer = await project.triage.post("/api/alerts/mutes", json={"everything": True, "minutes": 5, "note": "deploy"})
    assert answer.status_code == 201, answer.text
    [held] = (await project.get("/api/alerts/mutes"))["mutes"]
    assert (held["id"], held["note"], held["pattern"]) == (answer.json()["id"], "deploy", None)
    await service.execute("UPDATE alert_mutes SET until = now()")
    assert (await project.get("/api/alerts/mutes"))["mutes"] == []
    past = await project.triage.post("/api/alerts/mutes", json={"everything": True, "until": "2020-01-01T00:00:00Z"})
    assert past.status_code == 422
    assert (await project.read.post("/api/alerts/mutes", json={"everything": True})).status_code == 403
    assert (await project.triage.delete(f"/api/alerts/mutes/{uuid4()}")).status_code == 404
