"""Rules, channels and mutes stand on one page, with the numbers of the API, and are changed there by who may."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.settings import Settings
from tests.api.pages.browsing import Person, counts_of, scan, sign_in
from tests.conftest import Project, Service
from tests.flow.test_alerts import ERROR, alerting, deliver, make_channel, make_rule
from tests.receiving import receiving

__all__ = ["alerting"]


async def make_hook(person: Person, url: str, **more: Any) -> str:
    page = await person.see("alerts")
    made = await person.send("alerts/channels", page, do="make", name="hook", kind="webhook", url=url, **more)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store"), made.text
    [secret] = {str(one) for one in re.findall(r"whsec_[\w+/=]+", made.text)}
    assert secret not in await person.see("alerts")
    return secret


async def first_of(project: Project, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = (await project.get(f"/api/alerts/{kind}"))[kind][0]
    return found


async def test_how_often_rules_fired_and_what_is_muted_is_what_the_api_says(alerting: Service) -> None:
    project = await alerting.project()
    await alerting.run_worker()
    async with receiving() as receiver:
        channels = [await make_channel(project, receiver, name=name) for name in ("one", "two")]
        await make_rule(project, name="told", channels=channels)
        await project.send(ERROR)
        await alerting.run_worker()
        await deliver(alerting)
    person = await sign_in(alerting, project)
    rules = (await project.get("/api/alerts/rules"))["rules"]
    [told] = [one for one in rules if one["name"] == "told"]
    assert told["fired_last_7_days"] == 1, "a message to two channels is one"
    page = await person.see("alerts")
    assert counts_of(page) == {f"fired {one['id']}": one["fired_last_7_days"] for one in rules}
    answer = await person.send("alerts/mutes", page, do="mute", rule=told["id"], hours="3")
    assert answer.headers["location"] == f"{person.home}alerts?done=mute"
    mute = await first_of(project, "mutes")
    assert mute["rule"] == told["id"]
    assert f'<time datetime="{mute["until"][:19]}Z"' in await person.see("alerts")
    await person.send("alerts/mutes", page, do="unmute", mute=mute["id"])
    assert (await project.get("/api/alerts/mutes"))["mutes"] == []
    assert (await person.send("alerts/arm", page, do="disarm", rule=told["id"])).status_code == 303
    assert (await project.get(f"/api/alerts/rules/{told['id']}"))["armed"] is False


async def test_a_channel_is_made_limited_and_deleted_and_its_secret_shown_once(alerting: Service) -> None:
    project = await alerting.project()
    person = await sign_in(alerting, project)
    first = await make_hook(person, "https://shop.example/private-path", max_per_hour="7")
    page = await person.see("alerts")
    assert "private-path" not in page
    channel = await first_of(project, "channels")
    assert channel["max_per_hour"] == 7
    renewed = await person.send("alerts/channels", page, do="secret", channel=channel["id"], name="hook")
    [second] = set(re.findall(r"whsec_[\w+/=]+", renewed.text))
    assert second != first
    assert 'name="max_per_hour" value="7"' in page
    await person.send("alerts/channels", page, do="limit", channel=channel["id"], max_per_hour="9")
    assert (await first_of(project, "channels"))["max_per_hour"] == 9
    assert (await person.send("alerts/channels", page, do="remove", channel=channel["id"])).status_code == 303
    assert "No channels yet" in await person.see("alerts")


@pytest.fixture
async def answered(alerting: Service) -> AsyncIterator[Service]:
    """Whose tests of channels are answered at once by what a worker would have noted."""
    await alerting.execute("""
        CREATE FUNCTION answer_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          NEW.answered_at := now(); NEW.is_accepted := false; NEW.told := '500 <b>not now</b>'; RETURN NEW; END $$""")
    await alerting.execute(
        "CREATE TRIGGER answer_test BEFORE INSERT ON channel_tests FOR EACH ROW EXECUTE FUNCTION answer_test()"
    )
    yield alerting
    await alerting.execute("DROP FUNCTION answer_test CASCADE")


async def test_the_test_button_shows_what_the_other_side_said_as_data(answered: Service) -> None:
    project = await answered.project()
    person = await sign_in(answered, project)
    await make_hook(person, "https://shop.example/alerts")
    channel = await first_of(project, "channels")
    tested = await person.send("alerts/channels", await person.see("alerts"), do="test", channel=channel["id"])
    assert "Test of hook: failed" in tested.text
    assert "500 &lt;b&gt;not now&lt;/b&gt;" in tested.text
    assert scan(tested.text).dangers == []


async def test_readers_see_and_change_nothing(service: Service, settings: Settings) -> None:
    project = await service.project()
    reader, other = await sign_in(service, project, "read"), await sign_in(service, project, "triage")
    page = await reader.see("alerts")
    assert "No channels yet" in page
    assert "Make a channel" not in page
    assert "Make a rule" not in page
    for path, fields in (
        ("channels", {"do": "make", "name": "x", "kind": "webhook", "url": settings.public_url or "https://x.example"}),
        ("arm", {"do": "arm", "rule": str(project.id)}),
        ("mutes", {"do": "mute", "rule": str(project.id), "hours": "1"}),
    ):
        assert (await reader.send(f"alerts/{path}", page, **fields)).status_code == 403
        if path != "mutes":
            assert (await other.send(f"alerts/{path}", page, **fields)).status_code == 403
