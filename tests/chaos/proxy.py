"""A TCP proxy in front of a store's socket. It passes bytes on, and on demand delays them, hangs, cuts, refuses, or
cuts exactly between a COMMIT and the client's knowledge of it.

Connections must be without TLS, since it reads along.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.postgres_wire import REFUSED, Conversation, start_length, wants_encryption

CHUNK_BYTES = 256 * 1024
STORES = re.compile(rb'(?:INSERT INTO|COPY) "?(errors|usage_records)\b')


@dataclass(eq=False, slots=True)
class Link:
    """One client's connection and its twin to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    conversation: Conversation | None

    def cut(self) -> None:
        """Reset both ends at once; bytes that wait are lost."""
        for writer in (self.client, self.server):
            writer.transport.abort()


@dataclass(eq=False, slots=True)
class Proxy:
    """Listens on a free port of the loopback; use it with `async with`. Faults are switched on by its attributes:

    `delay_seconds` before each piece that goes to the server, `commits_to_cut` (of `table_to_cut`) counts down as it
    cuts, and `hang`, `resume`, `cut`, `refuse` and `accept` do what they say. With `reads_postgres` it follows the
    conversations.
    """

    upstream: Path
    reads_postgres: bool = False
    delay_seconds: float = 0.0
    table_to_cut: str = "errors"
    commits_to_cut: int = 0
    commits_cut: int = 0
    is_refusing: bool = False
    links: set[Link] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    listener: asyncio.Server | None = None
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self.flowing.set()
        self.listener = await asyncio.start_server(self.accept_client, "127.0.0.1", 0, limit=CHUNK_BYTES)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.listener is not None
        self.listener.close()
        self.flowing.set()
        while self.tasks:
            self.refuse()
            await asyncio.wait(self.tasks, timeout=0.05)

    @property
    def port(self) -> int:
        assert self.listener is not None
        return int(self.listener.sockets[0].getsockname()[1])

    def hang(self) -> None:
        """Pass nothing on any more, in either direction; new connections are taken and hear nothing."""
        self.flowing.clear()

    def resume(self) -> None:
        self.flowing.set()

    def cut(self) -> None:
        """Reset every connection that there is."""
        for link in tuple(self.links):
            link.cut()

    def refuse(self) -> None:
        """Reset every connection, and each new one at once."""
        self.is_refusing = True
        self.cut()

    def accept(self) -> None:
        self.is_refusing = False

    def accept_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its end."""
        ends = [writer]
        # a server that is down: the client's end is closed; RuntimeError is uvloop's word for an end that was cut
        with suppress(OSError, RuntimeError, asyncio.IncompleteReadError):
            if not self.is_refusing:
                server_reader, server_writer = await asyncio.open_unix_connection(self.upstream, limit=CHUNK_BYTES)
                ends.append(server_writer)
                await self.relay(reader, server_reader, Link(writer, server_writer, self.conversation()))
        for end in ends:
            end.transport.abort()
            with suppress(OSError):
                await end.wait_closed()

    def conversation(self) -> Conversation | None:
        return Conversation(STORES) if self.reads_postgres else None

    async def relay(self, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader, link: Link) -> None:
        """Both directions, until one of them ends."""
        self.links.add(link)
        try:
            if link.conversation:
                await self.open_conversation(from_client, link)
            up = asyncio.create_task(self.pass_up(from_client, link))
            down = asyncio.create_task(self.pass_down(from_server, link))
            await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            down.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        finally:
            self.links.discard(link)

    async def open_conversation(self, reader: asyncio.StreamReader, link: Link) -> None:
        """Pass the start message on; a wish for encryption is refused here."""
        opening = await reader.readexactly(8)
        while wants_encryption(opening):
            link.client.write(REFUSED)
            opening = await reader.readexactly(8)
        await self.flowing.wait()
        link.server.write(opening + await reader.readexactly(start_length(opening) - len(opening)))

    async def pass_up(self, reader: asyncio.StreamReader, link: Link) -> None:
        """What the client says."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                await self.flowing.wait()
                if link.conversation:
                    link.conversation.client_says(data)
                link.server.write(data)
                await link.server.drain()

    async def pass_down(self, reader: asyncio.StreamReader, link: Link) -> None:
        """What the server says. Armed, it holds an answer back until it is whole, and cuts where that was a commit."""
        held = b""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self.flowing.wait()
                if link.conversation:
                    is_ready, committed = link.conversation.server_says(data)
                    if self.commits_to_cut and committed == self.table_to_cut:
                        self.commits_to_cut -= 1
                        self.commits_cut += 1
                        link.cut()
                        return
                    held += data
                    if self.commits_to_cut and link.conversation.may_be_committing and not is_ready:
                        continue
                    data, held = held, b""
                link.client.write(data)
                await link.client.drain()
