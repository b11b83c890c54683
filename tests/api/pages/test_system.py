"""How the service does is for who administers, and is what the API says."""

from tests.api.pages.browsing import sign_in
from tests.conftest import Service


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
