"""A standby that answers what need not know of the last moment (MAYDAY_READ_DATABASE_URL), for as long as it is not far behind.

How far that is follows from the primary's log alone, no clock and no load needed: every second its place is noted, and the
standby is behind since the first place noted that it has not reached. While the primary does not answer nothing new can be
missing, so the standby goes on.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.access.shares import Share, Shares
from common.telemetry import metrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0
LONGEST_LOOK_SECONDS = 2.0
# Places in the log, in bytes from its beginning. A standby that was promoted has all that it has written.
WRITTEN = text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
REPLAYED = text("""
    SELECT pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END, '0/0')::bigint
""")
UNKNOWN = float("inf")


@dataclass(slots=True)
class Places:
    """Where the primary's log was, as (seconds, bytes), oldest first, and where the standby is. Pure."""

    written: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, written: int) -> None:
        if not self.written or written > self.written[-1][1]:
            self.written.append((now, written))

    def behind(self, now: float, replayed: int) -> float:
        """For how many seconds the standby lacks something that the primary had."""
        while self.written and self.written[0][1] <= replayed:
            self.written.popleft()
        return now - self.written[0][0] if self.written else 0.0


@dataclass(slots=True)
class Replica:
    """The standby's connections as projects share them, the primary to compare it with, and how far it is behind (seconds;
    infinite while nobody knows)."""

    shares: Shares
    primary: AsyncEngine
    behind_max_seconds: float
    behind_seconds: float = UNKNOWN
    places: Places = field(default_factory=Places)

    @property
    def is_used(self) -> bool:
        return self.behind_seconds <= self.behind_max_seconds

    def of(self, project_id: UUID) -> Share | None:
        """The connections for what this project reads; None while the standby is too far behind."""
        return self.shares.of(project_id) if self.is_used else None

    async def keep_looking(self) -> None:
        """Look every second; for a task of its own."""
        while True:
            was_used = self.is_used
            self.behind_seconds = await self.look()
            metrics.READ_REPLICA_BEHIND.of().set(self.behind_seconds)
            if self.is_used != was_used:
                log.info("read_replica", is_used=self.is_used, behind_seconds=round(self.behind_seconds, 1))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> float:
        with suppress(SQLAlchemyError, OSError):
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                self.places.note(time.monotonic(), await find_place(self.primary, WRITTEN))
        try:
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                replayed = await find_place(self.shares.engine, REPLAYED)
        except (SQLAlchemyError, OSError):
            return UNKNOWN
        return self.places.behind(time.monotonic(), replayed)


async def find_place(engine: AsyncEngine, statement: object) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(statement) or 0)  # type: ignore[call-overload]
