"""The load generator: keep-alive connections that each send the next request when the last one is answered.

Requests are bytes made beforehand and answers are looked at without a parser, so that the generator stays cheaper
than any server; what it cost is part of every result. An answer that is not the expected one ends the run.
"""

import asyncio
import resource
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, repeat
from typing import cast

Check = Callable[[int, bytes], int]
LAST_ANSWER_SECONDS = 60.0


class WrongAnswer(Exception):
    """The server said something else than it must; the figures would mean nothing."""


@dataclass(slots=True)
class Load:
    """What one stretch of load did: `done` counts what the check of each answer gave (errors stored, or 1 a read)."""

    done: int = 0
    requests: int = 0
    seconds: float = 0.0
    generator_cpu_seconds: float = 0.0
    latencies_seconds: "array[float]" = field(default_factory=lambda: array("d"))


def expect_status(status: int, prefix: bytes = b"", count: int = 1) -> Check:
    """A check for answers of this status that begin so; each counts `count`."""

    def check(got: int, body: bytes) -> int:
        if got != status or not body.startswith(prefix):
            raise WrongAnswer(f"expected {status} {prefix[:80]!r}, got {got} {body[:400]!r}")
        return count

    return check


def post(path: str, body: bytes, key: str = "") -> bytes:
    """A request with a JSON body."""
    return head("POST", path, key, f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") + body


def get(path: str, key: str = "", **headers: str) -> bytes:
    """A request without a body; header names are written with underscores."""
    return head("GET", path, key, "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()))


def ask_batches(bodies: Sequence[bytes], key: str, size: int) -> tuple[Iterator[bytes], Check]:
    """Batches without end, and the check that all `size` errors of each were stored; each error counts."""
    stored = b'{"status":"success","count":%d,"duplicates":0,"rejected":[]' % size
    return cycle([post("/api/errors/batch", body, key) for body in bodies]), expect_status(201, stored, size)


def ask_recent(key: str) -> tuple[Iterator[bytes], Check]:
    """Hot reads without end, and the check of their status."""
    return repeat(get("/api/errors/recent", key, Accept_Encoding="zstd")), expect_status(200)


def head(method: str, path: str, key: str, more: str) -> bytes:
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{authorization}{more}\r\n".encode()


class Connection(asyncio.Protocol):
    """One connection in a closed loop."""

    def __init__(self, port: int, load: Load, requests: Iterator[bytes], check: Check) -> None:
        self.port = port
        self.load = load
        self.requests = requests
        self.check = check
        self.received = bytearray()
        self.wanted_bytes = 0
        self.body_at = 0
        self.is_waiting = False
        self.is_stopping = False
        self.will_close = False
        self.reconnecting: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        if self.is_stopping:
            self.end()
        elif self.will_close:
            self.will_close = False
            self.send_next()

    def send_next(self) -> None:
        self.is_waiting = True
        self.sent_at = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.wanted_bytes:
            self.read_head()
        if self.wanted_bytes and len(self.received) >= self.wanted_bytes:
            self.finish_answer()

    def read_head(self) -> None:
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        self.body_at = end + 4
        answer_head = self.received[:end].lower()
        at = answer_head.find(b"\r\ncontent-length:")
        length = 0 if at < 0 else int(answer_head[at + 17 :].split(b"\r\n", 1)[0])
        self.wanted_bytes = self.body_at + length
        self.will_close = b"\r\nconnection: close" in answer_head

    def finish_answer(self) -> None:
        self.load.latencies_seconds.append(time.perf_counter() - self.sent_at)
        self.load.requests += 1
        try:
            self.load.done += self.check(int(self.received[9:12]), bytes(self.received[self.body_at :]))
        except WrongAnswer as error:
            self.fail(error)
            return
        self.received.clear()
        self.wanted_bytes = 0
        self.is_waiting = False
        if self.is_stopping:
            self.end()
        elif self.will_close:
            self.transport.close()  # a server that cannot keep connections: the next request goes over a new one
        else:
            self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_waiting or not self.will_close:
            self.fail(WrongAnswer(f"the server closed a connection: {exc}"))
        elif self.is_stopping:
            self.end()  # between two requests: nothing is owed
        elif not self.ended.done():
            self.reconnecting = asyncio.get_running_loop().create_task(self.reconnect())

    async def reconnect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)
        except OSError as error:
            self.fail(WrongAnswer(f"the server takes no connection: {error}"))

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        self.transport.close()

    def fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)
        self.transport.close()


async def drive(port: int, requests: Iterator[bytes], check: Check, *, connections: int, seconds: float) -> Load:
    """Keep `connections` busy for `seconds`; what is under way then is still waited for. Raises WrongAnswer."""
    loop = asyncio.get_running_loop()
    load = Load()
    clients = [
        (await loop.create_connection(lambda: Connection(port, load, requests, check), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    started, cpu = time.perf_counter(), own_cpu_seconds()
    for client in clients:
        client.send_next()
    ends = [client.ended for client in clients]
    try:
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for client in clients:
            client.is_stopping = True
        await asyncio.wait_for(asyncio.gather(*ends), LAST_ANSWER_SECONDS)
    finally:
        for client in clients:
            client.transport.close()
    load.seconds = time.perf_counter() - started
    load.generator_cpu_seconds = own_cpu_seconds() - cpu
    return load


def own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
