"""Chats get what their documentation asks for, as Apprise sends it, and nothing of an attacker in them is alive."""

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import requests

from common.alerts.addresses import AllowList
from common.alerts.kinds.chat import SERVICES
from common.alerts.message import Message
from common.settings import Settings
from tests.worker.alerts.receiving import HOSTILE_MESSAGE, MESSAGE, make_channel, names, receiving, sender_to
from worker.alerts.apprise_program import notify
from worker.alerts.channels import chat
from worker.alerts.guarded_client import Guard
from worker.alerts.outside import Outside

# modules of the standard library that Apprise looks for
pytestmark = pytest.mark.filterwarnings("ignore:'.*' is deprecated and slated for removal")

AZURE = "prod-12.westeurope.logic.azure.com"
URLS = {
    "discord": f"discord://{'1' * 18}/{'a' * 64}",
    "gchat": "gchat://workspace/key-of-it/token-of-it",
    "gotifys": "gotifys://gotify.example/tokentoken",
    "mmosts": "mmosts://chat.example/abcdefghijklmnopqrstuvwx",
    "ntfys": "ntfys://user:password@ntfy.example/alerts",
    "pagerduty": f"pagerduty://{'a' * 32}@{'b' * 20}",
    "pover": f"pover://{'u' * 30}@{'a' * 30}",
    "slack": "slack://TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx",
    "splunk": f"splunk://routing@{'a' * 36}",
    "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "workflows": f"workflows://{AZURE}:443/0123456789abcdef0123456789abcdef/signature-of-it",
    "wxteams": f"wxteams://{'a' * 80}",
    "zulip": f"zulip://botname@org/{'a' * 32}/errors",
}
# Slack, "Reference: Message payloads" and "Secondary message attachments"; what Apprise uses of it.
SLACK = {
    "type": "object",
    "required": ["attachments"],
    "additionalProperties": False,
    "properties": {
        "mrkdwn": {"const": False},
        "channel": {"type": "string"},
        "icon_url": {"type": "string", "format": "uri"},
        "username": {"type": "string", "maxLength": 80},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "required": ["text"],
                "additionalProperties": False,
                "properties": {
                    "title": {"type": "string"},
                    "text": {"type": "string", "maxLength": 8_000},
                    "color": {"type": "string", "pattern": "^(#[0-9A-Fa-f]{6}|good|warning|danger)$"},
                    "footer": {"type": "string", "maxLength": 300},
                    "footer_icon": {"type": "string"},
                    "ts": {"type": "number"},
                },
            },
        },
    },
}
# Teams, "Create incoming webhooks with Workflows": a message with adaptive cards (schema 1.4).
TEAMS = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": {
                        "type": "object",
                        "required": ["type", "version", "body"],
                        "properties": {
                            "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
                            "type": {"const": "AdaptiveCard"},
                            "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]},
                            "body": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "object",
                                    "required": ["type", "text"],
                                    "properties": {
                                        "type": {"const": "TextBlock"},
                                        "text": {"type": "string", "minLength": 1},
                                        "wrap": {"type": "boolean"},
                                        "size": {"enum": ["Default", "Small", "Medium", "Large", "ExtraLarge"]},
                                        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
                                        "style": {"enum": ["default", "heading"]},
                                    },
                                },
                            },
                            "msteams": {
                                "type": "object",
                                "additionalProperties": False,  # no entities: nobody is mentioned
                                "properties": {"width": {"const": "full"}},
                            },
                        },
                    },
                },
            },
        },
    },
}


class Captured(Outside):
    """Apprise in this process; what it would have posted is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(Settings.load(), guard=Guard(AllowList.parse("203.0.113.0/24"), names({})))
        self.posted: list[tuple[str, Any]] = []
        self.apprise = self  # type: ignore[assignment]

        def keep(session: object, method: str, url: str, **others: Any) -> requests.Response:
            self.posted.append((url, others.get("data") or others.get("json")))
            answer = requests.Response()
            answer.status_code, answer._content = 202, b'{"ok": true, "result": []}'
            return answer

        monkeypatch.setattr(requests.Session, "request", keep)

    async def send(self, request: dict[str, Any]) -> tuple[bool, str]:
        return notify(request)


async def capture(monkeypatch: pytest.MonkeyPatch, scheme: str, message: Message) -> list[Any]:
    """What Apprise posts of the message."""
    outside = Captured(monkeypatch)
    outside.guard.resolve = names(
        {host: ["203.0.113.7"] for host in ("gotify.example", "chat.example", "ntfy.example", AZURE)}
    )
    await chat.send(outside, make_channel("chat", url=URLS[scheme]), message)
    return [json.loads(data) if isinstance(data, str | bytes) else data for _, data in outside.posted]


def texts_of(value: Any) -> list[str]:
    """Every text in it."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts_of(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts_of(one)]
    return [value] if isinstance(value, str) else []


