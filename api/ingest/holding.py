"""Requests that wait: of senders that send nothing again, while Postgres takes nothing or too much is waiting.

They lose what is refused; while one waits, the sender keeps what comes after it. How many wait is bounded, so that
connections are left for others.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.http.problems import Unavailable
from api.storing.flusher import Outcome
from api.storing.writer import Writer

LOOK_SECONDS = 0.1
Stored = asyncio.Future[list[Outcome]]


@dataclass(slots=True)
class Hold:
    """How long one request may wait: until this moment (monotonic seconds)."""

    until: float

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    async def until_room(self, writer: Writer[Any], project_id: UUID) -> None:
        """Wait until the writer takes rows of this project. Raises Overloaded or Unavailable when it never does."""
        while True:
            try:
                writer.refuse_when_full(project_id)
            except Unavailable:
                if self.is_over:
                    raise
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def until_stored(self, stored: Stored, store_again: Callable[[], Awaitable[Stored]]) -> list[Outcome]:
        """What became of the rows, which are given to the writer again where Postgres did not take them: their ids make that
        safe. Raises Unavailable."""
        while True:
            try:
                return await stored
            except Unavailable:
                if self.is_over:
                    raise
                await asyncio.sleep(LOOK_SECONDS)
                stored = await store_again()


class Holding:
    """How many requests of one pipeline wait."""

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self.held = 0

    @contextmanager
    def begin(self, seconds: float) -> Iterator[Hold]:
        """A hold of so many seconds; of none where too many are under way already."""
        is_free = self.held < self.at_most
        self.held += 1
        try:
            yield Hold(time.monotonic() + seconds if is_free else 0.0)
        finally:
            self.held -= 1
