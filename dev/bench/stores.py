"""The benches' own Postgres and Valkey, durable as in production, and a database for each variant in it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from cli.embedded import Servers, start_servers, temporary_home
from cli.migrate import upgrade
from common.database import make_engine
from common.keys import Scope
from common.projects import create_key, ensure_project
from common.settings import Settings
from dev.bench.processes import cpu_seconds
from worker.jobs import Tools, run_job, run_steps
from worker.main import open_tools
from worker.schedule import fold_steps, pattern_steps, schedule

# Limits are counted but out of reach: a whole run of load comes from one key, and where cores are short a batch waits.
OUT_OF_REACH = {
    **{
        f"MAYDAY_LIMIT_{what}": "1000000000000"
        for what in ("KEY_REQUESTS", "PROJECT_REQUESTS", "PROJECT_ERRORS", "PROJECT_BYTES")
    },
    "MAYDAY_WRITER_WAIT_MAX_SECONDS": "60",
}
# Of 16 MiB: what the batches of one bench write. Postgres zeroes each file of its log before the first use, and whoever
# commits then waits for it: with none in store 18 % of the time of a flush. A server that has run for a while
# uses the files of old log again.
WAL_FILES = 150


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the servers listen, and what Postgres has used so far."""

    servers: Servers

    @property
    def redis_url(self) -> str:
        return self.servers.redis_url

    @property
    def postgres_cpu_seconds(self) -> float:
        return cpu_seconds(self.servers.postgres_pid)

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""
        asyncio.run(execute(self.servers.database_url, f"CREATE DATABASE {name}"))
        return urlsplit(self.servers.database_url)._replace(path=f"/{name}").geturl()


@dataclass(frozen=True, slots=True)
class Home:
    """A database with Mayday's tables and one project in it, with its keys."""

    settings: Settings
    project_id: UUID
    ingest_key: str
    read_key: str

    @property
    def environment(self) -> dict[str, str]:
        """What Mayday's programs are started with."""
        stores = {"MAYDAY_DATABASE_URL": self.settings.database_url, "MAYDAY_REDIS_URL": self.settings.redis_url}
        return stores | OUT_OF_REACH


@contextmanager
def start_stores(*, wal_files: int = WAL_FILES) -> Iterator[Stores]:
    """Both servers, Postgres with so many files of log that were used already."""
    with temporary_home() as home, start_servers(home) as servers:
        asyncio.run(use_wal(servers.database_url, wal_files))
        yield Stores(servers)


async def use_wal(url: str, files: int) -> None:
    """Write so many files of log, nearly empty, and have Postgres keep them for the next ones. Exits when it does not."""
    connection = await asyncpg.connect(url)
    for _ in range(files):
        await connection.execute("SELECT pg_logical_emit_message(true, '', '')")
        await connection.execute("SELECT pg_switch_wal()")
    await connection.execute("CHECKPOINT")
    kept = await connection.fetchval("SELECT count(*) FROM pg_ls_waldir()")
    await connection.close()
    if kept < files:
        raise SystemExit(f"Postgres keeps {kept} files of its log where {files} are wanted")


def furnish(stores: Stores, name: str) -> Home:
    """A new database, migrated, with a project."""
    url = stores.database(name)
    upgrade(url)
    return asyncio.run(make_project(Settings.load(database_url=url, redis_url=stores.redis_url)))


async def make_project(settings: Settings) -> Home:
    engine = make_engine(settings, "bench", pool_size=1)
    async with engine.begin() as connection:
        project_id = await ensure_project(connection, "bench")
        keys = [await create_key(connection, project_id, scope, "bench") for scope in (Scope.ingest, Scope.read)]
    await engine.dispose()
    return Home(settings, project_id, *keys)


async def work_once(home: Home) -> None:
    """Every job of the worker that is due."""
    async with open_tools(home.settings) as tools:
        await work(home, tools)


async def work(home: Home, tools: Tools) -> None:
    for job in schedule(home.settings):
        await run_job(tools, job)


async def fold_all(tools: Tools) -> int:
    """Fold until no delta is left, however many rounds of the job that takes; how many there were."""
    done = await run_steps(tools, fold_steps(tools.settings))
    return done["deltas"] + (await fold_all(tools) if done["left"] else 0)


async def find_patterns(tools: Tools, slow_seconds: float = 0) -> None:
    """One run of the job; trends and the longest window too where they are so old."""
    await run_steps(tools, pattern_steps(tools.settings, slow_seconds))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def count_rows(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608  # rule-ok: a table of ours
    finally:
        await connection.close()
