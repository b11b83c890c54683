"""What the tests of the fast lane send with: connections byte for byte, and waiting for what the server comes to."""

import asyncio
import json
import re
from collections import Counter
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from tests.conftest import Project, Service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed"}
EVENT_ID = "0192f0c0-0000-7000-8000-000000000001"


async def post(project: Project, name: str, body: bytes, **headers: str) -> tuple[int, list[Any], Any]:
    """Status, headers and the bytes on the wire; what RateLimit counts, and the second, left out."""
    sent = {"x-request-id": "same", "content-type": "application/json", **headers}
    async with project.ingest.stream("POST", f"/api/errors/{name}", content=body, headers=sent) as answer:
        told = b"".join([piece async for piece in answer.aiter_raw()])
        kept = [(k, re.sub(rb"r=\d+;t=\d+", b"", v)) for k, v in answer.headers.raw if k != b"date"]
        return answer.status_code, kept, told


def by_route(project: Project) -> dict[str, str]:
    """The scheme in another case, which only the route reads."""
    return {"authorization": project.ingest.headers["authorization"].replace("Bearer", "bearer")}


class Seen:
    """How often the server came to each of the steps that a test waits for."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: type, step: str) -> None:
        inner = getattr(owner, step)

        def note(*given: Any) -> Any:
            done = inner(*given)
            self.times[step] += 1
            return done

        monkeypatch.setattr(owner, step, note)

    async def until(self, step: str, times: int) -> None:
        """Return once it came there so often."""
        async with asyncio.timeout(10):
            while self.times[step] < times:
                await asyncio.sleep(0.005)


class Gate(asyncio.Event):
    """Flushes wait until it is set; `reached` says that one does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.reached.set()
        return await super().wait()


class Raw:
    """A connection on which one says byte for byte what is sent."""

    def __init__(self, authorization: str) -> None:
        self.authorization = authorization

    async def connect(self, port: int | None) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.sleep(0.02)

    def log(self, number: int = 0, more: str = "", body: str = json.dumps(ERROR)) -> bytes:
        return (
            f"POST /api/errors/log HTTP/1.1\r\nHost: x\r\nAuthorization: {self.authorization}\r\n"
            f"X-Request-ID: {number}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"
        ).encode()

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, head and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        body = await self.reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
        return int(head.split()[1]), head, body


def port_of(project: Project) -> int | None:
    return urlsplit(str(project.ingest.base_url)).port


async def count_stored(service: Service) -> int:
    [[count]] = await service.execute("SELECT count(*) FROM errors")
    return int(count)
