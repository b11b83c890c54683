"""Channels are made, changed, tested and deleted by admins alone; a secret is shown once, and by nothing else at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from standardwebhooks import Webhook

from api.alerts import channel_routes
from common.sealing import make_secret_key
from common.settings import Settings
from tests.conftest import Project, Service, run_service
from tests.worker.alerts.receiving import receiving
from worker.jobs import run_job
from worker.schedule import schedule

SECRET_URL = "https://hooks.example/T000/very-secret-token?key=very-secret-key"
MAIL = {
    "name": "mail", "kind": "email", "url": "smtp://ops:very-secret-word@mail.example:587", "from": "mayday@shop.example",
    "to": ["ops@shop.example"],
}  # fmt: skip
PATH = "/api/alerts/channels"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    key = Settings.load(secret_key=make_secret_key()).secret_key
    return settings.model_copy(update={"secret_key": key, "alerts_allow": "127.0.0.1"})


async def make(project: Project, **others: Any) -> dict[str, Any]:
    answer = await project.admin.post(PATH, json={"name": "hook", "kind": "webhook", "url": SECRET_URL, **others})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{PATH}/{answer.json()['id']}"
    return dict(answer.json())


async def test_a_webhook_shows_its_secret_once_and_where_it_leads_to_without_its_path(service: Service) -> None:
    project = await service.project()
    made = await make(project)
    assert made["secret"].startswith("whsec_")
    assert made["leads_to"] == "https://hooks.example"
    one = await project.get(f"{PATH}/{made['id']}")
    assert one == {name: value for name, value in made.items() if name != "secret"}
    assert (await project.get(PATH))["channels"] == [one]


async def test_no_secret_is_in_an_answer_a_log_or_a_row(service: Service) -> None:
    project = await service.project()
    with structlog.testing.capture_logs() as logs:
        made = await make(project)
        mail = (await project.admin.post(PATH, json=MAIL)).json()
        chat = {"name": "chat", "kind": "chat", "url": "slack://TAAAAAAAA/BAAAAAAAA/very-secretabcdefghijklm"}
        answers = [(await project.admin.post(PATH, json=chat)).text, json.dumps(mail)]
        answers.append((await project.admin.patch(f"{PATH}/{made['id']}", json={"url": SECRET_URL + "2"})).text)
        answers += [
            (await project.read.get(PATH, params={"format": form})).text for form in ("json", "csv", "markdown")
        ]
        for wrong in (
            {"url": SECRET_URL + "#very-secret"},
            {"name": "hook", "url": SECRET_URL},
            {"url": "very-secret"},
        ):
            answers.append((await project.admin.post(PATH, json={"name": "n", "kind": "webhook", **wrong})).text)
            answers.append((await project.admin.post(PATH, json={"name": "n", "kind": "chat", **wrong})).text)
            answers.append((await project.admin.post(PATH, json={**MAIL, "name": "n", **wrong})).text)
    rows = await service.execute("SELECT convert_from(config_sealed, 'latin1') AS sealed, hint FROM alert_channels")
    for shown in (*answers, repr(logs), repr(rows)):
        assert "very-secret" not in shown
        assert made["secret"] not in shown
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"url": "ftp://hooks.example/"}, "must begin with https:// or http://"),
        ({"url": "http://127.0.0.2/"}, "127.0.0.2 is not public"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "not public"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "not public"),
        ({"url": "http://0x7f.1/"}, "four decimal numbers"),
        ({"url": "http://user:password@hooks.example/"}, "user and password"),
        ({"url": "http://hooks.example:22/"}, "port 22"),
        ({"kind": "chat", "url": "json://hooks.example/"}, "must begin with"),
        ({"kind": "chat", "url": "slack://T/B/C?template=file:///etc/passwd"}, "may stand behind the ?"),
        ({"kind": "chat", "url": "ntfys://10.0.0.1/topic"}, "not public"),
        ({"kind": "chat", "url": "workflows://evil.example/a/b"}, "its host ends with"),
        ({"kind": "pigeon", "url": "https://hooks.example"}, "pigeon"),
        ({"url": "https://hooks.example/", "max_per_hour": 0}, "max_per_hour"),
        ({"url": "https://hooks.example/", "secret": "mine"}, "unknown, leave it out"),
    ],
)
async def test_what_leads_nowhere_is_refused_with_what_is_wrong(
    service: Service, sent: dict[str, Any], words: str
) -> None:
    project = await service.project()
    answer = await project.admin.post(PATH, json={"name": "hook", "kind": "webhook", **sent})
    assert answer.status_code == 422
    assert words in answer.text
    assert (await project.get(PATH))["channels"] == []


async def test_only_admins_change_and_whoever_reads_may_look(service: Service) -> None:
    project = await service.project()
    path = f"{PATH}/{(await make(project))['id']}"
    for client in (project.ingest, project.read, project.triage):
        assert (await client.post(PATH, json=MAIL)).status_code == 403
        assert (await client.patch(path, json={"max_per_hour": 1})).status_code == 403
        assert (await client.post(f"{path}/test")).status_code == 403
        assert (await client.post(f"{path}/secret")).status_code == 403
        assert (await client.delete(path)).status_code == 403
    assert (await project.read.get(path)).status_code == 200


async def test_another_project_has_none_of_it(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    path = f"{PATH}/{(await make(project))['id']}"
    for answer in (
        await other.admin.get(path), await other.admin.patch(path, json={"name": "mine"}), await other.admin.delete(path),
        await other.admin.post(f"{path}/test"), await other.admin.post(f"{path}/secret"),
    ):  # fmt: skip
        assert answer.status_code == 404
    assert (await make(other))["name"] == "hook"


async def test_a_name_is_of_one_channel(service: Service) -> None:
    project = await service.project()
    await make(project)
    second = await make(project, name="other")
    assert (
        await project.admin.post(PATH, json={"name": "hook", "kind": "webhook", "url": SECRET_URL})
    ).status_code == 409
    assert (await project.admin.patch(f"{PATH}/{second['id']}", json={"name": "hook"})).status_code == 409


async def test_a_change_leaves_what_it_does_not_say(service: Service) -> None:
    project = await service.project()
    mail = (await project.admin.post(PATH, json=MAIL)).json()
    path = f"{PATH}/{mail['id']}"
    changed = (await project.admin.patch(path, json={"to": ["dev@shop.example", "ops@shop.example"]})).json()
    assert changed["leads_to"] == "dev@shop.example and 1 more by smtp://mail.example"
    assert changed["name"] == "mail"
    hook = await make(project)
    assert (await project.admin.patch(f"{PATH}/{hook['id']}", json={"to": ["a@b.example"]})).status_code == 422
    assert (await project.admin.patch(path, json={})).status_code == 422


async def test_what_was_deleted_is_not_there_and_its_name_is_free(service: Service) -> None:
    project = await service.project()
    path = f"{PATH}/{(await make(project))['id']}"
    assert (await project.admin.delete(path)).status_code == 204
    assert (await project.admin.delete(path)).status_code == 404
    assert (await project.admin.get(path)).status_code == 404
    await make(project)


async def test_there_is_an_end_to_how_many(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_routes, "CHANNELS_MAX", 1)
    project = await service.project()
    await make(project)
    answer = await project.admin.post(PATH, json={"name": "b", "kind": "webhook", "url": SECRET_URL})
    assert (answer.status_code, "delete one first" in answer.text) == (422, True)


async def test_without_a_key_nothing_is_kept_and_it_is_said_what_to_do(settings: Settings) -> None:
    without = settings.model_copy(update={"secret_key": Settings.load(secret_key="").secret_key})
    async with run_service(without) as service:
        project = await service.project()
        answer = await project.admin.post(PATH, json={"name": "hook", "kind": "webhook", "url": SECRET_URL})
        assert answer.status_code == 503
        assert "MAYDAY_SECRET_KEY" in answer.json()["detail"]


async def test_after_the_key_was_lost_a_channel_can_be_deleted_and_nothing_breaks(service: Service) -> None:
    project = await service.project()
    path = f"{PATH}/{(await make(project))['id']}"
    lost = service.settings.model_copy(update={"secret_key": Settings.load(secret_key=make_secret_key()).secret_key})
    async with run_service(lost) as later:
        same = await later.project()
        assert (await same.admin.get(path)).status_code == 200
        assert (await same.admin.post(f"{path}/secret")).status_code == 422
        assert (await same.admin.delete(path)).status_code == 204


@pytest.fixture
async def worker(service: Service) -> AsyncIterator[None]:
    """Its job of tests, as it runs."""
    [job] = [one for one in schedule(service.settings) if one.name == "channel_tests"]

    async def run() -> None:
        while True:
            await service.execute("DELETE FROM job_runs")
            await run_job(service.tools, job)
            await asyncio.sleep(0.05)

    running = asyncio.create_task(run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.usefixtures("worker")
async def test_a_test_goes_through_the_worker_and_shows_what_the_other_side_said(service: Service) -> None:
    project = await service.project()
    no = b"HTTP/1.1 418 Teapot\r\nContent-Length: 16\r\n\r\n\x1b[31mI am a pot\n"
    async with receiving([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", no]) as local:
        made = await make(project, url=f"http://127.0.0.1:{local.port}/")
        path = f"{PATH}/{made['id']}"
        good = (await project.admin.post(f"{path}/test")).json()
        assert (good["outcome"], good["told"]) == ("accepted", "200 hello")
        event = Webhook(made["secret"]).verify(local.requests[0][1], local.headers())
        assert (event["type"], event["data"]["id"]) == ("alert.test", good["id"])
        assert await project.get(f"/api/alerts/tests/{good['id']}") == good
        bad = (await project.admin.post(f"{path}/test")).json()
        assert (bad["outcome"], bad["told"]) == ("failed", "418 I am a pot")
    shown = await project.get(path)
    assert shown["last_failure"] == "418 I am a pot"
    assert shown["last_sent_at"] < shown["last_failed_at"]


@pytest.mark.usefixtures("worker")
async def test_both_secrets_sign_after_a_rotation(service: Service) -> None:
    project = await service.project()
    async with receiving() as local:
        made = await make(project, url=f"http://127.0.0.1:{local.port}/")
        rotated = (await project.admin.post(f"{PATH}/{made['id']}/secret")).json()
        assert rotated["secret"] != made["secret"]
        await project.admin.post(f"{PATH}/{made['id']}/test")
        for secret in (made["secret"], rotated["secret"]):
            Webhook(secret).verify(local.requests[0][1], local.headers())


async def test_without_a_worker_a_test_waits_and_too_many_are_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_routes, "WAIT_SECONDS", 0.1)
    project = await service.project()
    path = f"{PATH}/{(await make(project))['id']}"
    answers = [await project.admin.post(f"{path}/test") for _ in range(4)]
    assert [answer.json().get("outcome") for answer in answers] == ["waiting", "waiting", "waiting", None]
    assert answers[3].status_code == 429


async def test_only_webhooks_have_a_secret_to_rotate(service: Service) -> None:
    project = await service.project()
    mail = (await project.admin.post(PATH, json=MAIL)).json()
    assert mail["secret"] is None
    assert (await project.admin.post(f"{PATH}/{mail['id']}/secret")).status_code == 422
