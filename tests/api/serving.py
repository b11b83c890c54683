"""The API behind real sockets, in the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create_app
from api.connections import Connection
from common.settings import Settings


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
