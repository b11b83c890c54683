"""Two tenants behind one proxy, over one kept connection: neither may ever get what is the other's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.settings import Settings
from tests.api.serving import serving
from tests.attacks.proxies import PROXIES, Proxy, in_front
from tests.attacks.raw_http import IS_LONG, Told, connected
from tests.conftest import Project, Service

ROUNDS = 20 if IS_LONG else 1
OFFERS = {
    "foo": "Connection: Upgrade\r\nUpgrade: foo\r\n",
    "websocket": "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
    "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n",
    "nothing": "",
}


@dataclass(frozen=True, slots=True)
class Tenant:
    name: str
    ingest: str
    read: str

    @classmethod
    async def of(cls, name: str, project: Project) -> "Tenant":
        await project.send({"service": "s", "severity": "error", "message": f"of {name} alone"})
        return cls(name, *(client.headers["Authorization"] for client in (project.ingest, project.read)))

    def asks(self, more: str = "") -> str:
        return f"GET /api/errors/recent HTTP/1.1\r\nHost: mayday\r\nAuthorization: {self.read}\r\n{more}\r\n"

    def smuggles(self, offer: str) -> list[str]:
        """Posts whose body is a request of its own, whole or waiting for what comes next."""
        hidden = self.asks("X-Hidden: 1\r\n")
        half = f"GET /livez HTTP/1.1\r\nHost: mayday\r\nAuthorization: {self.read}\r\nX: "
        late = "\r\n" * 10_000 + hidden  # large enough for proxies to send it in a packet of its own
        post = f"POST /api/errors/log HTTP/1.1\r\nHost: mayday\r\nAuthorization: {self.ingest}\r\n{offer}"
        chunked = "Transfer-Encoding: chunked\r\n\r\n"
        return [
            *(f"{post}Content-Length: {len(body)}\r\n\r\n{body}" for body in (hidden, hidden * 3, half, late)),
            f"{post}{chunked}{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n",
            f"{post}Content-Length: 5\r\n{chunked}0\r\n\r\n{hidden}",
            f"{post}Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}",
            f"{post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{hidden}",
        ]


async def overhear(port: int, request: str) -> list[Told]:
    """All that a connection is told in a moment, which sends this and stays."""
    told: list[Told] = []
    async with connected(port) as client:
        await client.send(request.encode())
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                while one := await client.answer():
                    told.append(one)
    return told


@pytest.fixture
async def tenants(service: Service) -> tuple[Tenant, Tenant]:
    return await Tenant.of("A", await service.project("a")), await Tenant.of("B", await service.project("b"))


@pytest.fixture
async def upstream(settings: Settings) -> AsyncIterator[int]:
    async with serving(settings, keep_alive_seconds=60) as port:
        yield port


async def is_own(port: int, tenant: Tenant, other: Tenant) -> bool:
    """Whether it gets its own rows and nothing else."""
    async with connected(port) as client:
        await client.send(tenant.asks().encode())
        told = await client.answer()
    own, others = f"of {tenant.name} alone".encode(), f"of {other.name} alone".encode()
    return told is not None and told.status == 200 and own in told.body and others not in told.body


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.__name__)
async def test_no_tenant_gets_what_is_anothers(
    proxy: Proxy, upstream: int, tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    a, b = tenants
    async with in_front(proxy, tmp_path, upstream) as port:
        assert await is_own(port, a, b)
        assert await is_own(port, b, a)
        for attacker, other in ((a, b), (b, a)):
            for name, offer in OFFERS.items():
                for number, attack in enumerate(attacker.smuggles(offer) * ROUNDS):
                    told, _ = await asyncio.gather(overhear(port, attack), is_own(port, other, attacker))
                    assert all(f"of {other.name} alone".encode() not in one.body for one in told), (name, number)
                    assert await is_own(port, other, attacker), (name, number)


@pytest.mark.parametrize("proxy", PROXIES, ids=lambda proxy: proxy.__name__)
async def test_the_next_request_on_the_kept_connection_gets_its_own_answer(
    proxy: Proxy, upstream: int, tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    """One after the other, so that it is the connection of the attack which is used again."""
    a, b = tenants
    async with in_front(proxy, tmp_path, upstream) as port:
        for _ in range(2 * ROUNDS):
            for offer in OFFERS.values():
                for attack in a.smuggles(offer)[:5]:
                    async with connected(port) as client:
                        assert await client.ask(attack.encode()) == [422]
                        assert await is_own(port, b, a)
