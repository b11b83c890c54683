"""How much of one kind may wait for its commit in this process, and how much of that may be one project's.

Bounded by memory and by time: no more is held than the flushes of late would write within `wait_seconds`, so that what
cannot be stored soon is refused at once instead of late.
"""

import math
import time
from dataclasses import dataclass
from uuid import UUID

from api.problems import Overloaded
from common.telemetry import metrics

SHOW_SECONDS = 0.1  # gauges are read every few seconds; setting three for every request cost a tenth of a single error
# What a flush costs hardly depends on its rows below this: a small one says nothing of how fast large ones are.
SMALL_FLUSH_ROWS = 500
NEWEST_WEIGHT = 0.3  # of a flush in the running mean: some ten of them count


@dataclass(slots=True)
class Load:
    """Rows, and the bytes that they take in memory."""

    rows: int = 0
    size_bytes: int = 0

    def add(self, other: "Load") -> None:
        self.rows += other.rows
        self.size_bytes += other.size_bytes

    def remove(self, other: "Load") -> None:
        self.rows -= other.rows
        self.size_bytes -= other.size_bytes


class Room:
    """What waits for its commit, bounded. A project may hold as much as is still free when it asks for more: half for
    one that is alone, and whatever it sends, the others find room. `kind` is what the metrics call its rows."""

    def __init__(self, kind: str, most: Load, wait_seconds: float = math.inf) -> None:
        self.kind = kind
        self.most = most
        self.wait_seconds = wait_seconds
        self.rows_per_second = math.inf
        self.held = Load()
        self.by_project: dict[UUID, Load] = {}
        self.show_at = -math.inf

    def take(self, project_id: UUID, load: Load) -> None:
        """Hold so much more. Raises Overloaded when there is no room; when nothing waits, anything is taken."""
        self.refuse_beyond(project_id, load)
        mine = self.by_project.get(project_id) or Load()
        mine.add(load)
        self.held.add(load)
        self.by_project[project_id] = mine
        if (now := time.monotonic()) >= self.show_at:
            self.show_at = now + SHOW_SECONDS
            self.show()

    def refuse_beyond(self, project_id: UUID, load: Load) -> None:
        """Raise Overloaded when there is no room for so much more of this project."""
        mine = self.by_project.get(project_id) or Load()
        has_rows = mine.rows + load.rows <= self.most_rows - self.held.rows
        has_bytes = mine.size_bytes + load.size_bytes <= self.most.size_bytes - self.held.size_bytes
        if self.held.rows and not (has_rows and has_bytes):
            raise Overloaded("more is waiting than can be written: send this again in a moment")

    @property
    def most_rows(self) -> float:
        """Rows that memory allows and that are written in time at the pace of late."""
        return min(self.most.rows, self.rows_per_second * self.wait_seconds)

    def learn(self, rows: int, seconds: float, *, is_behind: bool) -> None:
        """Note that so many rows were written in so long, by all flushers together. Only a flush with others waiting
        behind it shows the pace; one without can be small, and is believed only when it was faster."""
        pace = max(rows, SMALL_FLUSH_ROWS) / max(seconds, 0.001)
        if math.isinf(self.rows_per_second):
            self.rows_per_second = pace if is_behind else math.inf
        elif is_behind or pace > self.rows_per_second:
            self.rows_per_second += NEWEST_WEIGHT * (pace - self.rows_per_second)

    def give_back(self, project_id: UUID, load: Load) -> None:
        """What was taken is committed, or was refused. Whoever gives back shows what is left."""
        mine = self.by_project[project_id]
        mine.remove(load)
        self.held.remove(load)
        if not mine.rows:
            del self.by_project[project_id]

    def show(self) -> None:
        """Set the gauges."""
        metrics.BUFFER_ITEMS.of(self.kind).set(self.held.rows)
        metrics.BUFFER_BYTES.of(self.kind).set(self.held.size_bytes)
        share = max(self.held.rows / self.most_rows, self.held.size_bytes / self.most.size_bytes)
        metrics.BUFFER_SHARE.of(self.kind).set(share)
