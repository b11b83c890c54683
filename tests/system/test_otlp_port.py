"""OTLP on a port of its own beside that of the API, in one process and in several."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.chaos.programs import ProgramFailed, free_port
from tests.conftest import Service
from tests.fleet.programs import client_of, make_key, running_api

EMPTY = b'{"resourceLogs":[]}'


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_api_listens_on_both_ports_and_leaves_both(service: Service, tmp_path: Path, processes: int) -> None:
    otlp_port = free_port()
    async with running_api(service, tmp_path, otlp_port=otlp_port) as api:
        if processes > 1:
            await api.stop()
            api.command = [*api.command, "--processes", str(processes)]
            api.start()
            await api.wait_until_ready()
        async with client_of(api, await make_key(service)) as client:
            for url in (api.url, f"http://127.0.0.1:{otlp_port}"):
                sent = await client.post(f"{url}/v1/logs", content=EMPTY, headers={"Content-Type": "application/json"})
                assert (sent.status_code, sent.content) == (200, b"{}")
        assert (await api.terminate())[0] == 0
    with pytest.raises(OSError):  # noqa: PT011 - whichever way it is refused
        await asyncio.open_connection("127.0.0.1", otlp_port)


async def test_a_port_that_is_taken_stops_the_api_with_a_word(service: Service, tmp_path: Path) -> None:
    async with running_api(service, tmp_path) as first:
        with pytest.raises(ProgramFailed, match="Address already in use"):
            async with running_api(service, tmp_path, otlp_port=first.port):
                pass
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{first.url}/livez")).status_code == 200
