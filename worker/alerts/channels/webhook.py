"""Sends messages as webhooks, signed by Standard Webhooks."""

from common.alerts.kinds.webhook import signed_headers, target_of
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.rendering import as_event
from common.database.clock import CLOCK
from worker.alerts.guarded_client import Answer
from worker.alerts.outside import Outside

SECONDS = 10.0
GONE = 410  # the receiver wants nothing any more
RETRY_AFTER_MAX_SECONDS = 3_600.0


async def send(outside: Outside, channel: OpenedChannel, message: Message) -> Receipt:
    """One try. Raises what the client raises."""
    body, message_id = as_event(message), str(message.notification_id)
    headers = {
        "Content-Type": "application/json",
        **signed_headers(channel.config, message_id, CLOCK.now(), body),
    }
    return judge(await outside.client.post(target_of(channel.config), body, headers, seconds=SECONDS))


def judge(answer: Answer) -> Receipt:
    """What the answer means. Whatever is no success may be one later, but where the receiver is gone for good."""
    told = f"{answer.status} {answer.body.decode(errors='replace')}"
    if 200 <= answer.status < 300:
        return Receipt(True, False, told)
    if 300 <= answer.status < 400:
        told = f"{answer.status}: redirects are not followed, give the URL that it leads to"
    return Receipt(False, answer.status != GONE, told, read_retry_after(answer.headers.get("retry-after", "")))


def read_retry_after(text: str) -> float | None:
    """Seconds, bounded; dates and rubbish are none."""
    return min(float(text), RETRY_AFTER_MAX_SECONDS) if text.isascii() and text.isdigit() and len(text) < 10 else None
