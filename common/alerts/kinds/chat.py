"""Chats and pagers: a URL of Apprise, of a service on this list alone. Pure.

Apprise knows two hundred kinds of URLs, some of which read files, start programs or open ports. Here is named which may be
used, what may stand behind their `?`, and which of them lead to a host that the URL names.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from common.alerts.addresses import read_host
from common.alerts.kinds.config import Config, Kind
from common.alerts.targets import FIRST_FREE_PORT, port_of, split_url

SECRET_CHARS = 6  # a part of a URL that is as long may be a token


@dataclass(frozen=True, slots=True)
class Service:
    """A service that Apprise sends to. With `is_own_host` the URL names the host, which must end with one of `hosts` where
    there are any; all others have their host in Apprise. `arguments` may stand behind the `?`. `escapes` are the texts in
    which the service reads Markdown that Apprise leaves as it is. `incident` is what tells a pager which incident it is about:
    arguments that are added, `{}` in them is that of the message."""

    label: str
    arguments: frozenset[str] = frozenset()
    is_own_host: bool = False
    hosts: tuple[str, ...] = ()
    escapes: frozenset[str] = frozenset()
    incident: str = ""


BOTH, TITLE = frozenset({"title", "body"}), frozenset({"title"})
SERVICES = {
    "discord": Service("Discord", frozenset({"thread"}), escapes=BOTH),
    "gchat": Service("Google Chat", frozenset({"thread"})),
    "gotify": Service("Gotify", frozenset({"priority"}), is_own_host=True),
    "gotifys": Service("Gotify", frozenset({"priority"}), is_own_host=True),
    "mmost": Service("Mattermost", frozenset({"channel"}), is_own_host=True, escapes=BOTH),
    "mmosts": Service("Mattermost", frozenset({"channel"}), is_own_host=True, escapes=BOTH),
    "ntfy": Service("ntfy", frozenset({"priority"}), is_own_host=True),
    "ntfys": Service("ntfy", frozenset({"priority"}), is_own_host=True),
    "pagerduty": Service("PagerDuty", frozenset({"region"}), incident="action=map&dedup={}"),
    "pover": Service("Pushover", frozenset({"priority", "sound"})),
    "slack": Service("Slack"),
    "splunk": Service("Splunk On-Call", incident="entity_id={}"),
    "tgram": Service("Telegram", frozenset({"topic"})),
    "workflows": Service(
        "Teams",
        frozenset({"pa"}),
        is_own_host=True,
        hosts=(".logic.azure.com", ".api.powerplatform.com"),
        escapes=TITLE,
    ),
    "wxteams": Service("Webex"),
    "zulip": Service("Zulip", escapes=BOTH),
}


def make(sent: Config, _before: Config | None = None) -> dict[str, Any]:
    """From `url`. Raises ValueError."""
    url = sent["url"]
    read_service(url)
    return {"url": url}


def read_service(url: str) -> tuple[str, Service]:
    """The scheme of the URL and what it stands for. Raises ValueError."""
    parts = split_url(url, tuple(SERVICES))
    service = SERVICES[parts.scheme]
    given = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if not service.arguments.issuperset(given):
        allowed = ", ".join(sorted(service.arguments)) or "nothing"
        raise ValueError(f"{service.label}: {allowed} alone may stand behind the ?")
    if service.is_own_host:
        host = host_of(url)
        if service.hosts and not host.endswith(service.hosts):
            raise ValueError(f"{service.label}: its host ends with {' or '.join(service.hosts)}")
        port = port_of(parts)
        if port is not None and port not in (80, 443) and port < FIRST_FREE_PORT:
            raise ValueError(f"port {port}: take 80, 443, or one from {FIRST_FREE_PORT} on")
    return parts.scheme, service


def host_of(url: str) -> str:
    """The host that a URL of one's own server names (`read_host`). Raises ValueError."""
    hostname = split_url(url, tuple(SERVICES)).hostname or ""
    return read_host(f"[{hostname}]" if ":" in hostname else hostname)


def is_topic(scheme: str, url: str) -> bool:
    """Of ntfy://topic the host is the topic, at ntfy.sh."""
    return scheme.startswith("ntfy") and url.rstrip("/").count("/") == 2 and "@" not in url


def named_host(config: Config) -> str | None:
    """The host that the URL names; None where Apprise has it."""
    scheme, service = read_service(config["url"])
    return host_of(config["url"]) if service.is_own_host and not is_topic(scheme, config["url"]) else None


def url_for(config: Config, thread: str) -> str:
    """The URL for one incident (`Message.thread`)."""
    url, incident = config["url"], read_service(config["url"])[1].incident.format(thread)
    return f"{url}{'&' if '?' in url else '?'}{incident}" if incident else url


def secrets(config: Config) -> list[str]:
    """Every part of the URL that may be a token, as it stands there and unquoted; not the host that it names."""
    rest = config["url"].partition("://")[2]
    pieces = re.split("[/?&=@]", rest)
    parts = [part for piece in pieces for part in (piece, *piece.split(":"))]
    host = named_host(config)
    long = [part for part in parts if len(part) >= SECRET_CHARS and part.partition(":")[0] != host]
    return [config["url"], rest, *long, *map(unquote, long)]


def hint(config: Config) -> str:
    label, host = read_service(config["url"])[1].label, named_host(config)
    return label if host is None else f"{label}, {host}"


KIND = Kind(name="chat", make=make, hint=hint, secrets=secrets, host=named_host)
