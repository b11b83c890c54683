"""The writer: many requests become one statement, and each caller hears of its rows after the commit.

There is one for each kind of row, told by the function that stores them (`errors.store_errors`). Requests wait in
a bounded queue; a flusher (each has a connection of its own) takes what waits, or its share where that is much: at once
when none is writing, beside another one only when many wait or it takes long, since a flush of one costs as much as one
of thirty. Under load the batches grow by themselves, and at rest nobody waits.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self
from uuid import UUID

import structlog

from api.http.problems import Overloaded, Unavailable
from api.storing.admission import Admission, Load, Reservation
from api.storing.flusher import Flusher, Outcome, RowT, StoreFailed, StoreRows
from common.database import ONE_PLAN, close_engine, make_engine
from common.database.clock import CLOCK
from common.settings import Settings
from common.telemetry import metrics, traces

log = structlog.get_logger()

FAILING_SECONDS = 10.0
# Most errors of one transaction: four of the largest batches. What comes meanwhile waits for as long as it takes.
FLUSH_MAX_ROWS = 4_000
# So many rows, or requests, are worth a flush beside one that is under way; fewer wait for its end, a few milliseconds,
# unless that does not come. At a thousand rows eight clients with batches of a hundred never had two flushes, and API
# and Postgres waited for each other (docs/decisions/0024). Where 64 clients send single errors, a flush of thirty was
# with Postgres for as long as the next thirty took to be read: at the least delay one waited for the other, and with
# sixteen at once neither does.
FLUSH_BESIDE_ROWS = 200
FLUSH_BESIDE_REQUESTS = 16
FLUSH_BESIDE_SECONDS = 0.05
# Requests were answered before: with 14 s for them, all ends within the 20 s that a supervisor leaves.
CLOSE_SECONDS = 1.5


@dataclass(slots=True, eq=False)
class Submission(Generic[RowT]):
    """The rows of one request, or of several that go together, and where their caller waits."""

    rows: Sequence[RowT]
    requests: int
    load: Load
    traceparent: str | None
    held_since: float  # from before its rows were made, where that took a while
    since: float = field(default_factory=time.monotonic)
    done: "asyncio.Future[list[Outcome]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, outcomes: list[Outcome]) -> None:
        """Tell the caller, who may have gone away."""
        if not self.done.done():
            self.done.set_result(outcomes)

    def fail(self, error: Exception) -> None:
        """Tell the caller, who may have gone away."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # noted, also when nobody waits any more


