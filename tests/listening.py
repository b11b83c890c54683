"""An application behind a real socket, in the event loop of the test, on the connections that it has in production."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from api.http.connection import Connection


@asynccontextmanager
async def listening(
    app: FastAPI, state: dict[str, Any] | None = None, *, keep_alive_seconds: int = 5
) -> AsyncIterator[int]:
    """Gives the port. With a state, the application's lifespan is its caller's."""

    def connect(config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> Connection:
        return Connection(config, server_state, app_state if state is None else state, _loop)

    config = uvicorn.Config(
        app,
        port=0,
        http=cast("Any", connect),
        ws="none",
        lifespan="on" if state is None else "off",
        log_config=None,
        timeout_keep_alive=keep_alive_seconds,
        access_log=False,
        server_header=False,
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve())
    while not running.started:
        await asyncio.sleep(0.01)
    try:
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        await task
