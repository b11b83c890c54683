"""Webhooks are signed so that the library of Standard Webhooks verifies them, with both secrets while one is rotated."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from common.alerts.kinds.webhook import OLD_SECRET_HOURS, rotate
from common.database.clock import CLOCK
from tests.worker.alerts.receiving import HOSTILE_MESSAGE, MESSAGE, make_channel, receiving, sender_to
from worker.alerts.channels.webhook import judge, read_retry_after
from worker.alerts.guarded_client import Answer


async def test_the_library_verifies_what_was_received() -> None:
    async with receiving() as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/hook?team=1")
        receipt = await sender_to().send(channel, MESSAGE, attempt=1)
        [(head, body)] = local.requests
        assert head.startswith("POST /hook?team=1 HTTP/1.1")
        event = Webhook(channel.config["secrets"][0]["secret"]).verify(body, local.headers())
        assert event["data"]["title"] == "payment failed"
        assert local.headers()["webhook-id"] == event["data"]["id"] == str(MESSAGE.notification_id)
        assert (receipt.accepted, receipt.told) == (True, "200 ok")


async def test_a_changed_body_or_another_secret_does_not_verify() -> None:
    async with receiving() as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        await sender_to().send(channel, MESSAGE, attempt=1)
        [(_, body)] = local.requests
        for secret, read in ((channel.config["secrets"][0]["secret"], body + b" "), ("whsec_" + "A" * 43 + "=", body)):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(read, local.headers())


async def test_both_secrets_are_valid_while_one_is_rotated_and_the_old_one_ends() -> None:
    async with receiving() as local:
        old = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        first = old.config["secrets"][0]["secret"]
        rotated = replace(old, config=rotate(old.config, CLOCK.now()))
        await sender_to().send(rotated, MESSAGE, attempt=1)
        second = rotated.config["secrets"][0]["secret"]
        assert first != second
        for secret in (first, second):
            Webhook(secret).verify(local.requests[0][1], local.headers())
        over = replace(old, config=rotate(old.config, CLOCK.now() - timedelta(hours=OLD_SECRET_HOURS, seconds=1)))
        local.requests.clear()
        await sender_to().send(over, MESSAGE, attempt=2)
        with pytest.raises(WebhookVerificationError):
            Webhook(first).verify(local.requests[0][1], local.headers())
        Webhook(over.config["secrets"][0]["secret"]).verify(local.requests[0][1], local.headers())


async def test_the_id_stays_from_try_to_try() -> None:
    async with receiving([b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204 OK\r\n\r\n"]) as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        tries = [await sender_to().send(channel, MESSAGE, attempt=attempt) for attempt in (1, 2)]
        assert [one.accepted for one in tries] == [False, True]
        ids = [line for head, _ in local.requests for line in head.splitlines() if line.startswith("webhook-id")]
        assert len(ids) == 2
        assert len(set(ids)) == 1


async def test_hostile_text_stays_in_its_place_of_the_json_and_makes_no_header() -> None:
    async with receiving() as local:
        channel = make_channel("webhook", url=f"http://127.0.0.1:{local.port}/")
        assert (await sender_to().send(channel, HOSTILE_MESSAGE, attempt=1)).accepted
        [(head, body)] = local.requests
        assert "bcc" not in head.lower()
        assert "evil" not in head
        title = json.loads(body)["data"]["title"]
        assert "<script>alert(1)</script>" in title or title.endswith("…")
        assert not any(char in title for char in "\r\n\x00\x1b\u202e")


@pytest.mark.parametrize(
    ("status", "accepted", "may_retry"),
    [(200, True, False), (204, True, False), (302, False, True), (400, False, True), (410, False, False), (429, False, True),
     (500, False, True)],
)  # fmt: skip
def test_what_an_answer_means(status: int, accepted: bool, may_retry: bool) -> None:
    receipt = judge(Answer(status, {"retry-after": "7"}, b"words"))
    assert (receipt.accepted, receipt.may_retry) == (accepted, may_retry)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("999999", 3_600.0),
        ("", None),
        ("-1", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("1e9", None),
        ("٣", None),
    ],
)
def test_how_long_a_receiver_wants_to_be_left_alone_is_bounded(text: str, seconds: float | None) -> None:
    assert read_retry_after(text) == seconds
