"""Storm control: of too many like errors in a minute, those beyond the limit are stored slim.

Slim is without stack trace, context and tags, which is nearly all of an error's size. The row stays, with its id, so
that a retry is still a duplicate and every count stays exact. What was not stored after all does not count: the first of each
kind that are stored are whole, which is what the worker learns from where they came.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from api.storing.flusher import Outcome
from api.storing.rows import ErrorRow
from common.tables import Adjustment

MAX_REMEMBERED = 100_000


class Sampler:
    """Counts like errors by the minute, in this process."""

    def __init__(self, errors_per_minute: int) -> None:
        self.errors_per_minute = errors_per_minute
        self.minute = 0
        self.counts: defaultdict[UUID, dict[int, int]] = defaultdict(dict)
        self.remembered = 0

    def admit(self, rows: list[ErrorRow]) -> list[ErrorRow]:
        """The rows of one request, slim where more than the limit of their like came in this minute."""
        if not self.errors_per_minute:
            return rows
        counts = self.counts_of(rows[0])
        known = len(counts)
        for number, row in enumerate(rows):
            counts[row.fingerprint] = count = counts.get(row.fingerprint, 0) + 1
            if count > self.errors_per_minute:
                rows[number] = make_slim(row)
        self.remembered += len(counts) - known
        return rows

    def take_back(self, rows: Sequence[ErrorRow]) -> None:
        """Count these as never admitted: they were not stored, and when they are sent again the first come whole."""
        counts = self.counts[rows[0].project_id] if self.errors_per_minute else {}
        for row in rows if counts else ():
            counts[row.fingerprint] = max(0, counts.get(row.fingerprint, 0) - 1)

    def take_back_unless(self, stored: "asyncio.Future[list[Outcome]]", rows: Sequence[ErrorRow]) -> None:
        """The same once it is known that they are not stored."""

        def look(ended: "asyncio.Future[list[Outcome]]") -> None:
            if ended.cancelled() or ended.exception() is not None:
                self.take_back(rows)

        if self.errors_per_minute:
            stored.add_done_callback(look)

    def counts_of(self, row: ErrorRow) -> dict[int, int]:
        """How many errors of each fingerprint this row's project has had in its minute."""
        minute = int(row.received_at.timestamp()) // 60
        if minute != self.minute or self.remembered > MAX_REMEMBERED:
            self.minute = minute
            self.counts.clear()
            self.remembered = 0
        return self.counts[row.project_id]


def make_slim(row: ErrorRow) -> ErrorRow:
    adjustments = row.adjustments | Adjustment.sampled.value
    return row._replace(stack_trace=None, context=None, tags=None, adjustments=adjustments)