class Writer(Generic[RowT]):
    """Open it with `async with`; closing writes what still waits. `kind` is what the metrics call its rows."""

    def __init__(
        self,
        settings: Settings,
        kind: str,
        store_rows: StoreRows[RowT],
        on_stored: Callable[[Sequence[RowT]], None],
    ) -> None:
        self.settings = settings
        self.kind = kind
        self.store_rows = store_rows
        self.on_stored = on_stored
        self.engine = make_engine(settings, f"writer_{kind}", pool_size=settings.writer_flushers, session=ONE_PLAN)
        self.waiting: deque[Submission[RowT]] = deque()
        most = Load(settings.writer_buffer_max_errors, settings.writer_buffer_max_bytes)
        self.admission = Admission(kind, most, settings.writer_wait_max_seconds)
        self.waiting_rows = self.waiting_requests = 0
        self.flushes = 0
        self.flushed_at = -math.inf
        self.resting: list[asyncio.Future[None]] = []  # flushers that wait for work, the last one first
        self.is_called = False  # one of them, who has not come yet
        self.look_again: asyncio.TimerHandle | None = None
        self.is_closing = False
        self.failed_at = -math.inf

    async def __aenter__(self) -> Self:
        self.tasks = [
            asyncio.create_task(
                self.run(Flusher(self.engine, self.settings, self.store_rows)), name=f"flusher-{number}"
            )
            for number in range(self.settings.writer_flushers)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_closing = True
        while self.resting:
            self.resting.pop().set_result(None)
        await self.end_flushers()
        await close_engine(self.engine)

    async def end_flushers(self) -> None:
        """Let them write what waits; end them when Postgres does not take it. Nobody was told that it is stored, and
        who waited has been answered."""
        _, late = await asyncio.wait(self.tasks, timeout=CLOSE_SECONDS)
        for task in late:
            task.cancel()
        if late:
            log.warning("writer_closed_unwritten", rows=self.admission.held.rows)
            await asyncio.wait(late, timeout=CLOSE_SECONDS / 3)

    def submit(
        self, rows: Sequence[RowT], reservation: Reservation | None = None, *, requests: int = 1
    ) -> "asyncio.Future[list[Outcome]]":
        """Give the rows of one project, at least one, from so many requests, to the next flush, on the place that was
        reserved for them, with its bytes. Without one it raises Overloaded when there is no room.

        The future has what became of each row after the commit. Unavailable when Postgres did not take the rows: then
        they may be sent again with the same ids, whether or not they were committed. Cancelling it takes no row back.
        """
        if self.is_closing:
            raise Unavailable("this process is stopping: send this again")
        if reservation is None:
            load = Load(len(rows), sum([row.size_bytes for row in rows]))
            self.admission.take(rows[0].project_id, load)
        else:
            load = Load(len(rows), reservation.load.size_bytes)
            self.admission.complete(reservation, load)
        held_since = reservation.since if reservation else time.monotonic()
        submission = Submission(rows, requests, load, traces.current_traceparent(), held_since)
        self.waiting.append(submission)
        self.waiting_rows += load.rows
        self.waiting_requests += requests
        self.call_flusher()
        return submission.done

    def call_flusher(self) -> None:
        """Have what waits written by a flusher that rests; where it is not worth a flush yet, look again when it is."""
        if self.is_due:
            self.wake_one()
        elif self.waiting and self.look_again is None:
            seconds = max(self.flushed_at + FLUSH_BESIDE_SECONDS - time.monotonic(), 0.001)
            self.look_again = asyncio.get_running_loop().call_later(seconds, self.look)

    def look(self) -> None:
        self.look_again = None
        self.call_flusher()

    def wake_one(self) -> None:
        """One at a time, since the first may take all."""
        if self.resting and not self.is_called:
            self.is_called = True
            self.resting.pop().set_result(None)

    @property
    def is_due(self) -> bool:
        """Whether what waits is worth a flush now."""
        if not self.waiting:
            return False
        if not self.flushes or self.is_closing:
            return True
        if self.waiting_rows >= FLUSH_BESIDE_ROWS or self.waiting_requests >= FLUSH_BESIDE_REQUESTS:
            return True
        return time.monotonic() - self.flushed_at >= FLUSH_BESIDE_SECONDS

    def refuse_when_full(self, project_id: UUID) -> None:
        """Raise Overloaded when not one row more would be taken: before a body is parsed, the dearest part of it. And
        Unavailable as long as nobody can tell which times are right."""
        if not CLOCK.is_known:
            raise Unavailable("the time by the database's clock is not known yet: send this again in a moment")
        if self.waiting and time.monotonic() - self.waiting[0].since > 2 * self.settings.writer_wait_max_seconds:
            raise Overloaded("Postgres takes nothing at the moment: send this again in a moment")
        self.admission.refuse_beyond(project_id, Load(1, 0))

    @property
    def is_failing(self) -> bool:
        """Whether the last flush failed, a moment ago. Not longer: a balancer that sends nothing because of it would
        never let another flush show that all is well again."""
        return time.monotonic() - self.failed_at < FAILING_SECONDS

    async def run(self, flusher: Flusher[RowT]) -> None:
        """One flusher's life: take what waits, write it, until the writer closes and nothing is left."""
        async with flusher:
            while taken := await self.take():
                await self.write(flusher, taken)

    async def take(self) -> list[Submission[RowT]]:
        """This flusher's share of what waits, up to the size of one flush; empty when the writer has closed. Who takes all
        leaves the others without work for as long as that takes to be written."""
        while not self.is_due:
            if self.is_closing:
                return []
            self.call_flusher()
            self.resting.append(asyncio.get_running_loop().create_future())
            await self.resting[-1]
            self.is_called = False
        taken: list[Submission[RowT]] = []
        rows = 0
        share = max(math.ceil(self.waiting_rows / self.settings.writer_flushers), FLUSH_BESIDE_ROWS)
        most = min(share, FLUSH_MAX_ROWS)
        while self.waiting and (not taken or rows + self.waiting[0].load.rows <= most):
            taken.append(self.waiting.popleft())
            rows += taken[-1].load.rows
            self.waiting_requests -= taken[-1].requests
        self.waiting_rows -= rows
        return taken

    async def write(self, flusher: Flusher[RowT], taken: list[Submission[RowT]]) -> None:
        """Store the rows of these submissions in one transaction and tell each caller of its own."""
        rows = [row for submission in taken for row in submission.rows]
        started = time.perf_counter()
        self.flushes += 1
        self.flushed_at = time.monotonic()
        self.call_flusher()  # for what did not fit into this flush
        try:
            origins = [submission.traceparent for submission in taken if submission.traceparent]
            parent = origins[0] if origins else None
            with traces.span("flush", parent=parent, links=origins[1:], kind=self.kind, items=len(rows)):
                outcomes = await flusher.store(rows)
            self.failed_at = -math.inf
            self.on_stored(rows)
            tell(taken, outcomes)
            seconds = time.perf_counter() - started
            waited_seconds = time.monotonic() - min(submission.held_since for submission in taken)
            self.admission.learn(waited_seconds, is_behind=self.admission.held.rows > len(rows))
            metrics.FLUSHES.of(self.kind, "stored").observe(seconds)
            self.count(outcomes)
        except Exception as error:
            metrics.FLUSHES.of(self.kind, "failed").observe(time.perf_counter() - started)
            self.failed_at = time.monotonic()
            log.warning(
                "flush_failed", error=f"{type(error).__name__}: {error}", exc_info=not isinstance(error, StoreFailed)
            )
            for submission in taken:
                submission.fail(Unavailable("this could not be written now: send it again with the same ids"))
        finally:
            self.flushes -= 1
            for submission in taken:
                self.admission.give_back(submission.rows[0].project_id, submission.load)
            self.admission.show()

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count one flush, and what became of its rows."""
        metrics.FLUSHED_ITEMS.of(self.kind).observe(len(outcomes))
        for outcome in Outcome:
            # by identity: a Counter would ask each for its hash, which is in Python
            if count := outcomes.count(outcome):
                metrics.ITEMS.of(self.kind, outcome.value).inc(count)
                if outcome is Outcome.rejected:
                    metrics.REJECTIONS.of(self.kind, "unstorable").inc(count)


def tell(taken: Iterable[Submission[RowT]], outcomes: Iterable[Outcome]) -> None:
    """Give each caller the outcomes of its own rows."""
    each = iter(outcomes)
    for submission in taken:
        submission.tell([next(each) for _ in submission.rows])
