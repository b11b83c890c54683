"""Storm control: of too many like errors in a minute, those beyond the limit are stored slim.

Slim is without stack trace, context and tags, which is nearly all of an error's size. The row stays, with its id, so
that a retry is still a duplicate and every count stays exact.
"""

from uuid import UUID

from api.ingest.rows import Row
from common.tables import Adjustment

MAX_REMEMBERED = 100_000


class StormControl:
    """Counts like errors by the minute, in this process."""

    def __init__(self, errors_per_minute: int) -> None:
        self.errors_per_minute = errors_per_minute
        self.minute = 0
        self.counts: dict[tuple[UUID, int], int] = {}

    def admit(self, row: Row) -> Row:
        """The row, slim when more than the limit of its like came in this minute."""
        if not self.errors_per_minute:
            return row
        minute = int(row.received_at.timestamp()) // 60
        if minute != self.minute or len(self.counts) > MAX_REMEMBERED:
            self.minute = minute
            self.counts.clear()
        key = (row.project_id, row.fingerprint)
        self.counts[key] = count = self.counts.get(key, 0) + 1
        if count <= self.errors_per_minute:
            return row
        adjustments = row.adjustments | Adjustment.sampled.value
        return row._replace(stack_trace=None, context=None, tags=None, adjustments=adjustments)
