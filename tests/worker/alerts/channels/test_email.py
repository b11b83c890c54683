"""Mail reaches a real SMTP server: text and HTML, one thread for an incident, and no header by an attacker."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import given, settings
from hypothesis import strategies as st

from common.alerts.message import Message
from tests.worker.alerts.receiving import HOSTILE, HOSTILE_MESSAGE, MESSAGE, Authority, make_channel, names, sender_to
from worker.alerts.channels.email import compose

# what aiosmtpd says of a server that takes a password in the clear, which is what a test is for, and of itself
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH", "ignore:Session.login_data")

CONFIG = {"url": "smtp://mail.example", "sender": "mayday@shop.example", "recipients": ["ops@shop.example"]}


@dataclass
class Mailbox:
    """What the server was given; refuses the recipients named here."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Any] = field(default_factory=list)
    logins: list[tuple[bytes, bytes, bool]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    answer: str = "250 queued as 4711"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: ARG002, N802
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        self.envelopes.append(envelope)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@asynccontextmanager
async def mailing(tls: ssl.SSLContext | None = None, *, has_login: bool = False) -> AsyncIterator[Mailbox]:
    """An SMTP server on 127.0.0.1; with `tls` it offers STARTTLS."""

    box = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        box.logins.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"correct horse", handled=False)

    def factory() -> SMTP:
        return SMTP(
            box, tls_context=tls, authenticator=authenticate, auth_required=has_login, auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )  # fmt: skip

    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


def mail_channel(port: int, login: str = "", host: str = "127.0.0.1", **others: Any) -> Any:
    sent = {"sender": "mayday@shop.example", "recipients": ["ops@shop.example", "dev@shop.example"], **others}
    return make_channel("email", url=f"smtp://{login}{host}:{port}", **sent)


