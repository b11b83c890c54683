"""What a rule owes arrives: within seconds, and whatever breaks on the way. Without the outbox some of it does not."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cli.embedded import temporary_home
from common.alerts import outbox
from common.sealing import Sealer
from common.settings import Settings
from tests.chaos import alerts, faults_postgres, faults_redis
from tests.chaos.alerts import Alerting, answer_badly, break_while, kill_worker, run_alerting
from tests.conftest import Service
from tests.flow.test_alerts import ERROR, alerting, make_channel, make_rule
from tests.receiving import receiving
from worker.alerts.delivery import Deliverer

__all__ = ["alerting"]
FAULTS = (
    kill_worker,
    faults_postgres.crash,
    kill_worker,
    partial(faults_redis.kill, seconds=1),
    kill_worker,
    faults_postgres.restart,
)
IS_LONG = alerts.MESSAGES > 1_000
MUTES = "/api/alerts/mutes"
FOLD, PATTERNS, SPARE = 5.0, 10.0, 2.0
WHEN = ("new", "regressed", "budget")
MANY: dict[str, dict[str, Any]] = {"more_than": {"errors": 4, "minutes": 5, "per": "project"}}


async def test_all_that_is_owed_arrives_and_twice_only_under_its_id_whatever_is_killed() -> None:
    with temporary_home() as folder:
        async with run_alerting(folder, when=["new"], answers=answer_badly(7), channels=alerts.CHANNELS) as run:
            await break_while(deliver_all(run), run.stack, *((FAULTS, 15.0) if IS_LONG else (FAULTS[:2], 2.0)))
            await check_arrivals(run)
            await check_mute(run)


async def deliver_all(run: Alerting) -> None:
    """Owe all messages, and wait for the last: faults go on meanwhile."""
    await run.write(alerts.MESSAGES // alerts.CHANNELS)
    await run.settle()


async def check_arrivals(run: Alerting) -> None:
    owed = await run.owed()
    assert len(owed) >= alerts.MESSAGES
    assert all(row["state"] == "sent" for row in owed)
    assert {str(row["notification_id"]) for row in owed} <= set(run.receiver.accepted)
    # each message tells one change, so an id that stands for two would be another message
    told: dict[str, set[str]] = {}
    for notification_id, body in run.receiver.got:
        told.setdefault(notification_id, set()).add(body["data"]["facts"]["changes"][0]["id"])
    assert max(map(len, told.values())) == 1
    twice = len(run.receiver.accepted) - len(set(run.receiver.accepted))
    print(f"{len(owed)} owed, {len(run.receiver.got)} requests, {twice} taken twice under their id")  # noqa: T201


async def check_mute(run: Alerting) -> None:
    muted = uuid4()
    async with asyncio.timeout(30):  # Postgres has just come back
        while (answer := await run.admin.post(MUTES, json={"pattern": str(muted), "minutes": 60})).status_code == 503:
            await asyncio.sleep(0.2)
    assert answer.status_code == 201, answer.text
    before = len(run.receiver.got)
    await run.write(5, muted)
    await run.write(1)
    await run.settle()
    subjects = [body["data"]["facts"]["changes"][0]["subject_id"] for _, body in run.receiver.got[before:]]
    assert str(muted) not in subjects
    assert len(subjects) >= 1


class AtMostOnce(Deliverer):
    """The control: what is claimed counts as sent before it is."""

    async def claim(self, project_id: UUID, channel_id: UUID) -> Any:
        """As the outbox does it, and forgotten at once."""
        batch = await super().claim(project_id, channel_id)
        if batch is not None:
            async with self.engine.begin() as connection:
                ids = [one.notification_id for one in batch.claimed]
                await outbox.end(connection, project_id, ids, "sent")
        return batch


@pytest.mark.parametrize(("kind", "loses"), [(AtMostOnce, True), (Deliverer, False)])
async def test_without_claims_that_end_a_killed_worker_loses_messages(
    alerting: Service, kind: type[Deliverer], loses: bool
) -> None:
    project = await alerting.project()
    async with receiving() as receiver:
        await make_rule(project, channels=[await make_channel(project, receiver)])
        for word in ("alpha", "beta", "gamma"):
            await project.send(ERROR | {"message": f"{word} is broken"})
            await alerting.run_worker()
        tools = alerting.tools

        def start() -> tuple[Deliverer, "asyncio.Task[None]"]:
            one = kind(tools.engine, tools.sender, Sealer.of(alerting.settings.secret_key), alerting.settings)
            return one, asyncio.create_task(one.keep_delivering())

        _, first = start()
        async with asyncio.timeout(20):
            await receiver.arrived.wait()
        first.cancel()
        await asyncio.wait([first])
        await alerting.execute("UPDATE notifications SET attempt_at = now(), claimed_until = NULL WHERE state = 'due'")
        _, second = start()
        await asyncio.sleep(3)
        second.cancel()
        await asyncio.wait([second])
        assert (len(set(receiver.accepted)) < 3) is loses


async def first_after(run: Alerting, before: int, kind: str, seconds: float) -> float:
    """Seconds until a message of this kind came."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if any(body["data"]["kind"] == kind for _, body in run.receiver.got[before:]):
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {kind} within {seconds} s: {run.receiver.titles}")


@pytest.mark.skipif(not IS_LONG, reason="it measures seconds: in `./mayday test alerts`")
async def test_from_the_first_error_to_the_receiver_it_takes_a_fold_and_a_period_of_patterns() -> None:
    periods = {
        "MAYDAY_FOLD_EVERY_SECONDS": f"{FOLD:.0f}",
        "MAYDAY_PATTERNS_EVERY_SECONDS": f"{PATTERNS:.0f}",
        "MAYDAY_BUDGETS_EVERY_SECONDS": "5",
    }
    most = FOLD + PATTERNS + SPARE + 1  # under 18 s
    with temporary_home() as folder:
        async with run_alerting(folder, when=[*WHEN, MANY], workers=1, periods=periods) as run:
            headers = {"Authorization": f"Bearer {run.stack.target.ingest_key}"}
            async with httpx.AsyncClient(base_url=run.stack.apis[0].url, headers=headers, trust_env=False) as sender:
                took = {}
                assert (await sender.post("/api/errors/batch", json={"errors": [ERROR]})).status_code == 201
                took["new"] = await first_after(run, 0, "new", most)
                [pattern] = (await run.admin.get("/api/errors/patterns")).json()["patterns"]
                path = f"/api/errors/patterns/{pattern['id']}"
                assert (await run.admin.patch(path, json={"state": "resolved"})).status_code == 200
                assert (await sender.post("/api/errors/batch", json={"errors": [ERROR]})).status_code == 201
                took["regressed"] = await first_after(run, 1, "regressed", most)
                flood = {"errors": [ERROR] * MANY["more_than"]["errors"]}
                assert (await sender.post("/api/errors/batch", json=flood)).status_code == 201
                took["many"] = await first_after(run, 2, "many", most)
                budget = {"name": "all", "scope": "project", "metric": "tokens", "limit": 1_000, "period": "month"}
                assert (await run.admin.post("/api/budgets", json=budget)).status_code == 201
                record = {"event_key": "a", "team": "t", "agent": "a", "model": "m", "total_tokens": 850}
                record["occurred_at"] = datetime.now(UTC).isoformat()
                assert (await sender.post("/api/usage/batch", json={"records": [record]})).status_code == 201
                took["crossed"] = await first_after(run, 1, "crossed", 5 + SPARE + 1)
    print(took)  # noqa: T201
    assert Settings().fold_every_seconds == FOLD
