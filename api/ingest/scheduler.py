"""From bodies to rows without keeping others waiting: batches and flushes take turns at the event loop, each does little
in its own, and large bodies are parsed and made rows of beside it (docs/decisions/0017).

Hot reads are answered by the connection as soon as their bytes are there, so a read waits for one turn. A body of 20 MiB
of odd JSON, or in which every line may hold a secret, takes seconds: in a thread the interpreter gives the event loop its
turn every few milliseconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from api.ingest.receivers.native import Batch, SentError
from api.ingest.rows import RequestContext, Row, make_row, note_adjustments

T = TypeVar("T")

LARGE_BYTES = 256 * 2**10  # below, the hand-over to a thread costs others more than the wait
SLICE_SECONDS = 0.0003
LARGE_SLICE_SECONDS = 0.05  # after which a caller who went away is noticed


class Scheduler:
    """Shares the event loop between the batches and flushes of one process: a turn of it goes to one of them. However
    many batches ask for one, a flush waits for one of them at most: what was let in goes out."""

    def __init__(self) -> None:
        self.waiting, self.batches = asyncio.Lock(), asyncio.Lock()
        self.small, self.large = asyncio.Lock(), asyncio.Lock()
        # of one thread: what a caller left in it who went away is not joined by more
        self.beside = ThreadPoolExecutor(1, "large bodies")

    async def turn_for_flush(self) -> None:
        """Return at a turn that nobody else was given."""
        async with self.waiting:
            await asyncio.sleep(0)

    async def turn_for_batch(self) -> None:
        """Return at a turn that nobody else was given."""
        async with self.batches:
            await self.turn_for_flush()

    @asynccontextmanager
    async def for_body(self, body_bytes: int) -> AsyncIterator[None]:
        """Begin at a turn that nobody else was given. Large bodies have a queue of their own, which each leaves at the end
        only: two take no more than one, and what is made of one, ten times its bytes, is not held of many."""
        if body_bytes <= LARGE_BYTES:
            await self.turn_for_batch()
            yield
        else:
            async with self.large:
                yield

    async def parse(self, body_bytes: int, parse: Callable[[], T]) -> T:
        """What this makes of a body of so many bytes."""
        return await self.run_beside(parse) if body_bytes > LARGE_BYTES else parse()

    async def run_beside(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.beside, work)

    async def make_rows(self, batch: Batch[SentError], request: RequestContext, body_bytes: int) -> list[Row]:
        """A row for each item. First come, first served: what is made goes to the writer while the next is."""
        left, rows = iter(batch.items), list[Row]()
        if body_bytes > LARGE_BYTES:
            while len(rows) < len(batch.items):
                rows += await self.run_beside(partial(make_some, left, request, LARGE_SLICE_SECONDS))
        else:
            async with self.small:
                while len(rows) < len(batch.items):
                    await self.turn_for_batch()
                    rows += make_some(left, request, SLICE_SECONDS)
        for number, adjustments in batch.adjusted.items():
            rows[number] = note_adjustments(rows[number], adjustments)
        return rows


def make_some(left: Iterator[SentError], request: RequestContext, seconds: float) -> list[Row]:
    """The next rows, as many as this time makes, at least one."""
    rows: list[Row] = []
    until = time.perf_counter() + seconds
    for error in left:
        rows.append(make_row(error, request))
        if time.perf_counter() > until:
            break
    return rows