async def test_a_mail_has_text_and_html_and_says_that_nobody_wrote_it() -> None:
    async with mailing() as box:
        receipt = await sender_to().send(mail_channel(box.port), MESSAGE, attempt=1)
        [mail], [envelope] = box.mails, box.envelopes
    assert (receipt.accepted, receipt.told) == (True, "queued as 4711")
    assert (envelope.mail_from, envelope.rcpt_tos) == ("mayday@shop.example", ["ops@shop.example", "dev@shop.example"])
    assert mail["Subject"] == "[shop] payment failed"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{MESSAGE.notification_id}@shop.example>"
    parts = [part.get_content_type() for part in mail.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    for text in (plain, html):
        assert "New: payment failed" in text
        assert "12 errors in 5 minutes" in text
        assert "https://mayday.example/patterns/1" in text


def test_messages_of_one_incident_are_one_thread_and_of_two_are_two() -> None:
    later = replace(MESSAGE, kind="resolved", notification_id=uuid4())
    other = replace(MESSAGE, incident_key="pattern/2", notification_id=uuid4())
    elsewhere = replace(MESSAGE, project="another", notification_id=uuid4())
    mails = [compose(CONFIG, one) for one in (MESSAGE, later, other, elsewhere)]
    assert len({mail["Message-ID"] for mail in mails}) == 4
    first, second, third, fourth = (mail["References"] for mail in mails)
    assert first == second
    assert len({second, third, fourth}) == 3
    assert [mail["In-Reply-To"] for mail in mails] == [mail["References"] for mail in mails]
    assert mails[0]["Subject"] == mails[1]["Subject"]


async def test_hostile_text_makes_no_header_recipient_tag_or_link() -> None:
    async with mailing() as box:
        assert (await sender_to().send(mail_channel(box.port), HOSTILE_MESSAGE, attempt=1)).accepted
        [mail], [envelope] = box.mails, box.envelopes
    assert envelope.rcpt_tos == ["ops@shop.example", "dev@shop.example"]
    assert "Bcc" not in mail
    known = {"subject", "from", "to", "date", "message-id", "in-reply-to", "references", "auto-submitted",
             "x-auto-response-suppress", "mime-version", "content-type"}  # fmt: skip
    assert {name.lower() for name in mail} - {"x-peer", "x-mailfrom", "x-rcptto"} == known
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("href=") == 1
    plain = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [word for word in plain.split() if "://" in word] == ["https://mayday.example/patterns/1"]
    assert not any(char in plain for char in "\x1b\x00\u202e")


@settings(max_examples=20)
@given(title=st.text(max_size=200), line=st.text(max_size=200), project=st.text(max_size=80))
def test_whatever_a_title_is_the_mail_has_the_same_headers_and_parts(title: str, line: str, project: str) -> None:
    message = replace(MESSAGE, title=title, lines=(line,), project=project)
    read = message_from_bytes(compose(CONFIG, message).as_bytes(), policy=policy.default)
    assert list(read) == list(compose(CONFIG, MESSAGE))
    assert read["To"] == "ops@shop.example"
    assert [part.get_content_type() for part in read.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("message", [MESSAGE, HOSTILE_MESSAGE])
def test_no_line_of_a_mail_is_longer_than_smtp_takes(message: Message) -> None:
    assert max(map(len, compose(CONFIG, message).as_bytes().splitlines())) <= 998


async def test_a_password_goes_over_tls_alone(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    resolve = names({"mail.example": ["127.0.0.1"]})
    sender = sender_to("127.0.0.1", resolve, authority.client())
    async with mailing(authority.server("mail.example"), has_login=True) as box:
        channel = mail_channel(box.port, "ops:correct%20horse@", "mail.example")
        assert (await sender.send(channel, MESSAGE, attempt=1)).accepted
        assert box.logins == [(b"ops", b"correct horse", True)]
    async with mailing(has_login=True) as box:
        channel = mail_channel(box.port, "ops:correct%20horse@", "mail.example")
        receipt = await sender.send(channel, MESSAGE, attempt=1)
        assert (receipt.accepted, box.logins) == (False, [])
        assert "offers no TLS" in receipt.told


async def test_a_server_with_the_certificate_of_another_gets_nothing(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    sender = sender_to("127.0.0.1", names({"mail.example": ["127.0.0.1"]}), authority.client())
    async with mailing(authority.server("other.example"), has_login=True) as box:
        receipt = await sender.send(mail_channel(box.port, "ops:correct%20horse@", "mail.example"), MESSAGE, attempt=1)
        assert (receipt.accepted, box.logins, box.mails) == (False, [], [])


async def test_a_wrong_password_is_told_in_the_words_of_the_server_and_without_the_password(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    sender = sender_to("127.0.0.1", names({"mail.example": ["127.0.0.1"]}), authority.client())
    async with mailing(authority.server("mail.example"), has_login=True) as box:
        receipt = await sender.send(mail_channel(box.port, "ops:battery-staple@", "mail.example"), MESSAGE, attempt=1)
    assert receipt.told.startswith("535 ")
    assert "battery" not in receipt.told


async def test_who_is_refused_is_told_and_those_who_have_it_are_not_sent_it_again() -> None:
    async with mailing() as box:
        box.refused["dev@shop.example"] = "550 no such person"
        some = await sender_to().send(mail_channel(box.port), MESSAGE, attempt=1)
        assert (some.accepted, some.told) == (True, "1 recipients refused: 550 no such person")
        box.refused["ops@shop.example"] = "550 nor this one"
        none = await sender_to().send(mail_channel(box.port), MESSAGE, attempt=1)
        assert (none.accepted, none.may_retry) == (False, False)
        box.refused["ops@shop.example"] = "450 come again"
        later = await sender_to().send(mail_channel(box.port), MESSAGE, attempt=1)
        assert (later.accepted, later.may_retry) == (False, True)


async def test_a_server_that_refuses_the_mail_is_told_of() -> None:
    async with mailing() as box:
        box.answer = "451 greylisted"
        receipt = await sender_to().send(mail_channel(box.port), MESSAGE, attempt=1)
    assert (receipt.accepted, receipt.may_retry, receipt.told) == (False, True, "451 greylisted")


async def test_a_private_mail_server_is_not_spoken_to() -> None:
    async with mailing() as box:
        receipt = await sender_to("").send(mail_channel(box.port), MESSAGE, attempt=1)
        assert "not public" in receipt.told
        assert box.mails == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"recipients": ["ops@shop.example\r\nBcc: x@y.z"]}, "bare addresses"),
        ({"recipients": ["Ops <ops@shop.example>"]}, "bare addresses"),
        ({"recipients": ["a@b.c,d@e.f"]}, "bare addresses"),
        ({"sender": HOSTILE}, "bare addresses"),
        ({"recipients": []}, "1 to 20"),
        ({"url": "smtp://ops@mail.example"}, "user and password"),
        ({"url": "http://mail.example"}, "must begin with smtp"),
        ({"url": "smtp://mail.example:6379"}, ""),
        ({"url": "smtp://mail.example:22"}, "port 22"),
    ],
)
def test_what_is_no_mail_channel_is_refused(changed: dict[str, Any], words: str) -> None:
    if not words:
        assert make_channel("email", **{**CONFIG, **changed}).kind == "email"
        return
    with pytest.raises(ValueError, match=words):
        make_channel("email", **{**CONFIG, **changed})
