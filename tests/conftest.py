"""A real Postgres and a real Valkey for every test, and the program in one process on top of them."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import hypothesis
import pytest
import structlog
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from api.app import create_app
from cli.embedded import start_servers, temporary_home
from cli.migrate import upgrade
from common.cache import Cache
from common.database import make_engine
from common.keys import Scope as KeyScope
from common.projects import create_key, ensure_project
from common.settings import Settings
from tests.databases import Databases, on_database
from tests.listening import listening
from tests.pgbouncer import run_pgbouncer
from worker.jobs import Tools, run_job
from worker.schedule import schedule

# an example may wait for a machine that has other work: no test looks at the clock unless it says so
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")
# the default shows the locals of a traceback, which takes seconds where an application is among them
structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])


# A run holds thousands of tests, and each makes an application: to look through all of them for garbage, again and again,
# took a quarter of the time.
gc.set_threshold(100_000, 50, 50)


def pytest_collection_finish() -> None:
    gc.freeze()


IS_OVER_SOCKETS = os.environ.get("MAYDAY_TEST_OVER_SOCKETS") == "1"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the tests' Postgres and Valkey listen."""

    database_url: str
    redis_url: str


# Tests that start programs of their own, and look at the clock: of each kind one at a time, beside the others.
PROGRAMS = {
    **dict.fromkeys(("attacks", "chaos", "failover", "fleet"), "programs under load"),
    **dict.fromkeys(("cli", "doors", "system"), "programs of people"),
}


