"""Java's own HTTP client, whose requests offer an Upgrade to HTTP/2, stores errors like any other."""

import asyncio
from pathlib import Path

from common.settings import Settings
from tests.api.serving import serving
from tests.attacks.proxies import find_program
from tests.conftest import Service

PROGRAM = Path(__file__).with_name("Client.java")


async def test_a_client_that_offers_http_2_stores_errors(settings: Settings, service: Service) -> None:
    java = find_program("java")
    project = await service.project()
    async with serving(settings, keep_alive_seconds=5) as port:
        url, key = f"http://127.0.0.1:{port}/api/errors/log", project.ingest.headers["Authorization"]
        process = await asyncio.create_subprocess_exec(java, PROGRAM, url, key, stdout=asyncio.subprocess.PIPE)
        told, _ = await asyncio.wait_for(process.communicate(), 90)
    assert told.split() == [b"201"] * 5
    stored = {message for [message] in await service.execute("SELECT message FROM errors")}
    assert stored == {f"from Java, number {number}" for number in range(5)}
