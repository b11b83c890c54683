"""What URLs of servers may look like, and whether a password in one is good enough. Pure."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
PASSWORD_CHARS = 12
DEFAULT_PASSWORDS = (
    "password",
    "passwd",
    "postgres",
    "redis",
    "mayday",
    "secret",
    "admin",
    "change",
    "default",
    "1234",
)
SENTINEL = r"(\[[0-9a-fA-F:.]+\]|[^@/,:?\[\]]+)(:\d{1,5})?"
SENTINEL_URL = re.compile(rf"redis\+sentinel://([^@/]*@)?{SENTINEL}(,{SENTINEL})*/[^/?]+(/\d+)?")
POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
REDIS = ("redis://", "rediss://", "unix://", "redis+sentinel://")


def refuse_unknown_scheme(url: str, schemes: tuple[str, ...]) -> str:
    """The URL as it is. Raises ValueError with the forms that may be used; an empty one is no URL and passes."""
    if url and not url.startswith(schemes):
        raise ValueError(f"must begin with {' or '.join(schemes)}")
    if url.startswith("redis+sentinel://") and not SENTINEL_URL.fullmatch(url):
        raise ValueError("Sentinels are named as redis+sentinel://user:password@host:26379,host:26379/name/0")
    return url


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
        return "" if is_here and parts.scheme.startswith("redis") else "has no password: production mode wants one"
    known = {name for name in (parts.username, parts.path.strip("/"), parts.hostname) if name}
    if len(password) < PASSWORD_CHARS or len(set(password)) < PASSWORD_CHARS // 2:
        return f"has a weak password: production mode wants {PASSWORD_CHARS} characters or more, made at random"
    if any(word in password.lower() for word in (*DEFAULT_PASSWORDS, *known)) and len(password) < 2 * PASSWORD_CHARS:
        return "has a password with a well-known word in it: production mode wants one made at random"
    return ""
