"""The time by the database's clock, which all programs share: what is kept and what is dropped goes by it.

A program measures how far it is and counts on from there by a clock that nobody sets, so that one whose machine has
a wrong time stores right times, and says so. What deletes asks the database itself (`ask_time`).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.telemetry import metrics

log = structlog.get_logger()

OFF_SECONDS = 60.0  # a machine that is further off is told; one that keeps time by the network is off by milliseconds

# The time by the database's clock.
NOW = text("SELECT clock_timestamp()")


async def ask_time(connection: AsyncConnection) -> datetime:
    """The time by the database's clock, asked now. Raises SQLAlchemyError or OSError when Postgres does not answer."""
    now: datetime = (await connection.execute(NOW)).scalar_one()
    return now


async def find_time(engine: AsyncEngine) -> datetime:
    """As `ask_time`, where there is no connection yet."""
    async with engine.connect() as connection:
        return await ask_time(connection)


class Clock:
    """The database's clock as this process knows it; until it was measured, that of the machine."""

    def __init__(self, steady: Callable[[], float] = time.monotonic, own: Callable[[], float] = time.time) -> None:
        self.steady = steady
        self.own = own
        self.is_known = False
        self.base_seconds = own() - steady()  # what the steady clock lacks to the seconds since 1970
        self.was_off = False

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """Since 1970, as `time.time` counts them."""
        return self.base_seconds + self.steady()

    @property
    def off_seconds(self) -> float:
        """How far the machine's own clock is ahead of the database's; negative when it is late."""
        return self.own() - self.seconds()

    def explain(self) -> str:
        """What is wrong with the machine's clock, as a sentence; empty when it is right."""
        off = self.off_seconds
        if abs(off) <= OFF_SECONDS:
            return ""
        which = "ahead of" if off > 0 else "behind"
        return f"this machine's clock is {abs(off):,.0f} s {which} the database's, which is the one that counts: set it"

    async def measure(self, engine: AsyncEngine) -> None:
        """Ask the database. Raises SQLAlchemyError or OSError when it does not answer."""
        async with engine.connect() as connection:
            asked = self.steady()
            told = await ask_time(connection)
            self.learn(told.timestamp(), asked, self.steady())

    def learn(self, told: float, asked: float, answered: float) -> None:
        """Take what was told between two moments of the steady clock; what fits into that is left as it was."""
        if not (self.is_known and told - answered <= self.base_seconds <= told - asked):
            self.base_seconds = told - (asked + answered) / 2
        self.is_known = True
        metrics.CLOCK_OFF.of().set(abs(self.off_seconds))
        problem = self.explain()
        if bool(problem) != self.was_off:
            self.was_off = bool(problem)
            log.warning("clock_is_off" if problem else "clock_is_right", off_seconds=round(self.off_seconds, 1))


CLOCK = Clock()
