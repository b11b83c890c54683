"""Programs are started before what they need: each says what it waits for, and goes to work when that is there."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from cli.migrate import upgrade
from common.keys import Scope, make_key
from common.settings import Settings
from tests.conftest import Stores, execute, run_service
from tests.databases import on_database
from tests.worker.test_main import running_worker, until

ERROR = {"service": "shop", "severity": "error", "message": "disk full"}


@pytest.fixture
def name_of_none_yet(servers: Stores) -> Iterator[str]:
    """A database that the test makes itself."""
    name = f"test_{uuid4().hex}"
    yield name
    asyncio.run(execute(servers.database_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def readiness(client: httpx.AsyncClient) -> tuple[int, dict[str, str]]:
    answer = await client.get("/readyz")
    return answer.status_code, answer.json()["checks"]


async def test_api_and_worker_come_before_the_database_and_the_database_before_its_schema(
    servers: Stores, redis_url: str, name_of_none_yet: str
) -> None:
    url = on_database(servers.database_url, name_of_none_yet)
    settings = Settings.load(database_url=url, redis_url=redis_url, log_format="json")
    async with running_worker(settings), run_service(settings) as service:
        client = await service.client(None)
        assert (await client.get("/livez")).status_code == 200
        status, checks = await readiness(client)
        assert (status, checks["postgres"]) == (503, "does not answer")
        await execute(servers.database_url, f"CREATE DATABASE {name_of_none_yet}")
        status, checks = await readiness(client)
        assert (status, checks["postgres"], checks["schema"]) == (503, "ok", "not made yet: run `./mayday migrate`")
        some_key = {"Authorization": f"Bearer {make_key(Scope.ingest)}"}
        refused = await client.post("/api/errors/log", json=ERROR, headers=some_key)
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        await asyncio.to_thread(upgrade, url)

        async def is_ready() -> bool:
            return (await readiness(client))[0] == 200

        await until(is_ready, seconds=30)
        project = await service.project()
        await project.send(ERROR)

        async def is_counted() -> bool:
            answer = await project.read.get("/api/errors/patterns", params={"window": "1h"})
            return bool(answer.json()["total"])

        await until(is_counted, seconds=30)
