"""API and worker as processes of their own on the stores of the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from common.keys import Scope
from common.projects import create_key, ensure_project
from tests.chaos.programs import Api, Program, make_api, make_worker
from tests.conftest import Service


def environment_of(service: Service, **changes: object) -> dict[str, str]:
    """The environment of a program beside this service: its stores, no metrics, and these settings."""
    settings = {
        "database_url": service.settings.database_url,
        "database_pooler": service.settings.database_pooler,
        "redis_url": service.settings.redis_url,
        "api_metrics_port": 0,
        "worker_metrics_port": 0,
        **changes,
    }
    return {f"MAYDAY_{name.upper()}": str(value) for name, value in settings.items()}


@asynccontextmanager
async def running_api(service: Service, folder: Path, **changes: object) -> AsyncIterator[Api]:
    """An API that is ready; stopped at the end when it still runs."""
    api = make_api("api", environment_of(service, **changes), folder)
    api.start()
    try:
        await api.wait_until_ready()
        yield api
    finally:
        await api.stop()


@asynccontextmanager
async def running_worker(service: Service, folder: Path, **changes: object) -> AsyncIterator[Program]:
    """A worker that was started; stopped at the end when it still runs."""
    worker = make_worker("worker", environment_of(service, **changes), folder)
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def until_said(program: Program, words: str, seconds: float = 30) -> None:
    """Wait for a line of its log."""
    async with asyncio.timeout(seconds):
        while words not in program.log.read_text():
            assert program.is_running, program.log.read_text()
            await asyncio.sleep(0.05)


async def make_key(service: Service, scope: Scope = Scope.ingest, project: str = "default") -> str:
    """A key of the service's project of that name, which is made where it is missing."""
    async with service.tools.engine.begin() as connection:
        return await create_key(connection, await ensure_project(connection, project), scope, "test")


@asynccontextmanager
async def client_of(api: Api, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=30, trust_env=False) as client:
        yield client
