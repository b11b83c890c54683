"""Sends batches that were made beforehand over raw connections, each once, at a given rate or one after the other.

What sends at three times the capacity of what it measures must cost little: httpx and the making of a batch took more
CPU than the server needed to refuse it, and on two cores the server lacked it.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.chaos.clients import GIVE_UP_SECONDS, Sender, Target
from tests.chaos.journal import REFUSALS, Answer, Journal
from tests.chaos.programs import Api

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: chaos\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\n\r\n"
)
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A batch as bytes, and what must be stored when it is taken."""

    elements: dict[UUID, str]
    request: bytes


def make_parcels(number: int, target: Target, count: int, batch_size: int) -> Iterator[Parcel]:
    """So many batches of one sender, of the form of its own."""
    sender = Sender(number, target, Journal(), batch_size)
    for place in range(count):
        batch = sender.make_batch(place)
        body = json.dumps({sender.items: batch}).encode()
        head = HEAD.format(path=sender.path, key=target.ingest_key, length=len(body))
        yield Parcel(sender.elements_of(batch), head.encode() + body)


@dataclass(slots=True)
class Flood:
    """Connections to the APIs of a target, as many as there are requests under way."""

    target: Target
    journal: Journal
    idle: dict[str, deque[Ends]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)

    async def send(self, parcel: Parcel) -> Answer:
        """Send once and wait for the answer; status 0 when there was none. The try is noted in memory alone: its line
        in the journal's file would cost half as much as the sending."""
        api = self.target.next_api()
        self.journal.attempted |= parcel.elements
        began = time.monotonic()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                status, head, body = await self.exchange(api, parcel.request)
        except (OSError, EOFError) as error:
            status, head, body = 0, b"", repr(error).encode()
        detail = "" if status == 201 else body[:500].decode(errors="replace")
        seconds = time.monotonic() - began
        has_hint = status in REFUSALS and b"\r\nretry-after:" in head
        answer = Answer(began, seconds, "write", status, has_hint, api.name, self.target.name, detail)
        self.journal.note(answer)
        if status == 201:
            self.journal.acknowledge(parcel.elements)
        self.answers.append(answer)
        return answer

    async def exchange(self, api: Api, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head in small letters, and body."""
        idle = self.idle.setdefault(api.name, deque())
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", api.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        except BaseException:
            writer.transport.abort()
            raise
        if b"\r\nconnection: close" in head:
            writer.close()
        else:
            idle.append((reader, writer))
        return int(head[9:12]), head, body

    def close(self) -> None:
        for ends in self.idle.values():
            for _, writer in ends:
                writer.close()

    async def send_in_turn(self, parcels: Iterable[Parcel], clients: int, seconds: float) -> float:
        """So many clients, each sending its next one at once; how many were taken in a second."""
        began, left = time.monotonic(), iter(parcels)

        async def send_on() -> int:
            taken = 0
            while time.monotonic() < began + seconds and (parcel := next(left, None)):
                taken += (await self.send(parcel)).is_taken
            return taken

        taken = sum(await asyncio.gather(*[send_on() for _ in range(clients)]))
        return taken / (time.monotonic() - began)

    async def offer(self, parcels: Sequence[Parcel], per_second: float) -> float:
        """Send all at this rate whatever comes back; the seconds until the last answer."""
        began = time.monotonic()
        sent = []
        for number, parcel in enumerate(parcels):
            await asyncio.sleep(max(began + number / per_second - time.monotonic(), 0))
            sent.append(asyncio.create_task(self.send(parcel)))
        await asyncio.gather(*sent)
        return time.monotonic() - began
