"""A connection on which one says byte for byte what is sent, and reads the answers as they come."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

IS_LONG = os.environ.get("MAYDAY_TEST_ATTACKS") == "long"
SECONDS_MAX = 20
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CHANGING = re.compile(rb"(?m)^(?:date|x-request-id|ratelimit|ratelimit-policy|x-mayday-cache): .*\r\n", re.IGNORECASE)


class Told(NamedTuple):
    status: int
    head: bytes
    body: bytes

    @property
    def steady(self) -> bytes:
        """What does not change from one answer to the next."""
        return CHANGING.sub(b"", self.head)


class RawHttp:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *pieces: bytes, pause_seconds: float = 0.02) -> None:
        """The pieces, each in a packet of its own."""
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(pause_seconds)
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self) -> Told | None:
        """The next answer, None where the other side has closed. An answer of 100 is passed over."""
        async with asyncio.timeout(SECONDS_MAX):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            status, length = int(head[9:12]), LENGTH.search(head)
            if status == 100:
                return await self.answer()
            body = await self.reader.readexactly(int(length[1])) if length and status != 304 else b""
        return Told(status, head, body)

    async def ask(self, request: bytes, answers: int = 1) -> list[int]:
        """The statuses of so many answers."""
        await self.send(request)
        told = [await self.answer() for _ in range(answers)]
        return [one.status for one in told if one]

    async def answers(self) -> list[Told]:
        """All that come until the other side closes."""
        told = []
        while one := await self.answer():
            told.append(one)
        return told


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawHttp]:
    client = RawHttp(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield client
    finally:
        client.writer.transport.abort()
        with suppress(ConnectionError):
            await client.writer.wait_closed()