LONG = {*PROGRAMS, "browser", "flow"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under `-n`: programs one at a time, everything else by its file, so that what a file shares is made once. What takes long
    begins first, and the short files fill up what is left."""
    tests = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(tests)
        item.add_marker(pytest.mark.xdist_group(PROGRAMS.get(place.parts[0], str(place))))
    items.sort(key=lambda item: item.path.relative_to(tests).parts[0] not in LONG)


@pytest.fixture(scope="session")
def servers() -> Iterator[Stores]:
    """One pair of servers for the whole run: those of MAYDAY_TEST_DATABASE_URL and _REDIS_URL, else embedded ones."""
    database_url, redis_url = (os.environ.get(f"MAYDAY_TEST_{kind}_URL", "") for kind in ("DATABASE", "REDIS"))
    if database_url and redis_url:
        yield Stores(database_url, redis_url)
        return
    with (
        temporary_home() as home,
        start_servers(home, is_durable=False, has_postgres=not database_url, has_valkey=not redis_url) as running,
    ):
        yield Stores(database_url or running.database_url, redis_url or running.redis_url)


@pytest.fixture(scope="session")
def template(servers: Stores) -> Iterator[str]:
    """A database with the newest schema, which tests get copies of. Gives its name."""
    name = f"mayday_template_{uuid4().hex}"
    asyncio.run(execute(servers.database_url, f"CREATE DATABASE {name}"))
    upgrade(on_database(servers.database_url, name))
    yield name
    asyncio.run(execute(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def pooler(servers: Stores) -> Iterator[str]:
    """URL of a PgBouncer in transaction mode in front of the tests' Postgres."""
    with run_pgbouncer(servers.database_url) as url:
        yield url


@pytest.fixture(scope="session")
def databases(servers: Stores, template: str) -> Iterator[Databases]:
    """Databases with the newest schema and no rows, for tests of this process."""
    databases = Databases(servers.database_url, template)
    yield databases
    databases.drop()


@pytest.fixture
def database_url(request: pytest.FixtureRequest, servers: Stores, databases: Databases) -> Iterator[str]:
    """A database of the test's own; through PgBouncer where MAYDAY_DATABASE_POOLER says so (`mayday test pooled`)."""
    is_pooled = Settings.load().database_pooler == "transaction"
    way_in = request.getfixturevalue("pooler") if is_pooled else servers.database_url
    with databases.lend() as name:
        yield on_database(way_in, name)


@pytest.fixture
def empty_database_url(servers: Stores) -> Iterator[str]:
    """A database without a schema."""
    name = f"test_{uuid4().hex}"
    asyncio.run(execute(servers.database_url, f"CREATE DATABASE {name}"))
    yield on_database(servers.database_url, name)
    asyncio.run(execute(servers.database_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def redis_url(servers: Stores) -> str:
    """The Valkey, its database emptied."""
    with Redis.from_url(servers.redis_url) as client:
        client.flushdb()
    return servers.redis_url


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    # a machine that does much beside the tests is no cache that failed
    others: dict[str, Any] = {"cache_timeout_seconds": 2.0}
    return Settings.load(database_url=database_url, redis_url=redis_url, log_format="json", **others)


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Project:
    """A project, and a client for each scope."""

    id: UUID
    ingest: httpx.AsyncClient
    read: httpx.AsyncClient
    triage: httpx.AsyncClient
    admin: httpx.AsyncClient

    async def send(self, *errors: dict[str, Any]) -> dict[str, Any]:
        """Post a batch that must be stored whole."""
        answer = await self.ingest.post("/api/errors/batch", json={"errors": list(errors)})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = await self.read.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@dataclass(frozen=True, slots=True)
class Service:
    """The API in this process, and what the worker needs to run beside it."""

    settings: Settings
    tools: Tools
    app: FastAPI
    state: dict[str, Any]
    transport: httpx.ASGITransport | None
    base_url: str
    stack: AsyncExitStack

    async def client(self, key: str | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        client = httpx.AsyncClient(
            transport=self.transport, base_url=self.base_url, headers=headers, trust_env=False, timeout=60
        )
        return await self.stack.enter_async_context(client)

    async def project(self, name: str = "default") -> Project:
        async with self.tools.engine.begin() as connection:
            project_id = await ensure_project(connection, name)
            keys = [await create_key(connection, project_id, scope, "test") for scope in KeyScope]
        return Project(project_id, *[await self.client(key) for key in keys])

    def age_reads(self, seconds: float = 1.1) -> None:
        """What this API holds for its readers is as old as if so much time had passed: longer than it trusts it."""
        reads = self.state["reads"]
        for key, (generation, asked_at) in reads.generations.items():
            reads.generations[key] = generation, asked_at - seconds
        for key, outdated_at in reads.outdated.items():
            reads.outdated[key] = outdated_at - seconds
        for copy in reads.answer_cache.by_question.values():
            copy.good_at -= seconds

    async def run_worker(self) -> None:
        """One run of every job, due or not."""
        await self.execute("DELETE FROM job_runs")
        await self.execute("DELETE FROM snapshots WHERE window_hours = 168")
        for job in schedule(self.settings):
            await run_job(self.tools, job)

    async def execute(self, statement: str, **values: Any) -> list[Any]:
        async with self.tools.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return list(result.all()) if result.returns_rows else []


@asynccontextmanager
async def run_service(settings: Settings) -> AsyncIterator[Service]:
    """The API with these settings, its lifespan included; behind a socket where MAYDAY_TEST_OVER_SOCKETS=1 (`mayday test
    lane` and `routed`), else without connections, which is faster."""
    app = create_app(settings)
    async with AsyncExitStack() as stack:
        yielded = await stack.enter_async_context(app.router.lifespan_context(app))
        state = dict(cast("dict[str, Any]", yielded))

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = dict(state)
            await app(scope, receive, send)

        transport: httpx.ASGITransport | None = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        base_url = "http://mayday"
        if IS_OVER_SOCKETS:
            # as long as in production: a client that finds its connection closed between two requests fails
            port = await stack.enter_async_context(
                listening(app, state, keep_alive_seconds=settings.keep_alive_seconds)
            )
            transport, base_url = None, f"http://127.0.0.1:{port}"
        engine, cache = make_engine(settings, "test"), Cache.connect(settings)
        stack.push_async_callback(engine.dispose)
        stack.push_async_callback(cache.close)
        tools = Tools(engine, cache, settings)
        stack.push_async_callback(tools.sender.close)
        yield Service(settings, tools, app, state, transport, base_url, stack)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with run_service(settings) as running:
        yield running
