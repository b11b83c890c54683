"""A real Postgres and a real Valkey that can be crashed, frozen and started again, each behind a proxy."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg
from redis.asyncio import Redis

from cli.embedded import ServerFailed, Servers, start_servers
from cli.embedded.postgres import DATABASE, USER
from tests.chaos.proxy import Proxy


@dataclass(slots=True)
class Store:
    """One embedded server on a home of its own. Starting and stopping block, so they happen in a thread: in one that
    lives as long as the store, since the kernel ends the server together with the thread that started it."""

    home: Path
    open: Callable[[Path], Any]
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    held: ExitStack = field(default_factory=ExitStack)
    servers: Servers | None = None

    async def start(self) -> None:
        """Raises EmbeddedFailed when the server does not come up."""
        self.servers = await asyncio.get_running_loop().run_in_executor(
            self.thread, lambda: self.held.enter_context(self.open(self.home))
        )

    async def stop(self) -> None:
        """Ask it to end, as `mayday up` does; one that was killed before is waited for."""
        await asyncio.get_running_loop().run_in_executor(self.thread, self.held.close)
        self.servers = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def crash(self) -> None:
        """SIGKILL to the server process: its children end by themselves. Start it again with `restart`."""
        os.kill(self.pid, signal.SIGKILL)
        await self.stop()

    @property
    def has_ended(self) -> bool:
        """Whether the server process ended by itself."""
        assert self.servers is not None
        assert self.servers.postgres is not None
        try:
            self.servers.postgres.refuse_end()
        except ServerFailed:
            return True
        return False

    def freeze(self) -> list[int]:
        """SIGSTOP to the server and its children. Gives whom to `thaw`."""
        processes = [self.pid, *children_of(self.pid)]
        send(processes, signal.SIGSTOP)
        return processes

    @property
    def pid(self) -> int:
        assert self.servers is not None
        return self.servers.postgres_pid or self.servers.valkey_pid


def thaw(processes: Iterable[int]) -> None:
    send(processes, signal.SIGCONT)


def send(processes: Iterable[int], wish: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, wish)


def children_of(pid: int) -> list[int]:
    """The children of a process, by /proc, so on Linux only."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def open_postgres(home: Path) -> Any:
    return start_servers(home, has_valkey=False)


def open_valkey(home: Path) -> Any:
    return start_servers(home, has_postgres=False)


@dataclass(slots=True)
class Stores:
    """Both stores. `database` and `redis` are the proxies that programs are given; we go past them."""

    postgres: Store
    valkey: Store
    database: Proxy
    redis: Proxy
    stack: AsyncExitStack

    @classmethod
    async def start(cls, home: Path) -> Self:
        postgres, valkey = Store(home / "p", open_postgres), Store(home / "v", open_valkey)
        async with AsyncExitStack() as stack:
            for store in (postgres, valkey):
                await store.start()
                stack.push_async_callback(store.stop)
            assert postgres.servers is not None
            assert postgres.servers.postgres is not None
            assert valkey.servers is not None
            assert valkey.servers.valkey is not None
            sockets = postgres.servers.postgres.sockets
            database = await stack.enter_async_context(Proxy(sockets / ".s.PGSQL.5432", reads_postgres=True))
            redis = await stack.enter_async_context(Proxy(valkey.servers.valkey.socket))
            return cls(postgres, valkey, database, redis, stack.pop_all())
        raise AssertionError("unreachable")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stack.aclose()

    def urls(self, database: str = DATABASE) -> dict[str, str]:
        """The environment of a program that reaches both stores through the proxies."""
        return {
            "MAYDAY_DATABASE_URL": f"postgresql://{USER}@127.0.0.1:{self.database.port}/{database}",
            "MAYDAY_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
        }

    def direct_url(self, database: str = DATABASE) -> str:
        """The database, past the proxy."""
        return f"postgresql://{USER}@/{database}?host={self.database.upstream.parent}"

    async def sql(self, statement: str, *values: Any, database: str = DATABASE) -> list[asyncpg.Record]:
        """Run one statement past the proxy."""
        connection = await asyncpg.connect(self.direct_url(database), timeout=10)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    def redis_client(self) -> Redis:
        """A client past the proxy."""
        return Redis(unix_socket_path=str(self.redis.upstream), socket_timeout=5)
