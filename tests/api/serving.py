"""The API behind real sockets, in the event loop of the test."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import httpx

from api.app import create_app
from common.settings import Settings
from tests.conftest import Project
from tests.listening import listening


def serving(settings: Settings, keep_alive_seconds: int = 1) -> AbstractAsyncContextManager[int]:
    """Gives the port."""
    return listening(create_app(settings), keep_alive_seconds=keep_alive_seconds)


@asynccontextmanager
async def over_sockets(made: Project, settings: Settings) -> AsyncIterator[Project]:
    """The project with clients that talk to a server of these settings."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(settings, keep_alive_seconds=5))
        clients = [
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=client.headers, trust_env=False)
            for client in (made.ingest, made.read, made.triage, made.admin)
        ]
        for client in clients:
            await stack.enter_async_context(client)
        yield Project(made.id, *clients)
