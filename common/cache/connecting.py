"""From a URL to connections: to one Redis, or to the primary that Sentinels name.

    redis+sentinel://user:password@sentinel1:26379,sentinel2:26379/name/0

`name` is what the Sentinels call the primary, 0 its database; user and password are those of the primary. Each new
connection asks where it is, so a failover needs no restart: what breaks with the old primary is opened to the new one.
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool

SENTINEL = "redis+sentinel"
SENTINEL_PORT = 26379


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary; closes those to the Sentinels with them."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose()


def make_pool(url: str, **options: Any) -> ConnectionPool:
    """A pool that opens nothing yet; `options` are those of redis-py's connections."""
    if url.startswith("rediss://"):
        # redis-py takes any name in a certificate unless it is told to look; the URL may say otherwise
        return ConnectionPool.from_url(url, **{"ssl_check_hostname": True, **options})
    if not url.startswith(f"{SENTINEL}://"):
        return ConnectionPool.from_url(url, **options)
    sentinels, name, primary = read_sentinel_url(url)
    patience = {key: value for key, value in options.items() if key.startswith("socket_")}
    manager = Sentinel(sentinels, sentinel_kwargs=patience)  # type: ignore[no-untyped-call]
    return PrimaryPool(name, manager, **primary, **options)  # type: ignore[no-untyped-call]


def read_sentinel_url(url: str) -> tuple[list[tuple[str, int]], str, dict[str, Any]]:
    """Where the Sentinels are, what they call the primary, and how to log in there. Pure; settings checked the form."""
    # by hand: newer Pythons refuse to split a URL with an address in brackets among several hosts
    place, _, path = url.removeprefix(f"{SENTINEL}://").partition("/")
    login, _, hosts = place.rpartition("@")
    user, _, password = login.partition(":")
    name, _, database = path.partition("/")
    places = [urlsplit(f"//{host}") for host in hosts.split(",")]
    primary: dict[str, Any] = {"db": int(database or 0)}
    primary |= {key: unquote(value) for key, value in (("username", user), ("password", password)) if value}
    return [(place.hostname or "", place.port or SENTINEL_PORT) for place in places], name, primary


def make_redis(url: str, **options: Any) -> Redis:
    """A client that closes its pool. Opens nothing yet."""
    return Redis.from_pool(make_pool(url, **options))
