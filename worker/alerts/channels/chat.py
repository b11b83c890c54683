"""Sends messages to chats and pagers by Apprise."""

from common.alerts.kinds.chat import host_of, read_service
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.rendering import chat_body, chat_title
from common.alerts.wording import escape_markdown
from worker.alerts.outside import Outside

PORT = 443
LEVELS = {"resolved": "success", "test": "info"}
FAILURES = {"error", "critical"}


async def send(outside: Outside, channel: OpenedChannel, message: Message) -> Receipt:
    """One try. Raises what the guard and the process of Apprise raise."""
    url = channel.config["url"]
    scheme, service = read_service(url)
    # where the URL names the host, its addresses are looked up and checked here, and these alone are let through there
    is_host = service.is_own_host and not is_topic(scheme, url)
    pinned = await outside.guard.pin(host_of(url), PORT) if is_host else []
    title, body = chat_title(message), chat_body(message)
    request = {
        "url": url,
        "title": escape_markdown(title) if "title" in service.escapes else title,
        "body": chat_body(message, escape_markdown) if "body" in service.escapes else body,
        "type": level_of(message),
        "pinned": pinned,
        "allow": outside.allow,
    }
    accepted, told = await outside.apprise.send(request)
    return Receipt(accepted, not accepted, told)


def is_topic(scheme: str, url: str) -> bool:
    """Of ntfy://topic the host is the topic, at ntfy.sh."""
    return scheme.startswith("ntfy") and url.rstrip("/").count("/") == 2 and "@" not in url


def level_of(message: Message) -> str:
    """How bad it is, in Apprise's words."""
    by_kind = LEVELS.get(message.kind)
    return by_kind or ("failure" if message.severity in FAILURES else "warning")
