"""One round over projects: who comes next, how long a turn may take, and what becomes of a project that fails.

The only place of the worker that goes from project to project (`./mayday check`). Fair by construction: a round begins
behind the project that had the last turn of the round before, so that in as many rounds as there are projects each has
had a turn, also where every round ends early; and a turn has a time limit.
"""

import asyncio
import time
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from secrets import choice
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger()

LOCK_NOT_AVAILABLE = "55P03"
NAMED_FAILURES = 3


class ProjectsFailed(RuntimeError):
    """The round was made, and some projects' turns failed; the log says why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one turn did. `has_more`: the project has work left, and gets another turn after the others."""

    counts: Mapping[str, int]
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a round goes on giving turns, and after how long a turn is stopped and counts as failed. So a round takes
    at most the sum of the two."""

    round_seconds: float
    turn_seconds: float


class Rotation:
    """Which project had the last turn of each step, as far as this process knows. A new process begins anywhere, so that
    one which is restarted often prefers nobody."""

    def __init__(self) -> None:
        self._last: dict[str, UUID] = {}

    def order(self, step: str, projects: Iterable[UUID]) -> list[UUID]:
        """The projects by their ids, beginning behind the one that had the step's last turn."""
        ordered = sorted(set(projects))
        if not ordered:
            return []
        start = bisect_right(ordered, self._last.get(step) or choice(ordered))
        return ordered[start:] + ordered[:start]

    def note(self, step: str, project_id: UUID) -> None:
        self._last[step] = project_id


@dataclass(slots=True)
class Tally:
    """What a round came to. `left`: projects that wait for a turn, a first or a further one, when its time is over."""

    counts: Counter[str] = field(default_factory=Counter)
    served: set[UUID] = field(default_factory=set)
    failed: list[UUID] = field(default_factory=list)
    busy: set[UUID] = field(default_factory=set)  # those whose lock was not to be had once
    left: int = 0

    def raise_failures(self) -> None:
        """Raises ProjectsFailed when some turns failed, with their number and the first ids."""
        if self.failed:
            first = ", ".join(map(str, self.failed[:NAMED_FAILURES]))
            well = len(self.served - set(self.failed))
            raise ProjectsFailed(f"{len(self.failed)} failed and {well} went well; failed: {first}")


RunProject = Callable[[UUID], Awaitable[Progress]]


async def make_round(step: str, projects: Iterable[UUID], run: RunProject, bounds: Bounds, rotation: Rotation) -> Tally:
    """Give the projects their turns until none has work left or the round's time is over; at least one turn.

    A project that fails has no further turn in this round. Raises only what no project is to blame for: a store that is
    away, and cancellation.
    """
    tally, ends_at = Tally(), time.monotonic() + bounds.round_seconds
    waiting = deque(rotation.order(step, projects))
    is_over = False
    while waiting and not is_over:
        project_id = waiting.popleft()
        rotation.note(step, project_id)  # before the turn: whatever it brings down, the next round begins behind it
        if await take_turn(tally, step, project_id, run, bounds.turn_seconds):
            waiting.append(project_id)
        is_over = time.monotonic() >= ends_at
    tally.left = len(waiting)
    return tally


async def take_turn(tally: Tally, step: str, project_id: UUID, run: RunProject, seconds: float) -> bool:
    """Give a project its turn and note in the tally what became of it; whether it is to have another.

    A project that another transaction has locked gets a second turn after the others. Raises an outage.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            progress = await run(project_id)
    except Exception as error:
        if is_busy(error) and project_id not in tally.busy:
            log.info("project_busy", step=step, project_id=str(project_id), until="the others had their turns")
            tally.busy.add(project_id)
            return True
        if is_outage(error) and not limit.expired():
            raise
        log.exception("project_failed", step=step, project_id=str(project_id))
        tally.failed.append(project_id)
        return False
    tally.counts.update(progress.counts)
    tally.served.add(project_id)
    return progress.has_more


def is_busy(error: Exception) -> bool:
    """Whether a lock was not to be had in its time."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE


def is_outage(error: Exception) -> bool:
    """Whether a store is away, which is no fault of a project."""
    return isinstance(error, OSError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
