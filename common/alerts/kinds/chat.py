"""Chats and pagers: a URL of Apprise, of a service on this list alone. Pure.

Apprise knows two hundred kinds of URLs, some of which read files, start programs or open ports. Here is named which may be
used, what may stand behind their `?`, and which of them lead to a host that the URL names.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from common.alerts.addresses import read_host
from common.alerts.kinds.config import Config, Kind
from common.alerts.targets import FIRST_FREE_PORT, split_url

SECRET_CHARS = 6  # a part of a URL that is as long may be a token


@dataclass(frozen=True, slots=True)
class Service:
    """A service that Apprise sends to. With `is_own_host` the URL names the host, which must end with one of `hosts` where
    there are any; all others have their host in Apprise. `arguments` may stand behind the `?`. `escapes` are the texts in
    which the service reads Markdown that Apprise leaves as it is."""

    label: str
    arguments: frozenset[str] = frozenset()
    is_own_host: bool = False
    hosts: tuple[str, ...] = ()
    escapes: frozenset[str] = frozenset()


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
    "opsgenie": Service("Opsgenie", frozenset({"region", "priority", "tags"})),
    "pagerduty": Service("PagerDuty", frozenset({"region"})),
    "pover": Service("Pushover", frozenset({"priority", "sound"})),
    "slack": Service("Slack"),
    "splunk": Service("Splunk On-Call"),
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


def make(sent: Config) -> dict[str, Any]:
    """From `url`. Raises ValueError."""
    url = sent["url"]
    read_service(url)
    return {"url": url}


def read_service(url: str) -> tuple[str, Service]:
    """The scheme of the URL and what it stands for. Raises ValueError."""
    parts = split_url(url, tuple(SERVICES))
    service = SERVICES[parts.scheme]
    given = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if unknown := [name for name in given if name not in service.arguments]:
        allowed = ", ".join(sorted(service.arguments)) or "nothing"
        raise ValueError(f"{service.label}: {allowed} may stand behind the ?, not {unknown[0][:40]}")
    if service.is_own_host:
        host = host_of(url)
        if service.hosts and not host.endswith(service.hosts):
            raise ValueError(f"{service.label}: its host ends with {' or '.join(service.hosts)}")
        if parts.port is not None and parts.port not in (80, 443) and parts.port < FIRST_FREE_PORT:
            raise ValueError(f"port {parts.port}: take 80, 443, or one from {FIRST_FREE_PORT} on")
    return parts.scheme, service


def host_of(url: str) -> str:
    """The host that a URL of one's own server names (`read_host`). Raises ValueError."""
    hostname = split_url(url, tuple(SERVICES)).hostname or ""
    return read_host(f"[{hostname}]" if ":" in hostname else hostname)


def secrets(config: Config) -> list[str]:
    """Every part of the URL that may be a token, as it stands there and unquoted."""
    rest = config["url"].partition("://")[2]
    parts = [
        part for piece in rest.replace("?", "/").replace("@", "/").split("/") for part in (piece, *piece.split(":"))
    ]
    long = [part for part in parts if len(part) >= SECRET_CHARS]
    return [config["url"], rest, *long, *map(unquote, long)]


def hint(config: Config) -> str:
    scheme, service = read_service(config["url"])
    own = scheme in SERVICES and service.is_own_host
    # of ntfy://topic the topic is the secret
    is_topic = scheme.startswith("ntfy") and "." not in host_of(config["url"])
    return f"{service.label}, {host_of(config['url'])}" if own and not is_topic else service.label


KIND = Kind(name="chat", make=make, hint=hint, secrets=secrets)
