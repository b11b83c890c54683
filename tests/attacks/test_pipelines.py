"""Strangers that send thousands of requests in one packet, and read no answers or all: what they take is bounded by
what one read brings for each, however often they come, and others are answered meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from common.settings import Settings
from tests.attacks.raw_http import IS_LONG, connected
from tests.system.test_hostile import Api

CONNECTIONS = 400 if IS_LONG else 100
SECONDS = 10 if IS_LONG else 2
SENT_BYTES = 256 * 2**10
GROWN_MAX_BYTES = 150 * 2**20
REQUESTS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a stranger's": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "chunks": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "upgrades": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "large answers": b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n",
    "blank lines": b"\r\n" * 100,
}
pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux")


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    running = Api(settings)
    try:
        yield running
    finally:
        assert running.stop() == 0


async def pour(port: int, request: bytes, *, is_reading: bool) -> None:
    """Send as many of these as go into one read of the server, again and again."""
    try:
        async with connected(port) as client:
            while True:
                await client.send(request * (SENT_BYTES // len(request)))
                if is_reading:
                    await client.reader.read(SENT_BYTES)
    except ConnectionError:
        pass


@pytest.mark.parametrize("is_reading", [True, False], ids=["reading", "not reading"])
async def test_requests_that_wait_take_no_more_than_their_bytes(api: Api, is_reading: bool) -> None:
    async with httpx.AsyncClient(base_url=api.url, timeout=30, trust_env=False) as other:
        await other.get("/openapi.json")
        before = api.memory_bytes()
        for name, request in REQUESTS.items():
            api.forget_peak()
            pouring = [asyncio.create_task(pour(api.port, request, is_reading=is_reading)) for _ in range(CONNECTIONS)]
            for _ in range(SECONDS * 4):
                await asyncio.sleep(0.25)
                assert (await other.get("/livez")).status_code == 200, name
            grown = api.memory_bytes("VmHWM") - before
            for task in pouring:
                task.cancel()
            await asyncio.gather(*pouring, return_exceptions=True)
            assert grown < GROWN_MAX_BYTES * (CONNECTIONS / 100), f"{name}: {grown / 2**20:.0f} MiB"
        # the allocator keeps some of it for the next ones, who take no more
        assert api.memory_bytes() - before < 2 * CONNECTIONS * SENT_BYTES
