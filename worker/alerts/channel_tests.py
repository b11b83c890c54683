"""Sends the test messages that people asked for, all that wait at once, so that none waits behind a receiver that hangs."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.channel_tests import answer_test, list_waiting
from common.alerts.channels import note_receipt, open_channel
from common.alerts.message import Message, OpenedChannel, Receipt
from common.sealing import NotOpened, Sealer, SecretKeyMissing
from common.settings import Settings
from worker.alerts.sending import Sender

log = structlog.get_logger()

AT_ONCE = 8
LOOK_AGAIN_SECONDS = 0.5
RUN_SECONDS = 30.0  # after which a run takes no more tests: the next one does


async def send_tests(engine: AsyncEngine, sender: Sender, settings: Settings) -> Mapping[str, int]:
    """Send what waits, and what is asked for meanwhile, until nothing is left; how many were sent. A test that failed is no
    failure of the run."""
    until, running, sent = time.monotonic() + RUN_SECONDS, dict[Any, asyncio.Task[None]](), 0
    try:
        while True:
            room = AT_ONCE - len(running) if time.monotonic() < until else 0
            # those under way still wait for their answer, and come first
            waiting = await list_waiting(engine, AT_ONCE) if room else ()
            new = [test for test in waiting if test.test_id not in running][:room]
            for test in new:
                running[test.test_id] = asyncio.create_task(send_test(engine, sender, settings, test))
            if not running:
                return {"tests": sent}
            done, _ = await asyncio.wait(running.values(), timeout=LOOK_AGAIN_SECONDS, return_when="FIRST_COMPLETED")
            sent += len(done)
            running = {test_id: task for test_id, task in running.items() if task not in done}
            for task in done:
                task.result()
    finally:
        for task in running.values():
            task.cancel()


async def send_test(engine: AsyncEngine, sender: Sender, settings: Settings, test: Any) -> None:
    """Send one, and note how it went on the test and on its channel."""
    receipt = await try_test(engine, sender, settings, test)
    async with engine.begin() as connection:
        await answer_test(connection, test.project_id, test.test_id, receipt)
        await note_receipt(connection, test.project_id, test.channel_id, receipt)


async def try_test(engine: AsyncEngine, sender: Sender, settings: Settings, test: Any) -> Receipt:
    try:
        async with engine.connect() as connection:
            channel = await open_channel(connection, Sealer.of(settings.secret_key), test.project_id, test.channel_id)
    except (SecretKeyMissing, NotOpened) as error:
        return Receipt(False, True, f"the worker cannot open the channel: {error}")
    if channel is None:
        return Receipt(False, False, "the channel was deleted")
    return await sender.send(channel, compose(channel, settings, test), attempt=1)


def compose(channel: OpenedChannel, settings: Settings, test: Any) -> Message:
    return Message(
        notification_id=test.test_id,
        incident_key=f"test/{test.test_id}",
        project=test.project_name,
        kind="test",
        title=f"This is a test of the channel {channel.name}",
        lines=("Nothing has failed. Somebody asked for this message, to see that it arrives.",),
        happened_at=test.asked_at,
        url=settings.public_url or None,
    )
