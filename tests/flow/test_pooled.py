"""Behind PgBouncer in transaction mode, where each transaction may meet another server. `mayday test pooled` runs all
of tests/flow so; these are the traps, in every run."""

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.database import make_engine
from common.database.schema import find_problem
from common.settings import Settings
from tests.conftest import run_service
from tests.databases import on_database


@pytest.fixture
def pooled(pooler: str, database_url: str, redis_url: str) -> Settings:
    url = on_database(pooler, urlsplit(database_url).path.removeprefix("/"))
    return Settings.load(database_url=url, redis_url=redis_url, database_pooler="transaction", log_format="json")


async def test_errors_are_stored_folded_and_read_by_many_at_once(pooled: Settings) -> None:
    async with run_service(pooled) as service:
        project = await service.project()
        batches = [
            [{"service": "shop", "severity": "error", "message": f"payment {n} failed"} for n in range(20)]
            for _ in range(40)
        ]
        await asyncio.gather(*[project.send(*batch) for batch in batches])
        await asyncio.gather(service.run_worker(), *[project.get("/api/errors", limit=5 + n) for n in range(30)])
        await service.run_worker()
        assert (await project.get("/api/errors/patterns"))["total"] == 800


async def test_no_statement_stays_on_a_server(pooled: Settings) -> None:
    async with run_service(pooled) as service:
        project = await service.project()
        await project.send({"service": "shop", "severity": "error", "message": "disk full"})
        await service.run_worker()
        left = [await service.execute("SELECT name FROM pg_prepared_statements") for _ in range(8)]
        assert left == [[]] * 8


async def test_every_transaction_has_its_time_limits(pooled: Settings) -> None:
    engine = make_engine(pooled.model_copy(update={"database_statement_seconds": 1.2}), "test")
    try:
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="statement timeout"):
                await connection.execute(text("SELECT pg_sleep(1)"))
    finally:
        await engine.dispose()


async def test_a_control_without_the_setting_is_refused(pooled: Settings) -> None:
    engine = make_engine(pooled.model_copy(update={"database_pooler": "none"}), "test")
    try:
        with pytest.raises((DBAPIError, asyncpg.PostgresError), match="unsupported startup parameter"):
            async with engine.connect():
                pass
        assert "set MAYDAY_DATABASE_POOLER=transaction" in await find_problem(engine)
    finally:
        await engine.dispose()
