"""From the body of a batch to rows without keeping others waiting: one batch at a time, and little of it at a turn of
the event loop; rows of large bodies are made beside it.

Hot reads are answered by the connection as soon as their bytes are there, so a read waits for one slice of a batch, and
for one of a flush (`error_rows`). A body of 20 MiB in which every line may hold a secret takes seconds: in a thread the
interpreter gives the event loop its turn every few milliseconds.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import ParamSpec, TypeVar

from api.ingest.parsing import Item, Parsed, SentError
from api.ingest.rows import Frame, Row, make_row

LARGE_BYTES = 256 * 2**10  # below, the hand-over to a thread costs others more than the wait
SLICE_SECONDS = 0.0005
LARGE_SLICE_SECONDS = 0.05  # after which a caller who went away is noticed


T = TypeVar("T")
P = ParamSpec("P")


class Turns:
    """Whose batch is judged, for the whole of one process. First come, first served: what is judged goes to the writer
    while the next is. Large bodies have a queue of their own, so that two take no more from the others than one."""

    def __init__(self) -> None:
        self.parsing, self.small, self.large = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()

    async def parse(self, parse: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What `parse` gives; one body at a turn."""
        async with self.parsing:
            await asyncio.sleep(0)
            return parse(*arguments, **named)

    async def make_rows(self, items: Sequence[Item[SentError]], frame: Frame, body_bytes: int) -> dict[int, Row]:
        """The rows of what was parsed, by the place of their item."""
        parsed = [(index, item) for index, item in enumerate(items) if isinstance(item, Parsed)]
        left, rows = iter(parsed), dict[int, Row]()
        is_large = body_bytes > LARGE_BYTES
        async with self.large if is_large else self.small:
            while len(rows) < len(parsed):
                if is_large:
                    rows |= await asyncio.to_thread(make_some, left, frame, LARGE_SLICE_SECONDS)
                else:
                    await asyncio.sleep(0)
                    rows |= make_some(left, frame, SLICE_SECONDS)
        return rows


def make_some(left: Iterator[tuple[int, Parsed[SentError]]], frame: Frame, seconds: float) -> dict[int, Row]:
    """The next rows, as many as this time makes, at least one."""
    rows: dict[int, Row] = {}
    until = time.perf_counter() + seconds
    for index, item in left:
        rows[index] = make_row(item, frame)
        if time.perf_counter() > until:
            break
    return rows
