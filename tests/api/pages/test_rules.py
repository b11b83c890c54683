"""A rule is written on a page with what it would have sent beside it, the same as the API says."""

import re

from tests.api.pages.browsing import HOSTILE, counts_of, scan, sign_in
from tests.conftest import Service

ERROR = {"service": "shop", "severity": "error", "environment": "production"}
FORM = {"name": "new in shop", "when": "new", "throttle_minutes": "0", "follow_up": "on"}


async def test_the_preview_beside_a_rule_is_the_preview_of_the_api(service: Service) -> None:
    project = await service.project()
    await service.run_worker()
    await project.send(*[ERROR | {"message": f"{word} is broken"} for word in ("alpha", "beta")])
    await service.run_worker()
    person = await sign_in(service, project)
    page = await person.see("alerts/rules/new")
    assert "Say when it is to be told." in page
    shown = await person.send("alerts/rules", page, do="preview", **FORM)
    said = (await project.read.post("/api/alerts/preview", json={"when": ["new"], "throttle_minutes": 0})).json()
    assert said["fired"] >= 1
    assert counts_of(shown.text) == {"fired": said["fired"]}
    assert all(message["title"] in shown.text for message in said["messages"])
    elsewhere = {"group": "all", "condition": "environment", "value": "staging"}
    none = await person.send("alerts/rules", page, do="preview", **FORM, **elsewhere)
    assert counts_of(none.text) == {"fired": 0}
    assert (await project.read.get("/api/alerts/rules")).json()["rules"] != [], "those of the start"
    assert "new in shop" not in (await project.read.get("/api/alerts/rules")).text, "a preview stores nothing"


async def test_a_rule_is_made_changed_and_deleted_and_readers_only_look(service: Service) -> None:
    project = await service.project()
    person, reader = await sign_in(service, project), await sign_in(service, project, "read")
    page = await person.see("alerts/rules/new")
    answer = await person.send("alerts/rules", page, do="save", **FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{person.home}alerts?done=save")
    [rule] = [one for one in (await project.get("/api/alerts/rules"))["rules"] if one["name"] == FORM["name"]]
    assert (rule["when"], rule["throttle_minutes"], rule["armed"]) == (["new"], 0, False)
    path = f"alerts/rules/{rule['id']}"
    seen = await reader.see(path)
    assert 'value="save"' not in seen
    changed = FORM | {"rule": rule["id"], "when": ["new", "regressed"]}
    assert (await reader.send("alerts/rules", seen, do="save", **changed)).status_code == 403
    assert (await reader.open("alerts/rules/new")).status_code == 403
    assert (await person.send("alerts/rules", await person.see(path), do="save", **changed)).status_code == 303
    assert (await project.get(f"/api/alerts/rules/{rule['id']}"))["when"] == ["new", "regressed"]
    assert (await person.send("alerts/rules", page, do="remove", rule=rule["id"])).status_code == 303
    assert (await person.open(path)).status_code == 404


async def test_what_makes_no_rule_is_shown_again_with_why(service: Service) -> None:
    person = await sign_in(service, await service.project())
    page = await person.see("alerts/rules/new")
    for wrong in ({"armed": "on"}, {"throttle_minutes": "soon"}, {"quiet_from": "25:00"}, {"breach": "83"}):
        answer = await person.send("alerts/rules", page, do="save", **{**FORM, **wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert 'value="new in shop"' in answer.text
    forged = await person.browser.post(f"{person.home}alerts/rules", data={"do": "save", **FORM})
    assert forged.status_code == 403


async def test_hostile_words_of_a_rule_are_shown_as_what_they_are(service: Service) -> None:
    project = await service.project()
    person = await sign_in(service, project)
    page = await person.see("alerts/rules/new")
    for text in HOSTILE:
        fields = FORM | {"name": text[:200], "group": "all", "condition": "title", "value": text}
        answer = await person.send("alerts/rules", page, do="save", **fields)
        assert answer.status_code == 303, answer.text
    for rule in (await project.get("/api/alerts/rules"))["rules"]:
        assert scan(await person.see(f"alerts/rules/{rule['id']}")).dangers == []
    listed = await person.see("alerts")
    assert scan(listed).dangers == []
    ids = re.findall(r' id="([^"]+)"', listed)
    assert len(ids) == len(set(ids))
