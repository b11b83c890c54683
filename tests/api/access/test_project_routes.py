"""Keys are made, listed and ended within a project; projects are the operators' alone."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from common.keys import parse_key
from common.settings import Settings
from tests.conftest import Project, Service, run_service

ROUTES = (
    ("GET", "/api/projects", None),
    ("POST", "/api/projects", {"name": "mine too"}),
    ("PATCH", "/api/projects/{id}", {"name": "taken"}),
    ("GET", "/api/projects/{id}/contents", None),
    ("DELETE", "/api/projects/{id}?name=shop", None),
)


@pytest.fixture
async def operated(settings: Settings) -> AsyncIterator[Service]:
    async with run_service(settings.model_copy(update={"operator_project": "operators"})) as running:
        yield running


async def keys_of(project: Project) -> dict[str, str]:
    answer = await project.admin.get("/api/keys")
    assert answer.headers["cache-control"] == "no-store"
    return {one["id"]: one["state"] for one in answer.json()["keys"]}


async def test_a_key_is_shown_once_works_at_once_and_ends_at_once(service: Service) -> None:
    project = await service.project("shop")
    answer = await project.admin.post("/api/keys", json={"scope": "ingest", "name": "checkout", "expires_in_days": 90})
    made = answer.json()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    key = parse_key(made["key"])
    assert key is not None
    assert key.dsn_key.text in made["dsn"]
    client = await service.client(made["key"])
    error = {"service": "shop", "severity": "error", "message": "order 1"}
    assert (await client.post("/api/errors/log", json=error)).status_code == 201
    listed = await project.admin.get("/api/keys")
    assert key.secret not in listed.text
    assert key.dsn_key.text not in listed.text
    [own] = [one for one in listed.json()["keys"] if one["id"] == made["id"]]
    assert (own["scope"], own["name"], own["state"]) == ("ingest", "checkout", "valid")
    assert own["expires_at"] is not None
    assert (await project.admin.delete(f"/api/keys/{made['id']}")).status_code == 204
    assert (await client.post("/api/errors/log", json=error)).status_code == 401
    assert (await keys_of(project))[made["id"]] == "revoked"
    assert (await project.admin.delete(f"/api/keys/{made['id']}")).status_code == 404


@pytest.mark.parametrize("scope", ["ingest", "read", "triage"])
async def test_who_may_less_than_administer_makes_sees_and_ends_no_keys(service: Service, scope: str) -> None:
    project = await service.project("shop")
    client, before = getattr(project, scope), await keys_of(project)
    for method, path in (("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", f"/api/keys/{next(iter(before))}")):
        body = {"scope": "admin"} if method == "POST" else None
        assert (await client.request(method, path, json=body)).status_code == 403
    assert await keys_of(project) == before


async def test_an_admin_sees_and_ends_no_key_of_another_project(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    before = await keys_of(theirs)
    assert not set(await keys_of(mine)) & set(before)
    for key_id in (*before, "x", "%00", "' OR true --"):
        assert (await mine.admin.delete(f"/api/keys/{key_id}")).status_code == 404
    assert await keys_of(theirs) == before


@pytest.mark.parametrize(
    "sent", [{"scope": "root"}, {"scope": "read", "name": "\0"}, {"scope": "read", "project_id": "x"}, {}]
)
async def test_what_is_no_key_is_refused(service: Service, sent: dict[str, str]) -> None:
    project = await service.project("shop")
    before = await keys_of(project)
    assert (await project.admin.post("/api/keys", json=sent)).status_code == 422
    assert await keys_of(project) == before


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_a_tenants_admin_learns_of_no_other_project_and_touches_none(
    operated: Service, method: str, path: str, body: dict[str, str] | None
) -> None:
    tenant, other = await operated.project("shop"), await operated.project("other")
    await operated.project("operators")
    before = await operated.execute("SELECT * FROM projects ORDER BY project_id")
    said = set()
    for target in (tenant.id, other.id, uuid4()):
        answer = await tenant.admin.request(method, path.format(id=target), json=body)
        assert answer.status_code == 403
        said.add(answer.json()["detail"])
    assert len(said) == 1, "nothing tells of the projects that there are"
    assert await operated.execute("SELECT * FROM projects ORDER BY project_id") == before


async def test_where_no_project_is_the_operators_nobody_is_one(service: Service) -> None:
    project = await service.project("")
    for method, path, body in ROUTES:
        assert (await project.admin.request(method, path.format(id=project.id), json=body)).status_code == 403


async def test_an_operator_makes_renames_and_deletes_projects(operated: Service) -> None:
    operators, tenant = await operated.project("operators"), await operated.project("shop")
    made = (await operators.admin.post("/api/projects", json={"name": " store "})).json()
    assert made["name"] == "store"
    admin = await operated.client(made["admin_key"])
    assert [one["scope"] for one in (await admin.get("/api/keys")).json()["keys"]] == ["admin"]
    assert (await operators.admin.post("/api/projects", json={"name": "store"})).status_code == 409
    renamed = await operators.admin.patch(f"/api/projects/{made['id']}", json={"name": "depot"})
    assert renamed.json()["name"] == "depot"
    assert (await operators.admin.patch(f"/api/projects/{made['id']}", json={"name": "shop"})).status_code == 409
    await tenant.send({"service": "shop", "severity": "error", "message": "order 1"})
    contents = (await operators.admin.get(f"/api/projects/{tenant.id}/contents")).json()
    assert contents["rows"]["errors"] == 1
    for name in ("", "depot", "SHOP"):
        assert (await operators.admin.delete(f"/api/projects/{tenant.id}", params={"name": name})).status_code == 409
    assert (await tenant.admin.get("/api/keys")).status_code == 200
    deleted = await operators.admin.delete(f"/api/projects/{tenant.id}", params={"name": "shop"})
    assert (deleted.status_code, deleted.json()["state"]) == (202, "deleting")
    assert (await tenant.admin.get("/api/keys")).status_code == 401, "its keys end at once"
    states = {one["name"]: one["state"] for one in (await operators.admin.get("/api/projects")).json()["projects"]}
    assert states == {"operators": "active", "shop": "deleting", "depot": "active"}
    again = await operators.admin.patch(f"/api/projects/{tenant.id}", json={"name": "saved"})
    assert again.status_code == 404, "nothing takes it back"


async def test_the_operators_project_cannot_be_taken_away_or_over(operated: Service) -> None:
    operators, tenant = await operated.project("operators"), await operated.project("shop")
    own = f"/api/projects/{operators.id}"
    assert (await operators.admin.patch(own, json={"name": "other"})).status_code == 409
    assert (await operators.admin.delete(own, params={"name": "operators"})).status_code == 409
    assert (await operators.admin.patch(f"/api/projects/{tenant.id}", json={"name": "operators"})).status_code == 409
    for client in (operators.read, operators.triage, operators.ingest):
        assert (await client.get("/api/projects")).status_code == 403


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x1b[31m", "x" * 201])
async def test_a_name_that_could_not_be_shown_on_a_line_is_refused(operated: Service, name: str) -> None:
    operators = await operated.project("operators")
    assert (await operators.admin.post("/api/projects", json={"name": name})).status_code == 422
