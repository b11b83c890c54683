"""Whatever becomes of a connection, the room that its bodies took in the process is given back, once each."""

import asyncio
import gzip
import json
import random
from contextlib import suppress

import pytest

from api.http.bodies import BodyBudget
from common.settings import Settings
from tests.api.serving import serving
from tests.attacks.raw_http import IS_LONG, RawHttp, connected
from tests.conftest import Service

CLIENTS = 1_500 if IS_LONG else 120
TOGETHER = 30
ERROR = {"service": "shop", "severity": "error", "message": "held"}
ONE = json.dumps(ERROR).encode()
BATCH = json.dumps({"errors": [ERROR] * 50}).encode()
CHUNKED, PACKED = b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


def requests_of(key: bytes) -> list[bytes]:
    """Posts that the connection takes, such that the routes take, and wrong ones."""
    posts = []
    for path, body in ((b"log", ONE), (b"batch", BATCH), (b"batch", b"{" * 500), (b"log", ONE[:-1])):
        packed = gzip.compress(body)
        for fields, sent in (
            (length(body), body),
            (CHUNKED, chunk(body)),
            (PACKED + length(packed), packed),
            (PACKED + CHUNKED, chunk(packed[:-5])),
            (CHUNKED, chunk(body)[:-7] + b"zz\r\n"),
        ):
            posts.append(b"POST /api/errors/%b HTTP/1.1\r\nHost: x\r\n%b%b\r\n%b" % (path, key, fields, sent))
    return posts


async def disturb(client: RawHttp, drawn: random.Random, posts: list[bytes]) -> None:
    """Send some of these, the last one perhaps in part, and leave in one of several ways."""
    stream = b"".join(drawn.choices(posts, k=drawn.randint(1, 4)))
    stream = stream[: drawn.randint(len(stream) // 2, len(stream))]
    cut = drawn.randint(0, len(stream))
    await client.send(stream[:cut], stream[cut:], pause_seconds=drawn.choice((0, 0.01)))
    match drawn.randrange(4):
        case 0:
            client.writer.write_eof()
            await client.answers()
        case 1:
            await client.answer()
        case 2:
            await asyncio.sleep(drawn.random() / 20)


async def test_the_room_of_bodies_is_given_back_whatever_clients_do(
    settings: Settings, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = BodyBudget()
    monkeypatch.setattr("api.app.BodyBudget", lambda: budget)
    key = (await service.project()).ingest.headers["Authorization"].encode()
    posts = requests_of(b"Authorization: %b\r\n" % key)
    async with serving(settings.model_copy(update={"body_seconds": 2.0}), keep_alive_seconds=5) as port:

        async def come(seed: int) -> None:
            async with turns, connected(port) as client:
                with suppress(OSError):
                    await disturb(client, random.Random(seed), posts)

        turns = asyncio.Semaphore(TOGETHER)
        await asyncio.gather(*map(come, range(CLIENTS)))
        async with asyncio.timeout(20):
            while budget.total_bytes:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert budget.total_bytes == 0
        async with connected(port) as client:
            assert await client.ask(posts[0]) == [201]
