"""Where a channel leads to, taken apart once and strictly: what is not beyond doubt is refused. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from common.alerts.addresses import read_host

URL_CHARS = 2_000
PORTS = {"http": 80, "https": 443, "smtp": 587, "smtps": 465}
LOW_PORTS = {"http": {80, 443}, "https": {80, 443}, "smtp": {25, 465, 587}, "smtps": {25, 465, 587}}
FIRST_FREE_PORT = 1_024
PLAIN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Target:
    """A server: `host` as `read_host` gives it; `path` with its query, as it is sent. The path may be a secret."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What may be shown of it."""
        return f"{self.scheme}://{self.authority}"


def read_web_url(text: str) -> Target:
    """Where a URL of http or https leads to. Raises ValueError with what is wrong, without the URL."""
    parts = split_url(text, ("https", "http"))
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave user and password out of the URL")
    target = locate(parts)
    if not PLAIN.fullmatch(target.path):
        raise ValueError("write what is not ASCII in path and query as %..")
    return target


def split_url(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """The URL in its parts. Raises ValueError."""
    if len(text) > URL_CHARS:
        raise ValueError(f"a URL may have {URL_CHARS:,} characters")
    if any(char.isspace() or ord(char) < 0x21 or char in '\\<>"{}|^`\x7f' for char in text):
        raise ValueError("a URL has no blanks, backslashes and the like in it")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("this is no URL") from None
    if parts.scheme not in schemes or not text.lower().startswith(f"{parts.scheme}://") or not parts.hostname:
        raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)} and a host")
    if parts.fragment or "#" in text:
        raise ValueError("leave out what follows #: it is never sent")
    return parts


def locate(parts: SplitResult) -> Target:
    """Host, port and path of a URL in its parts. Raises ValueError."""
    host = read_host(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "")
    named = port_of(parts)
    port = PORTS[parts.scheme] if named is None else named
    if port not in LOW_PORTS[parts.scheme] and port < FIRST_FREE_PORT:
        allowed = ", ".join(map(str, sorted(LOW_PORTS[parts.scheme])))
        raise ValueError(f"port {port}: take {allowed}, or one from {FIRST_FREE_PORT} on")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def port_of(parts: SplitResult) -> int | None:
    """The port that it names, if any. Raises ValueError."""
    try:
        return parts.port
    except ValueError:
        raise ValueError("the port is no number from 1 to 65535") from None
