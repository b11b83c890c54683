"""Sending raises nothing, ends in time, and says what happened without a secret in it."""

import asyncio
import ssl
from dataclasses import replace
from typing import Any

import httpcore
import pytest
import structlog

from common.alerts.message import TOLD_CHARS, Message, OpenedChannel, Receipt
from common.settings import Settings
from tests.worker.alerts.receiving import MESSAGE, make_channel, receiving, sender_to
from worker.alerts import sending
from worker.alerts.channels import SENDERS
from worker.alerts.guarded_client import AddressRefused
from worker.alerts.outside import Outside
from worker.alerts.sending import Sender, describe

SECRET_PATH = "/hooks/T0000/very-secret-token"


def sender_that(does: Any) -> Sender:
    return Sender(Settings.load(), senders={"webhook": does})


def webhook() -> OpenedChannel:
    return make_channel("webhook", url=f"https://hooks.example{SECRET_PATH}")


@pytest.mark.parametrize(
    "error",
    [RuntimeError(SECRET_PATH), OSError(SECRET_PATH), ValueError(SECRET_PATH), KeyError(SECRET_PATH), TimeoutError()],
)
async def test_whatever_is_raised_becomes_a_receipt_without_its_text(error: Exception) -> None:
    async def fail(*_: object) -> Receipt:
        raise error

    receipt = await sender_that(fail).send(webhook(), MESSAGE, attempt=1)
    assert (receipt.accepted, receipt.may_retry) == (False, True)
    assert "secret" not in receipt.told


async def test_a_kind_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> Receipt:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(sending, "DEADLINE_SECONDS", 0.05)
    assert (await sender_that(hang).send(webhook(), MESSAGE, attempt=1)).told == "no answer in time"


async def test_cancelling_is_no_receipt() -> None:
    async def hang(*_: object) -> Receipt:
        await asyncio.sleep(60)
        raise AssertionError

    task = asyncio.create_task(sender_that(hang).send(webhook(), MESSAGE, attempt=1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_the_other_side_says_is_one_bounded_line_without_secrets_in_receipt_and_log() -> None:
    echo = f"<b>bad</b>\r\n\x1b[31m{SECRET_PATH}\u202e " + "x" * 5_000
    answer = f"HTTP/1.1 403 No\r\nContent-Length: {len(echo.encode())}\r\n\r\n{echo}".encode()
    async with receiving(answer) as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}{SECRET_PATH}")
        with structlog.testing.capture_logs() as logs:
            receipt = await sender_to().send(channel, MESSAGE, attempt=3)
    assert receipt.told.startswith("403 <b>bad</b> ***")
    assert len(receipt.told) <= TOLD_CHARS
    for shown in (receipt.told, repr(logs), repr(channel), repr(receipt)):
        assert "very-secret" not in shown
        assert "whsec_" not in shown
        assert "\x1b" not in shown
    [line] = logs
    assert (line["event"], line["attempt"], line["kind"]) == ("alert_not_sent", 3, "webhook")


async def test_a_kind_that_a_later_release_brought_is_told_of_and_tried_again() -> None:
    receipt = await sender_to().send(replace(webhook(), kind="pigeon"), MESSAGE, attempt=1)
    assert receipt == Receipt(False, True, "this release knows no channels of the kind pigeon")


async def test_a_sealed_config_that_is_not_what_a_kind_expects_is_told_of() -> None:
    receipt = await sender_to().send(replace(webhook(), config={}), MESSAGE, attempt=1)
    assert (receipt.accepted, receipt.told) == (False, "failed: KeyError")


async def test_many_are_sent_at_once() -> None:
    async def take_a_while(_: Outside, __: OpenedChannel, ___: Message) -> Receipt:
        await asyncio.sleep(0.05)
        return Receipt(True, False, "ok")

    sender = sender_that(take_a_while)
    async with asyncio.timeout(2):
        receipts = await asyncio.gather(*(sender.send(webhook(), MESSAGE, attempt=1) for _ in range(100)))
    assert all(one.accepted for one in receipts)


def test_each_failure_on_the_way_has_words() -> None:
    with_tls = httpcore.ConnectError()
    with_tls.__cause__ = ssl.SSLError()
    told = [
        describe(error)
        for error in (
            AddressRefused("not public"), httpcore.ReadTimeout(), with_tls, httpcore.ConnectError(),
            httpcore.RemoteProtocolError(), httpcore.ReadError(), ConnectionResetError(), MemoryError(),
        )
    ]  # fmt: skip
    assert len(set(told)) == 7
    assert told[0] == "not public"
    assert "TLS" in told[2]
    assert told[-1] == "failed: MemoryError"


def test_every_kind_has_a_sender() -> None:
    from common.alerts.kinds import KINDS

    assert set(SENDERS) == set(KINDS)
