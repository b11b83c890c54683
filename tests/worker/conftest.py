"""What the worker's tests stand on: an engine on the test's own database, which has two projects, and tools on it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.database import make_engine
from common.settings import Settings
from tests.worker.stored import OTHER_PROJECT, PROJECT
from worker.jobs import Tools

ADD_PROJECT = text("INSERT INTO projects (project_id, name, created_at) VALUES (:project_id, :name, now())")


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine on a migrated database with two projects."""
    engine = make_engine(settings, "test", pool_size=12)
    async with engine.begin() as connection:
        await connection.execute(ADD_PROJECT, {"project_id": PROJECT, "name": "one"})
        await connection.execute(ADD_PROJECT, {"project_id": OTHER_PROJECT, "name": "two"})
    yield engine
    await engine.dispose()


@pytest.fixture
async def tools(engine: AsyncEngine, settings: Settings) -> AsyncIterator[Tools]:
    cache = Cache.connect(settings)
    yield Tools(engine, cache, settings)
    await cache.close()
