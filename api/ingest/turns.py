"""From items to rows without keeping others waiting: batches and flushes take turns at the event loop, each does little
in its own, and rows of large bodies are made beside it (docs/decisions/0017).

Hot reads are answered by the connection as soon as their bytes are there, so a read waits for one turn. A body of 20 MiB
in which every line may hold a secret takes seconds: in a thread the interpreter gives the event loop its turn every few
milliseconds.
"""

import asyncio
import time
from collections.abc import Iterator

from api.ingest.parsing import Batch, SentError
from api.ingest.rows import Frame, Row, make_row, note_adjustments

LARGE_BYTES = 256 * 2**10  # below, the hand-over to a thread costs others more than the wait
SLICE_SECONDS = 0.0003
LARGE_SLICE_SECONDS = 0.05  # after which a caller who went away is noticed


class Turns:
    """Shares the event loop between the batches and flushes of one process: a turn of it goes to one of them. However
    many batches ask for one, a flush waits for one of them at most: what was let in goes out."""

    def __init__(self) -> None:
        self.waiting, self.batches = asyncio.Lock(), asyncio.Lock()
        self.small, self.large = asyncio.Lock(), asyncio.Lock()

    async def for_flush(self) -> None:
        """Return at a turn that nobody else was given."""
        async with self.waiting:
            await asyncio.sleep(0)

    async def for_batch(self) -> None:
        """Return at a turn that nobody else was given."""
        async with self.batches:
            await self.for_flush()

    async def make_rows(self, batch: Batch[SentError], frame: Frame, body_bytes: int) -> list[Row]:
        """A row for each item. First come, first served: what is made goes to the writer while the next is. Large bodies
        have a queue of their own, so that two take no more than one."""
        left, rows = iter(batch.items), list[Row]()
        is_large = body_bytes > LARGE_BYTES
        async with self.large if is_large else self.small:
            while len(rows) < len(batch.items):
                if is_large:
                    rows += await asyncio.to_thread(make_some, left, frame, LARGE_SLICE_SECONDS)
                else:
                    await self.for_batch()
                    rows += make_some(left, frame, SLICE_SECONDS)
        for number, adjustments in batch.adjusted.items():
            rows[number] = note_adjustments(rows[number], adjustments)
        return rows


def make_some(left: Iterator[SentError], frame: Frame, seconds: float) -> list[Row]:
    """The next rows, as many as this time makes, at least one."""
    rows: list[Row] = []
    until = time.perf_counter() + seconds
    for error in left:
        rows.append(make_row(error, frame))
        if time.perf_counter() > until:
            break
    return rows
