"""Alerts under faults: real workers deliver what a writer owes, while these are killed and stores crash and receivers fail.

`./mayday test alerts` is the long form.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from sqlalchemy.exc import SQLAlchemyError

from cli.keys import in_transaction
from common.database import make_engine
from common.keys import Scope
from common.projects import create_key
from common.sealing import make_secret_key
from common.settings import Settings
from common.transitions import Noted, note_transitions
from tests.chaos.stack import Stack, run_stack
from tests.receiving import Answers, Receiver, accept, receiving

MESSAGES = int(os.environ.get("MAYDAY_TEST_ALERTS", "64"))
SETTLE_SECONDS = 120 + MESSAGES / 10
CHANNELS = 8  # that each change is owed to: a receiver that hangs for one keeps the others' messages from nothing
# A row of each change and channel, with its notification where there is one; the changes of messages are taken apart once.
OWED = """
    WITH told AS (SELECT (change ->> 'transition_id')::uuid AS transition_id, n.channel_id, n.notification_id, n.state
                  FROM notifications n, jsonb_array_elements(n.changes) change WHERE n.project_id = $1)
    SELECT t.transition_id, c.channel_id, told.notification_id, told.state FROM transitions t CROSS JOIN alert_channels c
    LEFT JOIN told ON told.transition_id = t.transition_id AND told.channel_id = c.channel_id
    WHERE t.project_id = $1 AND c.project_id = $1 AND t.subject = 'pattern' AND t.name = 'new'
"""
DUE = "SELECT count(*) AS due FROM notifications WHERE project_id = $1 AND state = 'due'"


@dataclass(slots=True)
class Alerting:
    """A stack with webhooks of one receiver and an armed rule that tells all of them; `admin` asks its API."""

    stack: Stack
    receiver: Receiver
    admin: httpx.AsyncClient

    @property
    def project_id(self) -> UUID:
        return self.stack.target.project_id

    async def set_up(self, when: Sequence[Any], channels: int) -> None:
        hooks = [{"name": f"hook {number}", "kind": "webhook", "url": self.receiver.url} for number in range(channels)]
        made = [await self.make("/api/alerts/channels", hook) for hook in hooks]
        await self.stack.stores.sql("UPDATE alert_channels SET max_per_hour = 1000000", database=self.stack.database)
        await self.make("/api/alerts/rules", {"name": "all", "when": list(when), "channels": made, "armed": True})

    async def make(self, path: str, body: dict[str, Any]) -> str:
        answer = await self.admin.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def write(self, count: int, subject_id: UUID | None = None) -> None:
        """Note so many changes, a transaction each; one that fails may have been noted all the same: the tables tell."""
        settings = Settings.load(database_url=self.stack.stores.direct_url(self.stack.database))
        engine = make_engine(settings, "test")
        try:
            number, until = 0, time.monotonic() + SETTLE_SECONDS
            while number < count:
                one = subject_id or UUID(int=random.getrandbits(128))
                facts = {"title": f"failure {number}", "services": ["shop"], "severity": "error"}
                try:
                    async with engine.begin() as connection:
                        await note_transitions(connection, self.project_id, [Noted("pattern", one, "new", facts)])
                    number += 1
                except (SQLAlchemyError, OSError):
                    assert time.monotonic() < until
                    await asyncio.sleep(0.2)
        finally:
            await engine.dispose()

    async def owed(self) -> list[Any]:
        """A row of each change that there is and each channel, with its notification."""
        return await self.stack.stores.sql(OWED, self.project_id, database=self.stack.database)

    async def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until nothing is due."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(asyncpg.PostgresError, OSError):  # it is restarted meanwhile
                [row] = await self.stack.stores.sql(DUE, self.project_id, database=self.stack.database)
                if not row["due"]:
                    return
            await asyncio.sleep(0.5)
        raise AssertionError(f"still due after {seconds:.0f} s: {len(self.receiver.accepted)} accepted")


@asynccontextmanager
async def run_alerting(
    folder: Path,
    *,
    when: Sequence[Any],
    answers: Answers = accept,
    workers: int = 2,
    channels: int = 1,
    periods: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Alerting]:
    """A stack whose workers deliver to a receiver here."""
    told = {
        "MAYDAY_SECRET_KEY": make_secret_key(),
        "MAYDAY_ALERTS_ALLOW": "127.0.0.1",
        "MAYDAY_LOG_LEVEL": "warning",
        **periods,
    }
    async with receiving(answers) as receiver, run_stack(folder, apis=1, workers=workers, settings=told) as stack:
        direct = Settings.load(database_url=stack.stores.direct_url(stack.database))
        key = await in_transaction(direct, lambda c: create_key(c, stack.target.project_id, Scope.admin, "alerts"))
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=stack.apis[0].url, headers=headers, trust_env=False, timeout=30) as admin:
            alerting = Alerting(stack, receiver, admin)
            await alerting.set_up(when, channels)
            yield alerting


def answer_badly(seed: int) -> Answers:
    """Mostly well; sometimes slowly, with 500 or 503, with a redirect, or not at all before it is given up."""
    dice = random.Random(seed)

    def answer(_: int) -> tuple[float, int, bytes]:
        roll = dice.random()
        if roll < 0.002:
            return 30.0, 200, b""
        if roll < 0.06:
            return 0.0, dice.choice([500, 503, 302]), b"not now"
        return dice.choice([0.0, 0.0, 0.0, 0.02]), 200, b""

    return answer


Fault = Callable[[Stack], Awaitable[Any]]


async def kill_worker(stack: Stack) -> None:
    """SIGKILL to one, and its successor starts."""
    worker = random.choice(stack.workers)
    await worker.kill()
    worker.start()


async def break_while(work: Awaitable[Any], stack: Stack, faults: Sequence[Fault], every_seconds: float) -> None:
    """Each fault twice in turn while the work is done; then it is left to end in peace, however slow the machine."""
    task = asyncio.ensure_future(work)
    for fault in (*faults, *faults):
        await asyncio.sleep(every_seconds)
        await fault(stack)
    await task
