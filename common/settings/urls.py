"""What URLs of servers may look like, and whether a password in one is good enough. Pure."""

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

from common.settings.passwords import find_weakness_of

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
SENTINEL = r"(\[[0-9a-fA-F:.]+\]|[^@/,:?\[\]]+)(:\d{1,5})?"
SENTINEL_URL = re.compile(rf"redis\+sentinel://([^@/]*@)?{SENTINEL}(,{SENTINEL})*/[^/?]+(/\d+)?")
AUTHORITY = re.compile(r"[a-z+]+://(?P<place>[^/?#]*)")
HOST_AND_PORT = re.compile(r"[^:@]+:\d{1,5}")
# The password up to the last `@`, which no host, path or option has.
LOGIN = re.compile(r"(?P<scheme>[a-z+]+://)(?P<user>[^:/?#@]*):(?P<password>.+)@(?P<rest>[^@]*)", re.DOTALL)
UNRESERVED = "%!$&'()*+,;=:~"  # what may stand in a password, and what is encoded already
LACKS_ONE = (
    "has no password: production mode wants one (what is not a letter or digit in it is written as in %2F, or give it in "
    "MAYDAY_DATABASE_PASSWORD or MAYDAY_REDIS_PASSWORD as it is)"
)
POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
REDIS = ("redis://", "rediss://", "unix://", "redis+sentinel://")


def refuse_unknown_scheme(url: str, schemes: tuple[str, ...]) -> str:
    """The URL as it is. Raises ValueError with the forms that may be used; an empty one is no URL and passes."""
    if url and not url.startswith(schemes):
        raise ValueError(f"must begin with {' or '.join(schemes)}")
    if url.startswith("redis+sentinel://") and not SENTINEL_URL.fullmatch(url):
        raise ValueError("Sentinels are named as redis+sentinel://user:password@host:26379,host:26379/name/0")
    return url


def encode_login(url: str) -> str:
    """The URL, with what stands in its user and password and would end them there encoded: `/`, `?`, `#`, `@`. Base64 has
    a `/` in every second password, and each library would take another part of the URL for it."""
    authority = AUTHORITY.match(url)
    found = LOGIN.fullmatch(url)
    if not authority or not found or authority["place"].count("@") == 1 or HOST_AND_PORT.fullmatch(authority["place"]):
        return url
    return f"{found['scheme']}{found['user']}:{quote(found['password'], safe=UNRESERVED)}@{found['rest']}"


def fill_in_password(url: str, password: str) -> str:
    """The URL with this password, as it is, where it leads to a host and has none."""
    parts = urlsplit(url)
    if not password or not parts.netloc or ":" in parts.netloc.rpartition("@")[0]:
        return url
    user, _, hosts = parts.netloc.rpartition("@")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}:{quote(password, safe='')}@{hosts}{rest.removeprefix(parts.netloc)}"


def find_weakness(url: str) -> str:
    """What is wrong with the password of a server's URL, without a word of it; empty when nothing is.

    Sockets have none, nor has Redis on this host, nor a client that shows a certificate. Pure.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    is_here = parts.hostname in LOCAL_HOSTS
    if not parts.hostname or "sslcert" in options or "ssl_certfile" in options:
        return ""
    password = unquote(parts.password or "")
    if not password:
        return "" if is_here and parts.scheme.startswith("redis") else LACKS_ONE
    return find_weakness_of(password, unquote(parts.username or ""))
