"""Sends messages to chats and pagers by Apprise."""

from common.alerts.kinds.chat import named_host, read_service, url_for
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.rendering import chat_body, chat_title
from common.alerts.wording import escape_markdown
from worker.alerts.outside import Outside

PORT = 443
LEVELS = {"resolved": "success", "test": "info"}
FAILURES = {"error", "critical"}


async def send(outside: Outside, channel: OpenedChannel, message: Message) -> Receipt:
    """One try. Raises what the guard and the process of Apprise raise."""
    service, host = read_service(channel.config["url"])[1], named_host(channel.config)
    # where the URL names the host, its addresses are looked up and checked here, and these alone are let through there
    pinned = [] if host is None else await outside.guard.pin(host, PORT)
    title, body = chat_title(message), chat_body(message)
    request = {
        "url": url_for(channel.config, message.thread),
        "title": escape_markdown(title) if "title" in service.escapes else title,
        "body": chat_body(message, escape_markdown) if "body" in service.escapes else body,
        "type": level_of(message),
        "pinned": pinned,
        "allow": outside.allow,
    }
    accepted, told = await outside.apprise.send(request)
    return Receipt(accepted, not accepted, told)


def level_of(message: Message) -> str:
    """How bad it is, in Apprise's words."""
    by_kind = LEVELS.get(message.kind)
    return by_kind or ("failure" if message.severity in FAILURES else "warning")
