"""From items to rows without keeping others waiting: in slices, and those of large bodies beside the event loop.

A body of 20 MiB in which every line may hold a secret takes seconds. In a thread the interpreter gives the event loop
its turn every few milliseconds; one body at a time, so that two take no more from the others than one.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence

from api.ingest.parsing import Item, Parsed, SentError
from api.ingest.rows import Frame, Row, make_row

LARGE_BYTES = 256 * 2**10  # below, the hand-over to a thread costs others more than the wait
SLICE_SECONDS = 0.005
LARGE_SLICE_SECONDS = 0.05  # after which a caller who went away is noticed


async def make_rows(
    items: Sequence[Item[SentError]], frame: Frame, body_bytes: int, large_bodies: asyncio.Lock
) -> dict[int, Row]:
    """The rows of what was parsed, by the place of their item."""
    parsed = [(index, item) for index, item in enumerate(items) if isinstance(item, Parsed)]
    left, rows = iter(parsed), dict[int, Row]()
    if body_bytes > LARGE_BYTES:
        async with large_bodies:
            while len(rows) < len(parsed):
                rows |= await asyncio.to_thread(make_some, left, frame, LARGE_SLICE_SECONDS)
        return rows
    while len(rows) < len(parsed):
        if rows:
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
