"""Connections on which one says byte for byte what is sent, and what is sent most."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

SECONDS = 0.4
PROBE = b"GET /livez HTTP/1.1\r\nHost: mayday\r\n\r\n"
POST = b"POST /api/errors/batch HTTP/1.1\r\nHost: mayday\r\n"


@dataclass(frozen=True, slots=True)
class Client:
    """A raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the next answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def is_cut_off_while_sending(self, piece: bytes, every_seconds: float) -> bool:
        """Send the piece again and again; whether the other side ends it within 10 s."""
        try:
            async with asyncio.timeout(10):
                while True:
                    await self.send(piece)
                    await asyncio.sleep(every_seconds)
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    async def is_closed(self) -> bool:
        """Wait until the other side has closed."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionError:
            return True


class Server:
    def __init__(self, port: int) -> None:
        self.port = port
        self.clients: list[Client] = []

    async def connect(self, data: bytes = b"") -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        await client.send(data)
        return client
