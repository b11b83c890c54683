"""A server whose time limits are short."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.http import connection as connections
from common.settings import Settings
from tests.api.http.raw_clients import SECONDS, Server
from tests.api.serving import serving


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
async def server(settings: Settings, limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(connections, "LINGER_SECONDS", SECONDS)
    monkeypatch.setattr(connections, "SEND_SECONDS", SECONDS)
    short = settings.model_copy(update={"header_seconds": SECONDS, "body_seconds": SECONDS, **limits})
    async with serving(short) as port:
        server = Server(port)
        yield server
        for client in server.clients:
            client.writer.close()
