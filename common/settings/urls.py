"""What URLs of servers may look like, and whether a password in one is good enough. Pure."""

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

from common.settings.passwords import find_weakness_of

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
HOST = r"(\[[0-9a-fA-F:.]+\]|[^@/,:?\[\]]+)(:\d{1,5})?"
SENTINEL_URL = re.compile(rf"redis\+sentinel://([^@/]*@)?{HOST}(,{HOST})*/[^/?]+(/\d+)?")
SEVERAL_HOSTS = re.compile(rf"{HOST}(,{HOST})+")
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
    if schemes is POSTGRES and "," in url:
        split_hosts(url)
    return url


def split_hosts(url: str) -> tuple[str, list[str]]:
    """A URL of Postgres with the first of its hosts alone, and all of them, as `name`, `name:port` or `[address]:port`; none
    where a socket is meant. Raises ValueError."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, place = authority.rpartition("@")
    if "," not in place:
        return url, [place] if place else []
    if not SEVERAL_HOSTS.fullmatch(place):
        raise ValueError("several hosts are named as postgresql://user:password@host:5432,host:5432/name")
    hosts = place.split(",")
    return f"{scheme}://{login}{at}{hosts[0]}{rest.removeprefix(authority)}", hosts


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
    authority = AUTHORITY.match(url)
    if not password or not authority or not authority["place"] or ":" in authority["place"].rpartition("@")[0]:
        return url
    user, _, hosts = authority["place"].rpartition("@")
    start, end = authority.span("place")
    return f"{url[:start]}{user}:{quote(password, safe='')}@{hosts}{url[end:]}"


def find_weakness(url: str) -> str:
    """What is wrong with the password of a server's URL, without a word of it; empty when nothing is.

    Sockets have none, nor has Redis on this host, nor a client that shows a certificate. Pure.
    """
    # by the first of several hosts: newer Pythons refuse to split a URL with an address in brackets among them
    parts = urlsplit(split_hosts(url)[0] if url.startswith(POSTGRES) else url)
    options = parse_qs(parts.query)
    is_here = parts.hostname in LOCAL_HOSTS
    if not parts.hostname or "sslcert" in options or "ssl_certfile" in options:
        return ""
    password = unquote(parts.password or "")
    if not password:
        return "" if is_here and parts.scheme.startswith("redis") else LACKS_ONE
    return find_weakness_of(password, unquote(parts.username or ""))
