"""What senders lost: what their SDKs say that they dropped, and what was refused of them. The only writer of `sender_losses`.

Counted in memory and written every few seconds, so that it costs a request nothing, and while Postgres is away all the same:
a process that is killed takes the last seconds with it.
"""

import asyncio
from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from common.database.clock import CLOCK
from common.telemetry import metrics
from common.telemetry.metrics import LOSS_CATEGORIES, LOSS_REASONS

log = structlog.get_logger()

WRITE_SECONDS = 5.0
HELD_MAX = 100_000  # sums that wait while Postgres is away; what comes beyond is in the metrics alone
OTHER = "other"

# Adds what was lost on a day.
ADD_LOSSES = text("""
    INSERT INTO sender_losses AS l (project_id, day, reason, category, count)
    VALUES (:project_id, :day, :reason, :category, :count)
    ON CONFLICT (project_id, day, reason, category) DO UPDATE SET count = l.count + EXCLUDED.count
""")

Sum = tuple[UUID, date, str, str]


class Losses:
    """The losses that this process has heard of and not written yet."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.sums: Counter[Sum] = Counter()

    def note(self, project_id: UUID, reason: str, category: str, count: int) -> None:
        """Count a loss under the words that are known; any other is `other`."""
        reason = reason if reason in LOSS_REASONS else OTHER
        category = category if category in LOSS_CATEGORIES else OTHER
        metrics.SENDER_LOSSES.of(reason, category).inc(count)
        key = (project_id, CLOCK.now().date(), reason, category)
        if key in self.sums or len(self.sums) < HELD_MAX:
            self.sums[key] += count

    async def keep_writing(self) -> None:
        """Write what was counted, again and again."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was counted; what Postgres does not take waits for the next time."""
        sums, self.sums = self.sums, Counter()
        if not sums:
            return
        # in the order of their key, so that two processes wait for each other and not in a ring
        rows = [describe(key, count) for key, count in sorted(sums.items())]
        try:
            async with self.engine.begin() as connection:
                await connection.execute(ADD_LOSSES, rows)
        except (SQLAlchemyError, OSError) as error:
            self.sums.update(sums)
            log.info("losses_not_written", error=type(error).__name__)


def describe(key: Sum, count: int) -> dict[str, Any]:
    project_id, day, reason, category = key
    return {"project_id": project_id, "day": day, "reason": reason, "category": category, "count": count}
