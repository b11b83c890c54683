"""From bodies to rows without keeping others waiting: a little of it at a turn of the event loop (api/storing/scheduler.py),
and what is large beside it (docs/decisions/0017).

A body of 20 MiB of odd JSON, or in which every line may hold a secret, takes seconds: in a thread the interpreter gives
the event loop its turn every few milliseconds.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from api.storing.scheduler import SLICE_SECONDS, Scheduler

T = TypeVar("T")
ItemT = TypeVar("ItemT")
ContextT = TypeVar("ContextT")
MadeT = TypeVar("MadeT")

LARGE_BYTES = 256 * 2**10  # below, the hand-over to a thread costs others more than the wait
LARGE_SLICE_SECONDS = 0.05  # after which a caller who went away is noticed


class BodyScheduler(Scheduler):
    """The scheduler that those ask who have bodies to parse and rows to make of them, beside the flushes that share it."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = asyncio.Lock(), asyncio.Lock()
        # of one thread: what a caller left in it who went away is not joined by more
        self.beside = ThreadPoolExecutor(1, "large bodies")

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

    async def make_each(
        self, items: Sequence[ItemT], make: Callable[[ItemT, ContextT], MadeT], context: ContextT, body_bytes: int
    ) -> list[MadeT]:
        """What this makes of each item, in their order. First come, first served: what is made goes to the writer while
        the next is."""
        left, made = iter(items), list[MadeT]()
        if body_bytes > LARGE_BYTES:
            while len(made) < len(items):
                made += await self.run_beside(partial(make_some, left, make, context, LARGE_SLICE_SECONDS))
        else:
            async with self.small:
                while len(made) < len(items):
                    await self.turn_for_batch()
                    made += make_some(left, make, context, SLICE_SECONDS)
        return made


def make_some(
    left: Iterator[ItemT], make: Callable[[ItemT, ContextT], MadeT], context: ContextT, seconds: float
) -> list[MadeT]:
    """What is made of the next items, as many as this time allows, at least one."""
    made: list[MadeT] = []
    until = time.perf_counter() + seconds
    for item in left:
        made.append(make(item, context))
        if time.perf_counter() > until:
            break
    return made
