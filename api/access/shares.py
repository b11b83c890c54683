"""A pool of connections that projects share: none takes so many that another waits for it, and nobody waits for long.

A slow question holds its connection for seconds. So a project has at most its share of the pool's, what is free goes to
the project that holds fewest, and who has waited `WAIT_SECONDS` is told to come again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from fastapi import Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.http.problems import Busy
from common.database import durability

# With the longest statement (`database_statement_seconds`) after it, still within `request_seconds`.
WAIT_SECONDS = 2.0


@dataclass(slots=True)
class Line:
    """What one project holds, who of it waits, and when one of them was last let in, as a running number."""

    held: int = 0
    let_in: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


class Gate:
    """Lets in `most` at a time, `most_each` of one project. Knows nothing of connections."""

    def __init__(self, most: int, most_each: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self.free = most
        self.most_each = most_each
        self.wait_seconds = wait_seconds
        self.lines: dict[UUID, Line] = {}
        self.count = 0

    @asynccontextmanager
    async def turn(self, project_id: UUID) -> AsyncIterator[None]:
        """Be in. Raises Busy."""
        line = self.lines.setdefault(project_id, Line())
        try:
            await self.enter(line)
            try:
                yield
            finally:
                self.leave(line)
        finally:
            if not line.held and not line.waiting and self.lines.get(project_id) is line:
                del self.lines[project_id]

    async def enter(self, line: Line) -> None:
        if self.free and line.held < self.most_each:  # nobody of it waits then, nor of others who may come in
            self.let_in(line)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(turn)
        try:
            async with asyncio.timeout(self.wait_seconds):
                await turn
        except BaseException as error:
            self.give_up(line, turn)
            if isinstance(error, TimeoutError):
                raise Busy("this project asks for more at once than its share: send this again in a moment") from error
            raise

    def give_up(self, line: Line, turn: "asyncio.Future[None]") -> None:
        """Wait no more; a turn that came at the same moment goes to the next."""
        if turn.done() and not turn.cancelled():
            self.leave(line)
        elif turn in line.waiting:
            line.waiting.remove(turn)

    def let_in(self, line: Line) -> None:
        self.count += 1
        self.free -= 1
        line.held += 1
        line.let_in = self.count

    def leave(self, line: Line) -> None:
        """Give the turn to the project that holds fewest, of several to the one that was let in longest ago."""
        self.free += 1
        line.held -= 1
        while entitled := [other for other in self.lines.values() if other.waiting and other.held < self.most_each]:
            following = min(entitled, key=lambda other: (other.held, other.let_in))
            turn = following.waiting.popleft()
            if not turn.cancelled():  # else it gives up in this very moment
                self.let_in(following)
                turn.set_result(None)
                return


def gate_of(most: int) -> Gate:
    """One that lets in so many, and half of them of one project."""
    return Gate(most, half(most))


def half(number: int) -> int:
    return max(number // 2, 1)


@dataclass(frozen=True, slots=True)
class Share:
    """The connections of a pool as one project has them; stands for the engine where one is asked for."""

    engine: AsyncEngine
    gate: Gate
    project_id: UUID

    def connect(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Raises Busy."""
        return self.let_in(self.engine.connect())

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction whose answer holds what it found for stored: it waits for the standby that COMMIT waits for where it
        wrote nothing too, since what it found may be on the primary alone. Raises Busy."""
        async with self.let_in(self.engine.begin()) as connection:
            yield connection
            await connection.execute(text(durability.WAIT_FOR_STANDBY))

    @asynccontextmanager
    async def let_in(self, opening: AbstractAsyncContextManager[AsyncConnection]) -> AsyncIterator[AsyncConnection]:
        async with self.gate.turn(self.project_id), opening as connection:
            yield connection


@dataclass(frozen=True, slots=True)
class Shares:
    """A pool as the projects share it."""

    engine: AsyncEngine
    gate: Gate

    def of(self, project_id: UUID) -> Share:
        return Share(self.engine, self.gate, project_id)


def share_of(request: Request, project_id: UUID) -> Share:
    """The connections for all else of this project: what it decides and sets, and the prices of what it sends."""
    return cast("Shares", request.state.shares).of(project_id)
