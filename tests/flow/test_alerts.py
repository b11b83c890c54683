"""Alerts, from the error to the message that a webhook got."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from common.sealing import Sealer, make_secret_key
from common.settings import Settings
from tests.conftest import Project, Service, run_service
from tests.receiving import Receiver, receiving
from worker.alerts.delivery import Deliverer

ERROR = {"service": "shop", "severity": "error", "environment": "production", "message": "payment 17 declined by bank"}


@pytest.fixture
async def alerting(settings: Settings) -> AsyncIterator[Service]:
    """The service with a key for secrets, and receivers on this host."""
    told = {"secret_key": make_secret_key(), "alerts_allow": "127.0.0.1"}
    async with run_service(Settings.load(**settings.model_dump() | told)) as running:
        yield running


async def deliver(service: Service) -> None:
    """Send all that is due."""
    tools = service.tools
    deliverer = Deliverer(tools.engine, tools.sender, Sealer.of(service.settings.secret_key), service.settings)
    while due := await deliverer.find_due():
        for project_id, channel_id in due:
            await deliverer.serve(project_id, channel_id)


async def make_channel(project: Project, receiver: Receiver, **more: Any) -> str:
    answer = await project.admin.post(
        "/api/alerts/channels", json={"name": "hook", "kind": "webhook", "url": receiver.url, **more}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def make_rule(project: Project, **rule: Any) -> str:
    answer = await project.admin.post(
        "/api/alerts/rules", json={"name": "rule", "when": ["new"], "armed": True, **rule}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_new_failure_is_told_once_and_its_return_after_it_was_resolved_again(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        channel = await make_channel(project, receiver)
        await make_rule(project, when=["new", "regressed", "resolved"], channels=[channel])
        for _ in range(2):
            await project.send(ERROR)
            await alerting.run_worker()
            await deliver(alerting)
        assert receiver.titles == ["New: payment <*> declined by bank"]
        [(_, body)] = receiver.got
        assert body["type"] == "alert.new"
        assert (body["data"]["service"], body["data"]["environment"]) == ("shop", "production")
        [pattern] = (await project.get("/api/errors/patterns"))["patterns"]
        path = f"/api/errors/patterns/{pattern['id']}"
        assert (await project.triage.patch(path, json={"state": "resolved"})).status_code == 200
        await project.send(ERROR)
        for _ in range(2):
            await alerting.run_worker()
            await deliver(alerting)
        assert [body["data"]["kind"] for _, body in receiver.got] == ["new", "resolved", "regressed"]
        assert {body["data"]["incident"] for _, body in receiver.got} == {pattern["id"]}
        assert len({one for one, _ in receiver.got}) == 3
        listed = (await project.get("/api/alerts/notifications"))["notifications"]
        assert [(one["kind"], one["state"]) for one in listed] == [
            ("regressed", "sent"),
            ("resolved", "sent"),
            ("new", "sent"),
        ]


async def test_a_threshold_of_a_budget_is_told(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        await make_rule(project, when=[{"budget": 80}], channels=[await make_channel(project, receiver)])
        budget = {"name": "all", "scope": "project", "metric": "tokens", "limit": 1_000, "period": "month"}
        assert (await project.admin.post("/api/budgets", json=budget)).status_code == 201
        record = {"event_key": "a", "team": "t", "agent": "a", "model": "m", "total_tokens": 850}
        record["occurred_at"] = datetime.now(UTC).isoformat()
        assert (await project.ingest.post("/api/usage/batch", json={"records": [record]})).status_code == 201
        for _ in range(2):
            await alerting.run_worker()
            await deliver(alerting)
        assert receiver.titles == ["Budget all is at 80 %"]


async def test_what_does_not_meet_the_rule_and_what_is_muted_is_not_told(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        channel = await make_channel(project, receiver)
        rule = await make_rule(project, **{"if": {"all": [{"environment": "production"}]}}, channels=[channel])
        await project.send(ERROR | {"environment": "staging", "message": "of no interest"})
        muted = await project.triage.post("/api/alerts/mutes", json={"rule": rule, "minutes": 5})
        assert muted.status_code == 201, muted.text
        await project.send(ERROR)
        await alerting.run_worker()
        await deliver(alerting)
        assert receiver.got == []
        [one] = (await project.get("/api/alerts/notifications"))["notifications"]
        assert one["state"] == "muted"
        assert (await project.triage.delete(f"/api/alerts/mutes/{muted.json()['id']}")).status_code == 204
        await project.send(ERROR | {"message": "quota exceeded"})
        await alerting.run_worker()
        await deliver(alerting)
        assert receiver.titles == ["New: quota exceeded"]


async def test_more_than_so_many_is_told_with_the_count(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        rate = {"more_than": {"errors": 10, "minutes": 5}}
        await make_rule(
            project,
            when=[rate],
            **{"if": {"environment": "production"}},
            channels=[await make_channel(project, receiver)],
        )
        await project.send(*[ERROR] * 6, *[ERROR | {"environment": "staging"}] * 20)
        await alerting.run_worker()
        await alerting.run_worker()
        await deliver(alerting)
        assert receiver.got == []
        await project.send(*[ERROR] * 6)
        await alerting.run_worker()
        await alerting.run_worker()
        await deliver(alerting)
        [(_, body)] = receiver.got
        assert body["data"]["facts"]["changes"][0]["facts"]["observed"] == 12


async def test_a_channel_gets_no_more_than_its_hour_allows_and_hears_how_many_were_held_back(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        await make_rule(project, channels=[await make_channel(project, receiver, max_per_hour=2)])
        for word in ("alpha", "beta", "gamma", "delta"):
            await project.send(ERROR | {"message": f"{word} is broken"})
            await alerting.run_worker()
            await deliver(alerting)
        assert len(receiver.got) == 2
        await alerting.execute(
            "UPDATE notifications SET ended_at = ended_at - interval '61 minutes', attempt_at = now()"
        )
        await deliver(alerting)
        assert receiver.titles[2].startswith("2 alerts were held back")


async def test_a_receiver_that_fails_is_tried_again_with_the_same_id(alerting: Service) -> None:
    project = await alerting.project()
    async with receiving(lambda n: (0.0, 503 if n < 2 else 200, b"busy")) as receiver:
        await make_rule(project, channels=[await make_channel(project, receiver)])
        await project.send(ERROR)
        await alerting.run_worker()
        for _ in range(3):
            await deliver(alerting)
            await alerting.execute("UPDATE notifications SET attempt_at = now()")
        assert len({one for one, _ in receiver.got}) == 1
        assert len(receiver.got) == 3
        [one] = (await project.get("/api/alerts/notifications"))["notifications"]
        assert (one["state"], one["attempts"]) == ("sent", 3)


async def test_a_preview_says_what_was_sent(alerting: Service) -> None:
    project = await alerting.project()
    rule = {"when": ["new", "regressed"], "if": {"all": [{"least_severity": "error"}]}}
    await alerting.run_worker()
    async with receiving() as receiver:
        await make_rule(project, **rule, channels=[await make_channel(project, receiver)])
        for word in ("alpha", "beta", "gamma"):
            await project.send(
                ERROR | {"message": f"{word} is broken"}, ERROR | {"message": f"{word} is odd", "severity": "info"}
            )
            await alerting.run_worker()
            await deliver(alerting)
        answer = await project.read.post("/api/alerts/preview", json={**rule, "name": "rule", "days": 1})
        assert answer.status_code == 200, answer.text
        told = answer.json()["messages"][::-1]
        sent = [body["data"] for _, body in receiver.got]
        assert [(one["title"], one["lines"], one["incident"]) for one in told] == [
            (one["title"], one["lines"], one["incident"]) for one in sent
        ]
        assert len(told) == 3
        assert "noted since" in answer.json()["unanswered"][0]


async def test_no_rule_is_armed_from_the_start(alerting: Service) -> None:
    project = await alerting.project()
    await alerting.run_worker()
    await asyncio.sleep(0)
    rules = (await project.get("/api/alerts/rules"))["rules"]
    assert len(rules) >= 5
    assert not any(rule["armed"] for rule in rules)
    gone = rules[0]["id"]
    assert (await project.admin.delete(f"/api/alerts/rules/{gone}")).status_code == 204
    await alerting.run_worker()
    assert gone not in {rule["id"] for rule in (await project.get("/api/alerts/rules"))["rules"]}
