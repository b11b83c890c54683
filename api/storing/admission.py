"""How much of one kind may wait for its commit in this process, and how much of that may be one project's.

Bounded by memory and by time: no more is held than was stored of late within `wait_seconds`, so that what cannot be
stored soon is refused at once instead of late. A batch holds its room from before its rows are made: where the making
is what takes long, Postgres is never behind, and requests that had been let in waited for each other without bound.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from api.http.problems import Overloaded
from common.telemetry import metrics

SHOW_SECONDS = 0.1  # gauges are read every few seconds; setting three for every request cost a tenth of a single error
# So few rows say nothing of how fast many are: what a flush costs hardly depends on them.
FEW_ROWS = 500
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


NOTHING = Load()


@dataclass(slots=True)
class Reservation:
    """The room that one request holds, and since when it waits (monotonic seconds)."""

    project_id: UUID
    load: Load
    since: float


class Admission:
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
        self.hold(project_id, load)

    @contextmanager
    def reserve(self, project_id: UUID, load: Load, since: float) -> Iterator[Reservation]:
        """Hold so much while its rows are made; what was not settled is given back. `since`: when its request began to
        wait (monotonic seconds). Raises Overloaded."""
        self.take(project_id, load)
        reservation = Reservation(project_id, load, since)
        try:
            yield reservation
        finally:
            if reservation.load.rows:
                self.give_back(project_id, reservation.load)

    def complete(self, reservation: Reservation, load: Load) -> None:
        """Hold what the rows really are in place of what was reserved for them; from here on the flush gives it back."""
        self.hold(reservation.project_id, load)
        self.give_back(reservation.project_id, reservation.load)
        reservation.load = Load()

    def hold(self, project_id: UUID, load: Load) -> None:
        mine = self.by_project.get(project_id) or Load()
        mine.add(load)
        self.held.add(load)
        self.by_project[project_id] = mine
        if (now := time.monotonic()) >= self.show_at:
            self.show_at = now + SHOW_SECONDS
            self.show()

    def refuse_beyond(self, project_id: UUID, load: Load) -> None:
        """Raise Overloaded when there is no room for so much more of this project."""
        held = self.held
        if not held.rows:
            return
        mine = self.by_project.get(project_id) or NOTHING
        rows, size_bytes = mine.rows + load.rows, mine.size_bytes + load.size_bytes
        is_in_memory = rows <= self.most.rows - held.rows and size_bytes <= self.most.size_bytes - held.size_bytes
        if not is_in_memory or (rows > self.most_rows - held.rows and rows > self.least_rows):
            raise Overloaded("more is waiting than can be written: send this again in a moment")

    @property
    def most_rows(self) -> float:
        """Rows that memory allows and that are written in time at the pace of late."""
        return min(self.most.rows, self.rows_per_second * self.wait_seconds)

    @property
    def least_rows(self) -> float:
        """Rows that each project may hold whatever the others do. When the pace falls, what is held is more than would
        be let in now, and without these all would be refused until it is gone, those who send little too."""
        return self.most_rows / 2 / (len(self.by_project) + 1)

    def learn(self, waited_seconds: float, *, is_behind: bool) -> None:
        """Note at the end of a flush how long its oldest rows had been held: by Little's law that, and how many are
        held, are the pace at which rows come through. Only while others are held behind the flush is that all there
        can be; a pace seen without is believed only when it was faster."""
        pace = max(self.held.rows, FEW_ROWS) / max(waited_seconds, 0.001)
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

    @property
    def share(self) -> float:
        """How much of the room is taken, by number or bytes, from 0 to 1."""
        return max(self.held.rows / self.most_rows, self.held.size_bytes / self.most.size_bytes)

    def show(self) -> None:
        """Set the gauges."""
        metrics.BUFFER_ITEMS.of(self.kind).set(self.held.rows)
        metrics.BUFFER_BYTES.of(self.kind).set(self.held.size_bytes)
        metrics.BUFFER_SHARE.of(self.kind).set(self.share)
