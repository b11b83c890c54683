"""A turn of the event loop goes to one batch or flush, and a flush has one batch before it at most."""

import asyncio
from collections.abc import Awaitable, Callable

from api.storing.scheduler import Scheduler


async def take_turns(batches: int) -> tuple[list[int], list[int]]:
    """The turns of the loop that were given to so many batches, and to a flush that asks beside them."""
    given, turn = Scheduler(), 0
    to_batches: list[int] = []
    to_flush: list[int] = []

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def work(take: Callable[[], Awaitable[None]], taken: list[int]) -> None:
        for _ in range(10):
            await take()
            taken.append(turn)

    counting = asyncio.create_task(count_turns())
    await asyncio.gather(
        *(work(given.turn_for_batch, to_batches) for _ in range(batches)), work(given.turn_for_flush, to_flush)
    )
    counting.cancel()
    return to_batches, to_flush


async def test_two_who_work_at_once_never_get_the_same_turn() -> None:
    to_batches, to_flush = await take_turns(5)
    assert len({*to_batches, *to_flush}) == len(to_batches) + len(to_flush) == 60


async def test_a_flush_does_not_wait_longer_for_many_batches_than_for_one() -> None:
    assert (await take_turns(30))[1][-1] <= (await take_turns(1))[1][-1] + 2
