"""The turns of the event loop that batches and flushes share: each gets one by itself, and does little in it
(docs/decisions/0017).

Hot reads are answered by the connection as soon as their bytes are there, so a read waits for one turn.
"""

import asyncio

SLICE_SECONDS = 0.0003  # of work that is done in a turn


class Scheduler:
    """Shares the event loop between the batches and flushes of one process: a turn of it goes to one of them. However
    many batches ask for one, a flush waits for one of them at most: what was let in goes out."""

    def __init__(self) -> None:
        self.waiting, self.batches = asyncio.Lock(), asyncio.Lock()

    async def turn_for_flush(self) -> None:
        """Wait until the event loop has come round and no other batch or flush was told to go on in the same turn."""
        async with self.waiting:
            await asyncio.sleep(0)

    async def turn_for_batch(self) -> None:
        """The same for a batch: of many, one at a time asks, so that a flush has one before it at most."""
        async with self.batches:
            await self.turn_for_flush()
