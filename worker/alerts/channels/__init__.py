"""What sends messages, a module for each kind of channel: `SENDERS` is the one list of them."""

from collections.abc import Awaitable, Callable, Mapping

from common.alerts.message import Message, OpenedChannel, Receipt
from worker.alerts.channels import chat, email, webhook
from worker.alerts.outside import Outside

# Sends one message once. May raise whatever the way there raises: `Sender` turns that into a receipt.
Send = Callable[[Outside, OpenedChannel, Message], Awaitable[Receipt]]

SENDERS: Mapping[str, Send] = {"webhook": webhook.send, "email": email.send, "chat": chat.send}
