"""One task for all who want the same thing at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class SingleFlight(Generic[Result]):
    """The tasks that are under way, by what they bring. Wait for one with `asyncio.shield`: others wait for it too.

    `note_failure` hears of each that failed, whether or not anyone waits for it still.
    """

    def __init__(self, note_failure: Callable[[BaseException], None]) -> None:
        self.note_failure = note_failure
        self.under_way: dict[Hashable, asyncio.Task[Result]] = {}

    def join(self, key: Hashable, begin: Callable[[], Coroutine[Any, Any, Result]]) -> asyncio.Task[Result]:
        """The one task for this key, begun where there is none. Raises what `begin` itself raises."""
        flight = self.under_way.get(key)
        if flight is None:
            flight = self.under_way[key] = asyncio.create_task(begin())
            flight.add_done_callback(lambda done: self.end(key, done))
        return flight

    def end(self, key: Hashable, done: asyncio.Task[Result]) -> None:
        del self.under_way[key]
        if not done.cancelled() and (error := done.exception()):
            self.note_failure(error)

    async def end_all(self) -> None:
        """Wait until none of those that are under way now is."""
        if self.under_way:
            await asyncio.wait(self.under_way.values())
