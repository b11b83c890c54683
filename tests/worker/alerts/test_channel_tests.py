"""Test messages are sent at once, none behind one that hangs, and what became of them stands on test and channel."""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.alerts.channel_tests import ask_test, find_test
from common.alerts.channels import add_channel, find_channel
from common.alerts.kinds import KINDS
from common.alerts.message import Message, OpenedChannel, Receipt
from common.sealing import Sealer, make_secret_key
from common.settings import Settings
from tests.conftest import Service, run_service
from worker.alerts.channel_tests import send_tests
from worker.alerts.outside import Outside
from worker.alerts.sending import Sender


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"secret_key": Settings.load(secret_key=make_secret_key()).secret_key})


async def make(service: Service, project_id: UUID, url: str = "https://hooks.example/") -> UUID:
    config = KINDS["webhook"].make({"url": url}, None)
    async with service.tools.engine.begin() as connection:
        channel_id = await add_channel(
            connection, Sealer.of(service.settings.secret_key), project_id,
            name=uuid4().hex, kind="webhook", config=config, hint="hooks.example", max_per_hour=60,
        )  # fmt: skip
    assert channel_id is not None
    return channel_id


async def ask(service: Service, project_id: UUID, channel_id: UUID) -> UUID:
    async with service.tools.engine.begin() as connection:
        asked = await ask_test(connection, project_id, channel_id)
    assert asked is not None
    return asked


async def look(service: Service, project_id: UUID, test_id: UUID) -> Any:
    async with service.tools.engine.connect() as connection:
        return await find_test(connection, project_id, test_id)


def sender_that(settings: Settings, does: Any) -> Sender:
    return Sender(settings, senders={"webhook": does})


async def test_what_became_of_a_test_stands_on_it_and_on_its_channel(service: Service) -> None:
    project = await service.project()
    channel_id = await make(service, project.id)
    sent: list[Message] = []

    async def refuse(_: Outside, __: OpenedChannel, message: Message) -> Receipt:
        sent.append(message)
        return Receipt(False, True, "403 no")

    test_id = await ask(service, project.id, channel_id)
    counts = await send_tests(service.tools.engine, sender_that(service.settings, refuse), service.settings)
    assert counts == {"tests": 1}
    [message] = sent
    assert (message.kind, message.notification_id) == ("test", test_id)
    told = await look(service, project.id, test_id)
    assert (told.is_accepted, told.told) == (False, "403 no")
    async with service.tools.engine.connect() as connection:
        channel = await find_channel(connection, project.id, channel_id)
    assert channel is not None
    assert (channel.last_failure, channel.last_sent_at) == ("403 no", None)
    assert await send_tests(service.tools.engine, sender_that(service.settings, refuse), service.settings) == {
        "tests": 0
    }


async def test_one_that_hangs_keeps_no_other_waiting_and_one_asked_meanwhile_is_sent(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    slow, quick = await make(service, project.id), await make(service, other.id)

    async def send(_: Outside, channel: OpenedChannel, __: Message) -> Receipt:
        if channel.channel_id == slow:
            await asyncio.sleep(2)
        return Receipt(True, False, "ok")

    first = await ask(service, project.id, slow)
    running = asyncio.create_task(
        send_tests(service.tools.engine, sender_that(service.settings, send), service.settings)
    )
    await asyncio.sleep(0.1)
    began = time.monotonic()
    second = await ask(service, other.id, quick)
    while (await look(service, other.id, second)).answered_at is None:
        await asyncio.sleep(0.05)
    assert time.monotonic() - began < 1.5
    assert (await look(service, project.id, first)).answered_at is None
    assert await running == {"tests": 2}


async def test_a_channel_that_cannot_be_opened_is_told_of(service: Service) -> None:
    project = await service.project()
    test_id = await ask(service, project.id, await make(service, project.id))
    for key, words in (("", "MAYDAY_SECRET_KEY"), (make_secret_key(), "sealed with a key")):
        await service.execute("UPDATE channel_tests SET answered_at = NULL")
        settings = service.settings.model_copy(update={"secret_key": Settings.load(secret_key=key).secret_key})
        await send_tests(service.tools.engine, Sender(settings), settings)
        assert words in (await look(service, project.id, test_id)).told


async def test_a_test_that_nobody_waits_for_any_more_is_not_sent(service: Service) -> None:
    project = await service.project()
    await ask(service, project.id, await make(service, project.id))
    await service.execute("UPDATE channel_tests SET asked_at = now() - interval '2 minutes'")
    assert await send_tests(service.tools.engine, Sender(service.settings), service.settings) == {"tests": 0}


async def test_the_message_says_whose_test_it_is(settings: Settings) -> None:
    shown = settings.model_copy(update={"public_url": "https://mayday.example"})
    async with run_service(shown) as service:
        project = await service.project("shop")
        channel_id = await make(service, project.id)
        sent: list[Message] = []

        async def keep(_: Outside, __: OpenedChannel, message: Message) -> Receipt:
            sent.append(message)
            return Receipt(True, False, "ok")

        await ask(service, project.id, channel_id)
        await send_tests(service.tools.engine, sender_that(shown, keep), shown)
        assert (sent[0].project, sent[0].url) == ("shop", "https://mayday.example")
