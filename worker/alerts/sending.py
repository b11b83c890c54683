"""Sends a message through a channel, whatever its kind, and says in one receipt how that went: raises nothing."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace

import httpcore
import structlog

from common.alerts.kinds import KINDS
from common.alerts.message import TOLD_CHARS, Message, OpenedChannel, Receipt
from common.alerts.wording import clean, hide
from common.settings.alerts import ChannelSettings
from worker.alerts.apprise_process import AppriseFailed
from worker.alerts.channels import SENDERS, Send
from worker.alerts.guarded_client import AddressRefused
from worker.alerts.outside import Outside

log = structlog.get_logger()

DEADLINE_SECONDS = 25.0  # over all, for every kind


class Sender:
    """What the worker sends with. `send` may run many times at once."""

    def __init__(
        self, settings: ChannelSettings, *, outside: Outside | None = None, senders: Mapping[str, Send] = SENDERS
    ) -> None:
        self.outside = outside or Outside(settings)
        self.senders = senders

    async def close(self) -> None:
        await self.outside.close()

    async def send(self, channel: OpenedChannel, message: Message, *, attempt: int) -> Receipt:
        """Try once to send it, within DEADLINE_SECONDS. `attempt` counts from 1, for the log. Raises nothing but
        cancellation: what went wrong is in the receipt, in one line without the channel's secrets."""
        receipt = self.tidy(channel, await self.try_to_send(channel, message))
        log.info(
            "alert_sent" if receipt.accepted else "alert_not_sent",
            channel_id=str(channel.channel_id), kind=channel.kind, notification_id=str(message.notification_id),
            attempt=attempt, told=receipt.told,
        )  # fmt: skip
        return receipt

    async def try_to_send(self, channel: OpenedChannel, message: Message) -> Receipt:
        send = self.senders.get(channel.kind)
        if send is None:
            return Receipt(False, True, f"this release knows no channels of the kind {channel.kind}")
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await send(self.outside, channel, message)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is how it went; no text of it is trusted
            return Receipt(False, True, describe(error))

    def tidy(self, channel: OpenedChannel, receipt: Receipt) -> Receipt:
        """The receipt without secrets, and with what was told in one line."""
        return replace(receipt, told=clean(hide(receipt.told, secrets_of(channel)), TOLD_CHARS))


def secrets_of(channel: OpenedChannel) -> list[str]:
    """What may not be told of it; nothing where its config is none that this release reads, and so was sent to nobody."""
    try:
        return KINDS[channel.kind].secrets(channel.config)
    except (LookupError, TypeError, ValueError):
        return []


def describe(error: Exception) -> str:
    """What went wrong on the way, in words of ours: texts of libraries may hold what they were given."""
    match error:
        case AddressRefused() | AppriseFailed():
            return str(error)
        case TimeoutError() | httpcore.TimeoutException():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid: {error.verify_message}"
        case socket.gaierror():
            return "there is no such host, or the name service does not answer"
        case httpcore.ConnectError() if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
            return "no TLS with it: its certificate is not valid for this name, or it speaks no TLS"
        case httpcore.ConnectError() | ConnectionRefusedError():
            return "it takes no connections"
        case httpcore.ProtocolError():
            return "it does not speak HTTP"
        case httpcore.NetworkError() | OSError():
            return "the connection was lost"
    return f"failed: {type(error).__name__}"
