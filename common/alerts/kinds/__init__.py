"""The kinds of channels: what each must be told to be one, and what of that may be shown. Pure.

A new kind is a file here with its `Kind`, one in `worker/alerts/channels/` that sends, and a line in each of the two lists.
"""

from collections.abc import Mapping

from common.alerts.kinds import chat, email, webhook
from common.alerts.kinds.config import Kind

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (webhook.KIND, email.KIND, chat.KIND)}
