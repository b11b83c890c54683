"""A receiver of webhooks, over a real socket: it notes what it is sent, and answers as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

# The status and body that the n-th request is answered with, after so many seconds.
Answers = Callable[[int], tuple[float, int, bytes]]


def accept(_: int) -> tuple[float, int, bytes]:
    return 0.0, 200, b""


@dataclass(slots=True)
class Receiver:
    """What came, in the order in which it came: the id that names a message, and its body."""

    answers: Answers = accept
    port: int = 0
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def titles(self) -> list[str]:
        return [body["data"]["title"] for _, body in self.got]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(headers["content-length"]))
            seconds, status, answer = self.answers(len(self.got))
            self.got.append((headers["webhook-id"], json.loads(body)))
            await asyncio.sleep(seconds)
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(answer), answer))
            await writer.drain()
            if status < 300:
                self.accepted.append(headers["webhook-id"])
            self.arrived.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answers: Answers = accept) -> AsyncIterator[Receiver]:
    receiver = Receiver(answers)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
