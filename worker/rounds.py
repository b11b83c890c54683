"""A round over projects: one that fails, or takes too long, keeps none of the others from its turn."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import chain
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger()

LOCK_NOT_AVAILABLE = "55P03"


class ProjectsFailed(RuntimeError):
    """The round was made, and some projects' turns failed; the log says why."""


class Round:
    """`seconds` is the time of the whole round, what is left then is for the next one; `turn_seconds` that of a turn."""

    def __init__(self, *, seconds: float = math.inf, turn_seconds: float | None = None) -> None:
        self.ends_at = time.monotonic() + seconds
        self.turn_seconds = turn_seconds
        self.taken = 0
        self.failed: list[UUID] = []
        self.busy: dict[UUID, bool] = {}  # those whose lock was not to be had, and whether they wait for a second turn

    def over(self, projects: Iterable[UUID]) -> Iterator[UUID]:
        """The projects, and those again that were busy, until the round's time is over; those that failed in it before are
        left out."""
        for project_id in chain(projects, self.second_turns()):
            if time.monotonic() >= self.ends_at:
                return
            if project_id not in self.failed:
                yield project_id

    def second_turns(self) -> Iterator[UUID]:
        """The projects that were busy, each once."""
        for project_id in [project_id for project_id, is_waiting in self.busy.items() if is_waiting]:
            self.busy[project_id] = False
            yield project_id

    @asynccontextmanager
    async def turn(self, project_id: UUID) -> AsyncIterator[None]:
        """One project's turn; its failure is noted here. One that another job was writing gets a second turn. Raises only
        what no project could do now."""
        try:
            async with asyncio.timeout(self.turn_seconds) as limit:
                yield
        except Exception as error:
            if is_busy(error) and project_id not in self.busy:
                log.info("project_busy", project_id=str(project_id), until="the others had their turns")
                self.busy[project_id] = True
                return
            if is_outage(error) and not limit.expired():
                raise
            log.exception("project_failed", project_id=str(project_id))
            self.failed.append(project_id)
        else:
            self.taken += 1

    def end(self) -> None:
        """Raises ProjectsFailed when some turns failed, so that the run is told as failed."""
        if self.failed:
            first = ", ".join(str(project_id) for project_id in self.failed[:3])
            raise ProjectsFailed(f"{len(self.failed)} failed and {self.taken} went well; failed: {first}")


def is_busy(error: Exception) -> bool:
    """Whether a lock was not to be had in its time."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


def is_outage(error: Exception) -> bool:
    """Whether a store is away, which is no fault of a project."""
    return isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
