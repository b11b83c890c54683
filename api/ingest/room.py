"""How much of one kind may wait for its commit in this process, and how much of that may be one project's."""

import math
import time
from dataclasses import dataclass
from uuid import UUID

from api.problems import Overloaded
from common.telemetry import metrics

SHOW_SECONDS = 0.1  # gauges are read every few seconds; setting three for every request cost a tenth of a single error


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

    def __init__(self, kind: str, most: Load) -> None:
        self.kind = kind
        self.most = most
        self.held = Load()
        self.by_project: dict[UUID, Load] = {}
        self.show_at = -math.inf

    def take(self, project_id: UUID, load: Load) -> None:
        """Hold so much more. Raises Overloaded when there is no room; when nothing waits, anything is taken."""
        mine = self.by_project.get(project_id) or Load()
        has_rows = mine.rows + load.rows <= self.most.rows - self.held.rows
        has_bytes = mine.size_bytes + load.size_bytes <= self.most.size_bytes - self.held.size_bytes
        if self.held.rows and not (has_rows and has_bytes):
            raise Overloaded("more is waiting than can be written: send this again in a moment")
        mine.add(load)
        self.held.add(load)
        self.by_project[project_id] = mine
        if (now := time.monotonic()) >= self.show_at:
            self.show_at = now + SHOW_SECONDS
            self.show()

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
        share = max(self.held.rows / self.most.rows, self.held.size_bytes / self.most.size_bytes)
        metrics.BUFFER_SHARE.of(self.kind).set(share)
