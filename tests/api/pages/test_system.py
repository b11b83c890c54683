"""How the service does is for who administers, and is what the API says."""

import re
from collections.abc import AsyncIterator

import pytest

from common.keys import parse_key
from common.settings import Settings
from tests.api.pages.browsing import HOSTILE, scan, sign_in
from tests.conftest import Service, run_service


@pytest.fixture
async def operated(settings: Settings) -> AsyncIterator[Service]:
    async with run_service(settings.model_copy(update={"operator_project": "operators"})) as running:
        yield running


async def test_the_status_of_the_api_is_shown_to_administrators_alone(service: Service) -> None:
    project = await service.project()
    await project.send({"service": "shop", "severity": "error", "message": "order 1"})
    await service.run_worker()
    status = (await project.admin.get("/api/status")).json()
    page = await (await sign_in(service, project)).see("system")
    assert status["service"]["schema_revision"] in page
    assert f"{status['project']['errors_last_hour']} errors" in page
    for scope in ("read", "triage"):
        person = await sign_in(service, project, scope)
        assert (await person.open("system")).status_code == 403
        assert "/system" not in await person.see()


async def test_a_key_is_made_shown_once_with_dsn_and_curl_line_and_revoked(service: Service) -> None:
    person = await sign_in(service, await service.project("shop"))
    page = await person.see("system")
    made = await person.send("keys", page, do="make", scope="ingest", name="till", days="30")
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    [sent] = set(re.findall(r"mayday_ingest_\w+", made.text))
    key = parse_key(sent)
    assert key is not None
    assert f"{key.dsn_key.text}@" in made.text
    assert f'curl http://mayday/api/errors/log -H "Authorization: Bearer {sent}"' in made.text
    again = await person.see("system")
    assert key.secret not in again
    assert f'value="{key.key_id}"' in again
    revoked = await person.send("keys", again, do="revoke", key=key.key_id)
    assert revoked.headers["location"] == f"{person.home}system?done=revoke#project-keys"
    assert f'value="{key.key_id}"' not in await person.see("system")
    client = await service.client(sent)
    assert (await client.post("/api/errors/log", json={})).status_code == 401


async def test_who_revokes_the_own_key_is_signed_out(service: Service) -> None:
    project = await service.project("shop")
    person = await sign_in(service, project)
    own = project.admin.headers["authorization"].split("_")[2]
    await person.send("keys", await person.see("system"), do="revoke", key=own)
    assert (await person.open()).status_code == 303


@pytest.mark.parametrize(
    "fields",
    [{"do": "make", "scope": "root"}, {"do": "make", "scope": "read", "days": "-1"}, {"do": "x"}, {"do": "revoke", "key": "x"},
     {"do": "make", "scope": ["read", "admin"]}, {"do": "make"}],
)  # fmt: skip
async def test_a_form_that_asks_for_nothing_that_there_is_makes_and_ends_no_key(
    service: Service, fields: dict[str, str]
) -> None:
    project = await service.project("shop")
    person = await sign_in(service, project)
    before = (await project.admin.get("/api/keys")).json()
    answer = await person.send("keys", await person.see("system"), **fields)
    assert answer.status_code in (404, 422)
    after = (await project.admin.get("/api/keys")).json()
    assert [(one["id"], one["state"]) for one in after["keys"]] == [(one["id"], one["state"]) for one in before["keys"]]


async def test_an_operator_makes_and_deletes_a_project_and_a_tenant_sees_none(operated: Service) -> None:
    tenant = await operated.project("shop")
    person, other = await sign_in(operated, await operated.project("operators")), await sign_in(operated, tenant)
    founded = await person.send("projects", await person.see("system"), do="make", name="store")
    assert (founded.status_code, founded.headers["cache-control"]) == (200, "no-store")
    [key] = set(re.findall(r"mayday_admin_\w+", founded.text))
    assert (await (await operated.client(key)).get("/api/keys")).status_code == 200
    page = await other.see("system")
    assert "operators" not in page.replace("by operators:", "")
    assert "store" not in page
    for path in (f"system/projects/{tenant.id}", "projects"):
        assert (await other.open(path)).status_code in (403, 405)
    assert (await other.send("projects", page, do="make", name="mine")).status_code == 403
    await tenant.send({"service": "shop", "severity": "error", "message": "order 1"})
    asked = await person.see(f"system/projects/{tenant.id}")
    assert re.search(r"errors</th><td class=\"count\">1<", asked)
    wrong = await person.send("projects", asked, do="delete", project=str(tenant.id), name="store")
    assert wrong.status_code == 409
    deleted = await person.send("projects", asked, do="delete", project=str(tenant.id), name="shop")
    assert deleted.headers["location"].endswith("system?done=delete#all-projects")
    assert "deleting" in await person.see("system")
    assert (await other.open()).status_code == 303, "its sessions end at once"


async def test_hostile_names_of_keys_and_projects_are_shown_as_what_they_are(operated: Service) -> None:
    person = await sign_in(operated, await operated.project("operators"))
    page = await person.see("system")
    for text in HOSTILE:
        await person.send("keys", page, do="make", scope="read", name=text)
        await person.send("projects", page, do="make", name=text)
    page = await person.see("system")
    found = scan(page)
    assert (found.dangers, len(found.scripts)) == ([], 1)
    for project_id in re.findall(r"system/projects/([0-9a-f-]{36})", page):
        assert scan(await person.see(f"system/projects/{project_id}")).dangers == []


async def test_each_id_on_the_page_is_one_things(operated: Service) -> None:
    person = await sign_in(operated, await operated.project("operators"))
    ids = re.findall(r' id="([^"]+)"', await person.see("system"))
    assert len(ids) == len(set(ids))


async def test_what_senders_lost_is_shown_where_there_is_any(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    assert "Lost by senders" not in await person.see("system")
    service.state["losses"].note(project.id, "refused", "error", 431)
    await service.state["losses"].write()
    page = await person.see("system")
    assert "Lost by senders" in page
    assert "refused" in page
    assert '<td class="count">431</td>' in page
