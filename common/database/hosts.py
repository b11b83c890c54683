"""Several Postgres servers of which one takes writes: a primary and those that may follow it.

    postgresql://user:password@pg1:5432,pg2:5432/mayday

The form is libpq's. Each new connection goes to the server that takes writes now, and one that is held to another server is
left the next time it is taken from its pool.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

import asyncpg

from common.settings.urls import split_hosts

PORT = 5432
# What else than OSError tells that a host is no use now: it follows, starts up or shuts down, or closed the connection.
NO_USE = (asyncpg.PostgresError, asyncpg.InternalClientError, asyncpg.InterfaceError)


class Host(NamedTuple):
    """Where a server listens."""

    name: str
    port: int


@dataclass(slots=True, eq=False)
class Servers:
    """The servers of one URL, for all pools of the process. `wanted`: which of them will do, as libpq's
    `target_session_attrs` says it. `current` is the one that did last."""

    hosts: tuple[Host, ...]
    wanted: str
    current: Host | None = None
    opened: "WeakKeyDictionary[Any, Host]" = field(default_factory=WeakKeyDictionary)

    async def connect(self, *, timeout: float, **options: Any) -> Any:  # noqa: ASYNC109 - as asyncpg has it
        """A connection to one that will do; it stands for `asyncpg.connect`. The last one that did is asked first, and each has
        the same part of `timeout` (seconds), so that one which hangs does not keep the next from being asked. Raises what
        asyncpg raised for the last one."""
        options |= {"target_session_attrs": self.wanted, "timeout": timeout / len(self.hosts)}
        failure: Exception | None = None
        for host in sorted(self.hosts, key=lambda one: one != self.current):
            try:
                connection = await asyncpg.connect(**{**options, "host": host.name, "port": host.port})
            except (OSError, *NO_USE) as error:
                failure = error
                continue
            self.opened[connection] = self.current = host
            return connection
        assert failure is not None  # noqa: S101 - there is at least one host
        raise failure

    def is_left(self, connection: Any) -> bool:
        """Whether a connection of ours is to another server than the one that did last."""
        return self.opened.get(connection) != self.current


@cache
def servers_of(hosts: tuple[Host, ...], wanted: str) -> Servers:
    """Those that the process knows under these addresses."""
    return Servers(hosts, wanted)


def find_servers(url: str, wanted: str = "read-write") -> Servers | None:
    """The servers of a URL that names several; None for one that names one. `wanted`: where the URL does not say it."""
    first, names = split_hosts(url)
    if len(names) < 2:
        return None
    parts = [urlsplit(f"//{name}") for name in names]
    hosts = tuple(Host(part.hostname or "", part.port or PORT) for part in parts)
    return servers_of(hosts, parse_qs(urlsplit(first).query).get("target_session_attrs", [wanted])[0])