LIVE = re.compile(
    r"<[!@#/a-zA-Z]|@(everyone|here|channel|bob)|https?://evil|<http|www\.evil|evil\.example|\]\(|mailto:a|javascript:a"
    r"|b\.c|[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\ud800-\udfff]"
)
# Apprise's own markup of services that take HTML, in which it has escaped the text.
OWN_MARKUP = {"tgram": re.compile(r"</?b>")}


@pytest.mark.parametrize("scheme", URLS)
async def test_hostile_text_is_dead_in_every_service(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    posted = await capture(monkeypatch, scheme, HOSTILE_MESSAGE)
    assert posted
    for text in texts_of(posted):
        found = LIVE.search(OWN_MARKUP.get(scheme, re.compile("$^")).sub("", text))
        assert found is None, text[max(0, found.start() - 30) : found.end() + 30]


@pytest.mark.parametrize("scheme", URLS)
async def test_what_happened_and_our_own_link_are_said(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    said = "\n".join(texts_of(await capture(monkeypatch, scheme, MESSAGE))).replace("\\", "")
    assert "payment failed" in said
    assert "https://mayday.example/patterns/1" in said


@pytest.mark.parametrize("message", [MESSAGE, HOSTILE_MESSAGE])
async def test_what_slack_gets_has_the_form_that_it_documents(
    monkeypatch: pytest.MonkeyPatch, message: Message
) -> None:
    for posted in await capture(monkeypatch, "slack", message):
        jsonschema.validate(posted, SLACK)


@pytest.mark.parametrize("message", [MESSAGE, HOSTILE_MESSAGE])
async def test_what_teams_gets_has_the_form_that_it_documents(
    monkeypatch: pytest.MonkeyPatch, message: Message
) -> None:
    for posted in await capture(monkeypatch, "workflows", message):
        jsonschema.validate(posted, TEAMS)
        assert len(json.dumps(posted)) < 28_000  # beyond which Teams takes no message


async def test_a_pager_knows_what_belongs_to_one_incident_and_that_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        await capture(monkeypatch, "pagerduty", message)
        for message in (MESSAGE, replace(MESSAGE, kind="resolved"), replace(MESSAGE, incident_key="pattern/2"))
    ]
    [[new], [resolved], [other]] = told
    assert (new["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert new["dedup_key"] == resolved["dedup_key"] != other["dedup_key"]
    [splunk] = await capture(monkeypatch, "splunk", replace(MESSAGE, kind="resolved"))
    assert (splunk["message_type"], splunk["entity_id"]) == ("RECOVERY", MESSAGE.thread)


async def test_a_chat_of_ones_own_is_spoken_to_where_it_is_allowed_and_not_else() -> None:
    async with receiving(b"HTTP/1.1 401 No\r\nContent-Length: 12\r\n\r\nbad password") as local:
        channel = make_channel("chat", url=f"ntfy://user:password@127.0.0.1:{local.port}/topic")
        sender = sender_to("127.0.0.1")
        try:
            receipt = await sender.send(channel, MESSAGE, attempt=1)
        finally:
            await sender.close()
        assert (receipt.accepted, receipt.may_retry) == (False, True)
        assert "401" in receipt.told
        assert "user:password" not in receipt.told
        assert json.loads(local.requests[0][1])["topic"] == "topic"
        sender = sender_to("")
        assert "not public" in (await sender.send(channel, MESSAGE, attempt=1)).told
        assert len(local.requests) == 1
        await sender.close()


def test_how_bad_it_is_follows_from_what_happened() -> None:
    kinds = [("resolved", "critical"), ("test", None), ("new", "critical"), ("new", "warning")]
    levels = [chat.level_of(replace(MESSAGE, kind=kind, severity=severity)) for kind, severity in kinds]
    assert levels == ["success", "info", "failure", "warning"]


def test_every_service_has_a_case_here() -> None:
    plain = {"gotify", "mmost", "ntfy"}  # the same without TLS
    assert set(SERVICES) - plain == set(URLS)
