"""Sends messages by SMTP: text and HTML, one thread for an incident."""

import asyncio
import socket
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib

from common.alerts.kinds.config import Config
from common.alerts.kinds.email import login_of, server_of
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.rendering import as_html, as_text, thread_subject
from common.database.clock import CLOCK
from worker.alerts.outside import Outside

SECONDS = 10.0  # of one command and its answer
OWN_NAME = "mayday.invalid"  # what we greet with: the name of the machine is nobody's business
POLICY = SMTP_POLICY.clone(max_line_length=200)


async def send(outside: Outside, channel: OpenedChannel, message: Message) -> Receipt:
    """One try. Raises what the guard raises."""
    server, mail = server_of(channel.config), compose(channel.config, message)
    connection = await outside.guard.connect(server.host, server.port)
    try:
        return await converse(outside, channel.config, connection, mail)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return judge_refusals({one.recipient: (one.code, one.message) for one in error.recipients}, everybody=True)
    except aiosmtplib.SMTPResponseException as error:
        return Receipt(False, True, f"{error.code} {error.message}")
    except aiosmtplib.SMTPTimeoutError as error:
        raise TimeoutError from error
    except aiosmtplib.SMTPException as error:
        return Receipt(False, True, describe(error))


async def converse(outside: Outside, config: Config, connection: socket.socket, mail: EmailMessage) -> Receipt:
    """All that is said on one connection, which is closed at the end. A password goes over TLS alone; without one the
    server decides whether there is any."""
    server, login = server_of(config), login_of(config)
    is_tls = server.scheme == "smtps"
    smtp = aiosmtplib.SMTP(
        hostname=server.host, sock=connection, use_tls=is_tls, start_tls=False if is_tls else (True if login else None),
        tls_context=await asyncio.to_thread(outside.tls), timeout=SECONDS, local_hostname=OWN_NAME,
    )  # fmt: skip
    async with smtp:
        if login:
            await smtp.login(*login)
        refused, told = await smtp.send_message(mail, sender=config["sender"], recipients=config["recipients"])
        return judge_refusals(refused, everybody=False) if refused else Receipt(True, False, told)


def judge_refusals(refused: Mapping[str, tuple[int, str]], *, everybody: bool) -> Receipt:
    """Who was refused, and why the first one was. Those who were not have their mail, so it is not sent again for the rest."""
    code, words = next(iter(refused.values()))
    is_for_ever = all(code >= 500 for code, _ in refused.values())
    return Receipt(not everybody, everybody and not is_for_ever, f"{len(refused)} recipients refused: {code} {words}")


def describe(error: aiosmtplib.SMTPException) -> str:
    if isinstance(error, aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPConnectError):
        return "the connection was lost, or there is no TLS with it"
    if isinstance(error, aiosmtplib.SMTPNotSupported) or "STARTTLS" in str(error).upper():
        return "it offers no TLS (STARTTLS), without which no password is sent: take smtps://, or leave the login out"
    return f"failed: {type(error).__name__}"


def compose(config: Config, message: Message) -> EmailMessage:
    """The mail. Its id stays from try to try; all of one incident refer to the same id, whether or not that was ever sent."""
    domain = config["sender"].rpartition("@")[2]
    mail = EmailMessage(policy=POLICY)
    mail["Subject"] = thread_subject(message)
    mail["From"] = config["sender"]
    mail["To"] = ", ".join(config["recipients"])
    mail["Date"] = format_datetime(CLOCK.now())
    mail["Message-ID"] = f"<{message.notification_id}@{domain}>"
    mail["In-Reply-To"] = mail["References"] = f"<incident-{message.thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(as_text(message))
    mail.add_alternative(as_html(message), subtype="html")
    return mail
