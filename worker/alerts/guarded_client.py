"""The one way by which the worker speaks to the outside: it resolves a name once, connects to the very address that it has
checked, and takes a bounded answer within a bounded time.

Nothing is followed, no proxy of the environment is asked, no cookie or connection is kept. TLS is checked by the name, not by
the address.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any

import certifi
import httpcore

from common.alerts.addresses import AllowList
from common.alerts.targets import Target
from common.version import VERSION

ANSWER_BYTES = 4_096  # of which people are shown a line
CONNECT_SECONDS = 5.0
ADDRESSES_TRIED = 3
USER_AGENT = f"Mayday/{VERSION}"

# The addresses of a host, as text, in the order in which they are to be tried. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class AddressRefused(Exception):
    """The host leads to addresses that channels may not lead to. The text says what would allow it."""


async def resolve_by_system(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: `body` is the beginning of it, `headers` have small names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Guard:
    """Turns a host into addresses that may be connected to now."""

    def __init__(self, allowed: AllowList, resolve: Resolve = resolve_by_system) -> None:
        self.allowed = allowed
        self.resolve = resolve

    async def pin(self, host: str, port: int) -> list[str]:
        """The addresses of this host (`read_host`) that may be spoken to, at least one. Raises AddressRefused, OSError."""
        found = [address.partition("%")[0] for address in await self.resolve(host, port)]
        good = [address for address in found if self.allowed.allows(host, ip_address(address))]
        if not good:
            raise AddressRefused(
                f"{host} leads to an address that is not public: name it in MAYDAY_ALERTS_ALLOW if that is meant"
            )
        return good[:ADDRESSES_TRIED]

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket to this host, for protocols that are not HTTP. Raises AddressRefused, OSError."""
        *others, last = await self.pin(host, port)
        for address in others:
            try:
                return await connect_to(address, port)
            except OSError:
                continue
        return await connect_to(last, port)


async def connect_to(address: str, port: int) -> socket.socket:
    """Connect to an address, within CONNECT_SECONDS. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(connection, (address, port))
    except BaseException:
        connection.close()
        raise
    return connection


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore to addresses that the guard gave, and to nothing else."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises AddressRefused, OSError, httpcore.ConnectError, httpcore.ConnectTimeout."""
        *others, last = await self.guard.pin(host, port)
        connect = partial(
            self.network.connect_tcp,
            port=port, timeout=timeout, local_address=local_address, socket_options=socket_options,
        )  # fmt: skip
        for address in others:
            try:
                return await connect(address)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await connect(last)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("channels do not lead to sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await self.network.sleep(seconds)


def make_tls() -> ssl.SSLContext:
    """Trusts what the system trusts, and what browsers do where the system has no list of its own. Takes a while."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class GuardedClient:
    """Sends single requests."""

    def __init__(self, guard: Guard, tls: Callable[[], ssl.SSLContext]) -> None:
        self.guard = guard
        self.tls = tls

    async def post(
        self, target: Target, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int = ANSWER_BYTES
    ) -> Answer:
        """Send the body there; what is answered within `seconds`, name look-up included.

        Raises AddressRefused, TimeoutError, OSError and httpcore's errors.
        """
        async with asyncio.timeout(seconds):
            tls = await asyncio.to_thread(self.tls) if target.scheme == "https" else None
            async with (
                self._connections(tls) as connections,
                self._open(connections, target, body, headers) as response,
            ):
                return Answer(response.status, read_headers(response), await read_some(response, most_bytes))

    def _connections(self, tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
        backend = GuardedBackend(self.guard)
        return httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=backend, max_keepalive_connections=0)

    def _open(
        self, connections: httpcore.AsyncConnectionPool, target: Target, body: bytes, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpcore.Response]:
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        sent = list(self._headers(target, headers).items())
        limits = {"timeout": {"connect": CONNECT_SECONDS}}
        return connections.stream("POST", url, headers=sent, content=body, extensions=limits)

    def _headers(self, target: Target, headers: Mapping[str, str]) -> dict[str, str]:
        own = {"Host": target.authority, "User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
        return {**own, **headers}


def read_headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


async def read_some(response: httpcore.Response, most_bytes: int) -> bytes:
    """The beginning of the answer; the connection is closed on what would follow."""
    read = bytearray()
    async for part in response.aiter_stream():
        read += part
        if len(read) >= most_bytes:
            break
    return bytes(read[:most_bytes])
