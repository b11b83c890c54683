"""Two real Postgres servers, of which one follows the other, and a Valkey; each server behind a proxy, as in the chaos run.

What is done to them is what an operator or Patroni does: promote the one that follows, make the other follow it anew.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from cli.embedded import Servers, make_home
from cli.embedded.account import Location, make_passable, settle_place
from cli.embedded.postgres import (
    DATABASE,
    START_SECONDS,
    STOP_SECONDS,
    USER,
    Postgres,
    find_binaries,
    flags,
    is_up,
    make_data,
)
from cli.embedded.process import last_lines, open_log, start, stop, wait_until
from tests.chaos.proxy import Proxy
from tests.chaos.stores import Store, open_valkey

# Their socket lies in a folder that none but their user enters.
ACCESS = "local all all trust\nlocal replication all trust\n"
# Asked often, so that a standby whose primary is gone is found out at once.
OPTIONS = {"wal_receiver_status_interval": "1s", "wal_retrieve_retry_interval": "200ms", "hot_standby_feedback": "on"}
FOLLOWING = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'"
SECONDS = 30.0


def places_in(home: Path) -> list[Location]:
    """Where the servers of a pair lie. Both run as one user, or neither could enter the other's folder."""
    make_home(home)
    whole = settle_place(home)
    folders = [make_passable(whole.folder / name) for name in ("a", "b")]
    return [Location(folder, whole.own(folder / "run"), whole.user) for folder in folders]


def data_of(place: Location) -> Path:
    return place.own(place.folder / "postgres") / "data"


@contextmanager
def open_server(place: Location, _home: Path) -> Iterator[Servers]:
    """The server on the data in this place, which is made where there is none."""
    binaries, data = find_binaries(place), data_of(place)
    make_data(place, binaries, data)
    access = place.folder / "access.conf"
    access.write_text(ACCESS)
    access.chmod(0o644)
    options = [
        part for name, value in (OPTIONS | {"hba_file": str(access)}).items() for part in ("-c", f"{name}={value}")
    ]
    log = data.parent / "server.log"
    command: list[str | Path] = [
        binaries / "postgres",
        "-D",
        data,
        "-k",
        place.sockets,
        *flags(data, is_durable=True),
        *options,
    ]
    with open_log(log) as output:
        process = start(place, command, output, signal.SIGINT)
    try:
        wait_until(lambda: asyncio.run(is_up(place.sockets)), process, log, START_SECONDS)
        yield Servers(Postgres(place.sockets, log, process), None)
    finally:
        stop(process, signal.SIGINT, STOP_SECONDS)


def copy_server(place: Location, leader: Location) -> None:
    """Make the data of a server anew, as that of one that follows the leader."""
    data, log = data_of(place), place.folder / "copy.log"
    source: list[str | Path] = ["-h", leader.sockets, "-U", USER]
    copy: list[str | Path] = [
        find_binaries(place) / "pg_basebackup",
        "-D",
        data,
        "-R",
        "-X",
        "stream",
        "-c",
        "fast",
        *source,
    ]
    commands: tuple[list[str | Path], ...] = (["rm", "-rf", data], copy)
    with open_log(log) as output:
        for command in commands:
            if start(place, command, output, signal.SIGKILL).wait() != 0:
                raise AssertionError(last_lines(log))


@dataclass(slots=True)
class Server:
    """One of the two."""

    place: Location
    store: Store
    proxy: Proxy

    async def sql(self, statement: str, *values: Any, database: str = DATABASE) -> list[asyncpg.Record]:
        """Run one statement, past the proxy."""
        connection = await asyncpg.connect(self.url(database), timeout=10)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}@/{database}?host={self.place.sockets}"

    async def follow(self, leader: "Server") -> None:
        """Start as one that follows the leader, with its data as it is now, and wait until it does."""
        await asyncio.get_running_loop().run_in_executor(self.store.thread, copy_server, self.place, leader.place)
        await self.store.start()
        async with asyncio.timeout(SECONDS):
            while not await leader.sql(FOLLOWING):
                await asyncio.sleep(0.05)


@dataclass(slots=True)
class Pair:
    """The stores of a run, as `tests.chaos.stack` asks for them. `primary` takes writes, `standby` follows."""

    primary: Server
    standby: Server
    valkey: Store
    redis: Proxy
    stack: AsyncExitStack

    @classmethod
    async def start(cls, home: Path) -> Self:
        async with AsyncExitStack() as stack:
            places, valkey = places_in(home / "pg"), Store(home / "v", open_valkey)
            primary, standby = [
                Server(
                    place,
                    Store(place.folder, partial(open_server, place)),
                    await stack.enter_async_context(Proxy(place.sockets / ".s.PGSQL.5432")),
                )
                for place in places
            ]
            for store in (primary.store, standby.store, valkey):
                stack.push_async_callback(store.stop)
            await primary.store.start()
            await valkey.start()
            assert valkey.servers is not None
            assert valkey.servers.valkey is not None
            redis = await stack.enter_async_context(Proxy(valkey.servers.valkey.socket))
            pair = cls(primary, standby, valkey, redis, stack.pop_all())
        await pair.standby.follow(pair.primary)
        await pair.wait_for_standby(is_waited_for=True)
        return pair

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stack.aclose()

    async def wait_for_standby(self, *, is_waited_for: bool) -> None:
        """Whether a COMMIT waits until the standby has it."""
        await self.primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{'*' if is_waited_for else ''}'")
        await self.primary.sql("SELECT pg_reload_conf()")
        async with asyncio.timeout(SECONDS):
            while is_waited_for and not await self.primary.sql(
                "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"
            ):
                await asyncio.sleep(0.02)

    async def promote(self) -> None:
        """The standby is the primary from now on. It has nobody to wait for until the other one follows it."""
        self.primary, self.standby = self.standby, self.primary
        await self.primary.sql("SELECT pg_promote()")
        await self.wait_for_standby(is_waited_for=False)

    async def restore(self) -> None:
        """The server that was lost follows the primary, which waits for it again."""
        await self.standby.follow(self.primary)
        await self.wait_for_standby(is_waited_for=True)

    def urls(self, database: str = DATABASE) -> dict[str, str]:
        """The environment of a program that knows both servers."""
        hosts = ",".join(sorted(f"127.0.0.1:{server.proxy.port}" for server in (self.primary, self.standby)))
        return {
            "MAYDAY_DATABASE_URL": f"postgresql://{USER}@{hosts}/{database}",
            "MAYDAY_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
        }

    def direct_url(self, database: str = DATABASE) -> str:
        return self.primary.url(database)

    async def sql(self, statement: str, *values: Any, database: str = DATABASE) -> list[asyncpg.Record]:
        """Run one statement on the primary."""
        return await self.primary.sql(statement, *values, database=database)
