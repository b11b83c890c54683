"""Webhooks: a URL, and the secrets that requests to it are signed with (Standard Webhooks 1.0). Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from common.alerts.kinds.config import Config, Kind
from common.alerts.targets import Target, read_web_url

PREFIX, SECRET_BYTES = "whsec_", 32
OLD_SECRET_HOURS = 24  # how long requests are signed with the secret before too
SECRETS_MAX = 2


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def make(sent: Config, before: Config | None = None) -> dict[str, Any]:
    """A config with a secret of its own, or with those that it had before. Raises ValueError."""
    read_web_url(sent["url"])
    return {"url": sent["url"], "secrets": before["secrets"] if before else [{"secret": make_secret(), "until": None}]}


def target_of(config: Config) -> Target:
    return read_web_url(config["url"])


def rotate(config: Config, now: datetime) -> dict[str, Any]:
    """The config with a new secret; the one before is valid for OLD_SECRET_HOURS more, those before it no more."""
    until = (now + timedelta(hours=OLD_SECRET_HOURS)).isoformat()
    before = {**config["secrets"][0], "until": until}
    return {**config, "secrets": [{"secret": make_secret(), "until": None}, before][:SECRETS_MAX]}


def valid_secrets(config: Config, now: datetime) -> list[str]:
    """The secrets to sign with, the newest first."""
    return [
        one["secret"] for one in config["secrets"] if one["until"] is None or now < datetime.fromisoformat(one["until"])
    ]


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature in the form `v1,<base64>`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(config: Config, message_id: str, now: datetime, body: bytes) -> Mapping[str, str]:
    """What a request carries: the id stays from try to try, time and signatures are of this one."""
    timestamp = int(now.timestamp())
    signatures = [sign(secret, message_id, timestamp, body) for secret in valid_secrets(config, now)]
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": " ".join(signatures)}


KIND = Kind(
    name="webhook",
    make=make,
    hint=lambda config: target_of(config).origin,
    # the path too: with many receivers whoever knows it may post there
    secrets=lambda config: [
        config["url"],
        *([path] if len(path := target_of(config).path) > 1 else []),
        *(one["secret"] for one in config["secrets"]),
    ],
    host=lambda config: target_of(config).host,
)
