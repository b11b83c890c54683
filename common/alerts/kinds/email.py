"""E-mail: an SMTP server with its login, and who the mail is from and for. Pure."""

import re
from typing import Any
from urllib.parse import unquote

from common.alerts.kinds.config import Config, Kind
from common.alerts.targets import Target, locate, split_url

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
RECIPIENTS_MAX = 20


def make(sent: Config, _before: Config | None = None) -> dict[str, Any]:
    """From `url` (smtp://user:password@host:587, or smtps:// for TLS from the first byte), `sender` and `recipients`. Raises
    ValueError."""
    recipients, sender = list(sent["recipients"]), sent["sender"]
    if not 1 <= len(recipients) <= RECIPIENTS_MAX:
        raise ValueError(f"to: name 1 to {RECIPIENTS_MAX} addresses")
    for address in (sender, *recipients):
        if len(address) > 254 or not ADDRESS.fullmatch(address):
            raise ValueError("from and to are bare addresses in ASCII, as ops@shop.example")
    parts = split_url(sent["url"], ("smtp", "smtps"))
    if parts.path not in ("", "/") or parts.query:
        raise ValueError("a URL of SMTP has no path: smtp://user:password@host:587")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("give user and password, or neither")
    locate(parts)
    return {"url": sent["url"], "sender": sender, "recipients": recipients}


def server_of(config: Config) -> Target:
    return locate(split_url(config["url"], ("smtp", "smtps")))


def login_of(config: Config) -> tuple[str, str] | None:
    """User and password, where the URL has them."""
    parts = split_url(config["url"], ("smtp", "smtps"))
    return None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))


def secrets(config: Config) -> list[str]:
    quoted = split_url(config["url"], ("smtp", "smtps")).password
    return [config["url"], *([quoted, unquote(quoted)] if quoted else [])]


def hint(config: Config) -> str:
    others = len(config["recipients"]) - 1
    return f"{config['recipients'][0]}{f' and {others} more' if others else ''} by {server_of(config).origin}"


KIND = Kind(name="email", make=make, hint=hint, secrets=secrets, host=lambda config: server_of(config).host)
