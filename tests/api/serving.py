"""The API behind real sockets, in the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import uvicorn

from api.app import create_app
from api.http.connection import Connection
from common.settings import Settings
from tests.conftest import Project


@asynccontextmanager
async def serving(settings: Settings, keep_alive_seconds: int = 1) -> AsyncIterator[int]:
    """Gives the port."""
    config = uvicorn.Config(
        create_app(settings),
        port=0,
        http=Connection,
        ws="none",
        log_config=None,
        timeout_keep_alive=keep_alive_seconds,
        access_log=False,
        server_header=False,
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve())
    while not running.started:
        await asyncio.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    await task


@asynccontextmanager
async def over_sockets(made: Project, settings: Settings) -> AsyncIterator[Project]:
    """The project with clients that talk to a server of these settings."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(settings, keep_alive_seconds=5))
        clients = [
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=client.headers, trust_env=False)
            for client in (made.ingest, made.read, made.admin)
        ]
        for client in clients:
            await stack.enter_async_context(client)
        yield Project(made.id, *clients)
