"""A primary dies under load and its standby takes over: what was acknowledged is there, once, and writes go on.

One time in `mayday test`, twenty in `mayday test failover`. Controls: a standby that nobody waits for, and a resend that does
not wait for it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import uuid_utils.compat

from cli.migrate import upgrade
from common.database import durability
from common.settings import Settings
from tests.chaos.promises import RECOVERY_SECONDS
from tests.chaos.stack import Stack, run_programs
from tests.chaos.stores import Stores, thaw
from tests.conftest import Service, run_service
from tests.failover import TIMES, tell
from tests.failover.pair import Pair

GIVEN_UP_SECONDS = 15.0  # half of what Patroni waits


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[tuple[Pair, Stack]]:
    async with await Pair.start(home) as pair:
        await asyncio.to_thread(upgrade, pair.direct_url())
        async with run_programs(cast("Stores", pair), home, apis=2, workers=1) as stack:
            yield pair, stack


async def fail_over(pair: Pair, stack: Stack, *, hangs: bool) -> float:
    """The primary dies, or hangs, until whoever watches it gives it up; seconds from the promotion of the standby to the first
    write that is taken."""
    lost = pair.primary
    if hangs:
        frozen = lost.store.freeze()
        await asyncio.sleep(GIVEN_UP_SECONDS)
    else:
        await lost.store.crash()
    await pair.promote()
    taken = await stack.first_taken(time.monotonic(), 60)
    assert taken is not None, "no write was taken within a minute"
    if hangs:
        await asyncio.sleep(1)
        thaw(frozen)
        await lost.store.crash()
    await pair.restore()
    return taken


async def test_a_failover_loses_nothing_and_writes_go_on_within_seconds(home: Path) -> None:
    async with running(home) as (pair, stack):
        took = []
        async with stack.traffic(senders=3, per_second=4):
            for _ in range(TIMES):
                await asyncio.sleep(2)
                took.append(await fail_over(pair, stack, hangs=False))
        verdict, wrong_sums = await stack.verdict(), await stack.find_wrong_sums()
    tell(f"{TIMES} failovers, the first write after {max(took):.2f} s at most; {verdict}")
    assert verdict.is_clean, verdict
    assert wrong_sums == []
    assert max(took) < RECOVERY_SECONDS


@pytest.mark.skipif(TIMES == 1, reason="waits for time limits: in `./mayday test failover`")
async def test_a_primary_that_hangs_is_left_too(home: Path) -> None:
    async with running(home) as (pair, stack):
        took = []
        async with stack.traffic(senders=3, per_second=4):
            for _ in range(3):
                await asyncio.sleep(2)
                took.append(await fail_over(pair, stack, hangs=True))
        verdict = await stack.verdict()
    tell(f"3 that hung, the first write after {max(took):.2f} s at most; {verdict}")
    assert verdict.is_clean, verdict
    assert max(took) < RECOVERY_SECONDS


@pytest.mark.skipif(TIMES == 1, reason="a control of the long form: in `./mayday test failover`")
async def test_without_waiting_for_the_standby_acknowledged_errors_are_lost(home: Path) -> None:
    async with running(home) as (pair, stack):
        await pair.wait_for_standby(is_waited_for=False)
        async with stack.traffic(senders=3, per_second=4):
            await pair.standby.sql("ALTER SYSTEM SET primary_conninfo = ''")  # the network between them is gone
            await pair.standby.sql("SELECT pg_reload_conf()")
            before = len(stack.journal.acknowledged)
            while len(stack.journal.acknowledged) < before + 200:
                await asyncio.sleep(0.05)
            await pair.primary.store.crash()
            await pair.promote()
            assert await stack.first_taken(time.monotonic(), 60) is not None
        verdict = await stack.verdict()
    assert verdict.lost > 0


async def send_while_the_standby_hangs(service: Service, pair: Pair) -> dict[str, list[bool]]:
    """What only one transaction writes, sent twice to a primary whose standby hangs, and once more when it goes on: whether each
    was acknowledged. The writer itself sends errors and usage again meanwhile, and meets what it stored on the primary alone."""
    project = await service.project()
    budget = {"name": "all", "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month"}
    path = "/api/budgets/" + (await project.admin.post("/api/budgets", json=budget)).json()["id"]
    held = (await project.ingest.post(f"{path}/check", json={"estimate": 10})).json()
    error = {"event_id": str(uuid_utils.compat.uuid7()), "service": "s", "severity": "error", "message": "standby"}
    usage = {
        "event_key": "one",
        "team": "t",
        "model": "m",
        "total_tokens": 10,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    work = {"ref": "one", "team": "t", "kind": "ticket", "completed_at": "2026-02-03T12:00:00Z"}
    sent: dict[str, tuple[str, dict[str, Any]]] = {
        "errors": ("/api/errors/batch", {"errors": [error]}),
        "usage": ("/api/usage/batch", {"records": [usage]}),
        "work": ("/api/deliverables", work),
        "settling": (f"{path}/settle", {"reservation_id": held["reservation_id"]}),
    }

    async def send() -> list[bool]:
        answers = await asyncio.gather(*[project.ingest.post(to, json=body) for to, body in sent.values()])
        assert {answer.status_code for answer in answers} <= {200, 201, 503}, [answer.text for answer in answers]
        return [answer.is_success for answer in answers]

    frozen = pair.standby.store.freeze()
    try:
        acknowledged = [await send(), await send()]
    finally:
        thaw(frozen)
    acknowledged.append(await send())
    return dict(zip(sent, map(list, zip(*acknowledged, strict=True)), strict=True))


@pytest.mark.parametrize("waits", [True, False], ids=["a resend waits", "control: it does not"])
async def test_what_the_standby_does_not_have_is_not_acknowledged_when_it_is_sent_again(
    home: Path, redis_url: str, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not waits:
        monkeypatch.setattr(durability, "WAIT_FOR_STANDBY", "SELECT 1")
    async with await Pair.start(home) as pair:
        await asyncio.to_thread(upgrade, pair.direct_url())
        limits: dict[str, Any] = {"database_statement_seconds": 0.7}
        settings = Settings.load(database_url=pair.direct_url(), redis_url=redis_url, log_format="json", **limits)
        async with run_service(settings) as service:
            acknowledged = await send_while_the_standby_hangs(service, pair)
    if waits:
        assert acknowledged == {kind: [False, False, True] for kind in acknowledged}
    else:
        assert [acknowledged[kind][1:] for kind in ("errors", "work", "settling")] == [[True, True]] * 3, acknowledged
