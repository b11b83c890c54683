"""Reads inputs in a thread of its own, and hands over their errors in batches: full ones, and what there is after a second."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from api.ingest.receivers.shipper.mapping import MappingOptions
from cli.send.decoding import Chunks, Input, InputRefused
from cli.send.delivery import Batch, Tally
from cli.send.following import FollowedFile
from cli.send.mapping import InputMapping, Line, Unsent, with_severity
from cli.send.sniffing import Form, sniff
from cli.send.splitting import split_records

FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How inputs are read: their form where it was told, the mapping, and the size of a batch."""

    form: Form
    options: MappingOptions
    batch_size: int
    tally: Tally

    def read(self, inputs: Iterator[Input | FollowedFile]) -> Iterator[Batch]:
        """The batches of all inputs, each with the bytes that were read by then."""
        before = 0
        for one in inputs:
            try:
                for batch in self.read_one(one):
                    yield batch._replace(position=before + one.position)
            except InputRefused as refused:
                self.tally.refuse(str(refused))
            before += one.size_bytes

    def read_one(self, one: Input | FollowedFile) -> Iterator[Batch]:
        changed_ms = one.changed_ms if one.changed_ms is not None else time.time_ns() // 1_000_000
        chunks = one.chunks()
        head, began = read_head(chunks)
        shape = sniff(head, self.form, self.options.columns.values())
        mapping = InputMapping(one.name, changed_ms, with_severity(self.options, names_level=shape.names_level))
        found = split_records(chain(began, chunks), shape)
        yield from self.gather(mapping.map_all(found))
        self.tally.note_missing(mapping.missing.values() if mapping.number else ())

    def gather(self, lines: Iterator[Line | Unsent | None]) -> Iterator[Batch]:
        """Batches of the lines; the others are counted."""
        batch: list[Line] = []
        begun = time.monotonic()
        for line in lines:
            if isinstance(line, Line):
                batch.append(line)
            elif line is not None:
                self.tally.count_unsent(line)
            now = time.monotonic()
            if len(batch) >= self.batch_size or (line is None and batch) or now - begun > FLUSH_SECONDS:
                yield Batch(batch)
                batch, begun = [], now
        yield Batch(batch)


def read_head(chunks: Chunks) -> tuple[bytes, list[bytes | None]]:
    """What came first, up to the end of a line, and the chunks that it came in."""
    began: list[bytes | None] = []
    head = b""
    for chunk in chunks:
        began.append(chunk)
        head += chunk or b""
        if b"\n" in head or len(head) >= 2**16:
            break
    return head, [chunk for chunk in began if chunk is not None]


class Handover:
    """Gives what a thread reads to those who deliver it, a few batches ahead."""

    def __init__(self, batches: Iterator[Batch], ahead: int) -> None:
        self.batches = batches
        self.queue: asyncio.Queue[Batch | None] = asyncio.Queue()
        self.room = threading.Semaphore(ahead)
        self.failure: BaseException | None = None

    def start(self) -> None:
        threading.Thread(target=self.run, args=(asyncio.get_running_loop(),), name="reading", daemon=True).start()

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for batch in self.batches:
                self.room.acquire()
                loop.call_soon_threadsafe(self.queue.put_nowait, batch)
        except BaseException as failure:  # noqa: BLE001 - raised again where it is waited for
            self.failure = failure
        finally:
            loop.call_soon_threadsafe(self.queue.put_nowait, None)

    async def next(self) -> Batch | None:
        """The next batch; None at the end, for all who ask. Raises what the reading raised."""
        batch = await self.queue.get()
        self.room.release()
        if batch is None:
            self.queue.put_nowait(None)
            if self.failure is not None:
                raise self.failure
        return batch
