"""Tells the cache that a project has new errors: at once, then at most once per interval and project."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from api.storing.rows import ErrorRow, UsageRow
from common.cache import Cache, CacheUnavailable


class Announcer:
    """Raises the generation of `errors` in the background; a write never waits for Redis.

    Half of `max_age_seconds` goes to the interval here, the other half to the copies that readers keep.
    """

    def __init__(self, cache: Cache, max_age_seconds: float) -> None:
        self.cache = cache
        self.interval_seconds = max_age_seconds / 2
        self.pending: set[UUID] = set()
        self.wake = asyncio.Event()
        self.closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self.run(), name="announcer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.wake.set()
        await self.task

    def announce(self, project_ids: Iterable[UUID]) -> None:
        """Note that answers about the errors of these projects are outdated."""
        self.pending.update(project_ids)
        self.wake.set()

    def note_errors(self, rows: Iterable[ErrorRow]) -> None:
        """Errors were stored."""
        self.announce({row.project_id for row in rows})

    def note_usage(self, rows: Iterable[UsageRow]) -> None:
        """Usage was stored; the answers of patterns that it was spent on are outdated."""
        self.announce({row.project_id for row in rows if row.is_tied_to_an_error})

    async def run(self) -> None:
        """Until closed, and once more then. What the cache did not take is told again, also without another write:
        else an answer from before an outage would pass for a current one after it."""
        while not self.closing.is_set():
            if not self.pending:
                await self.wake.wait()
            self.wake.clear()
            await self.tell()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), self.interval_seconds)
        await self.tell()

    async def tell(self) -> None:
        """Raise the generations that are due; what the cache does not take stays due."""
        due, self.pending = self.pending, set()
        for project_id in due:
            try:
                await self.cache.raise_generation(project_id, "errors")
            except CacheUnavailable:
                self.pending.add(project_id)
