"""What is done to all that is sent to be stored, errors and usage alike, from the body of a request to the answer that tells
what became of each item: receive, reserve, build, submit, summarize."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Generic, NamedTuple
from uuid import UUID

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.ingest.holding import Hold, Holding
from api.ingest.receivers import Receiver, Receivers
from api.ingest.receivers.items import Batch, ItemKind, ItemT
from api.ingest.scheduler import BodyScheduler
from api.ingest.schemas import AdjustedItem, BatchAnswer
from api.ingest.summaries import count_rejected, load_of, refuse_if_empty, summarize
from api.storing.admission import Reservation
from api.storing.flusher import Outcome, RowT
from api.storing.writer import Writer
from common.settings import Settings
from common.telemetry import metrics

# From so much of the room for what waits, and of a project's quota, the rows of senders that lose what is refused are slim.
PRESSED, PRESSED_QUOTA = 0.5, 0.9


class Sent(NamedTuple):
    """What one request brought, and who sent it on which allowance."""

    caller: Caller
    allowance: Allowance
    content_type: str | None
    body: bytes


# Makes rows of the items of one request, in turns where that takes a while; the second value is the bytes of its body.
# Items of which no row can be made are among the rejected ones of what it gives.
BuildRows = Callable[[Batch[ItemT], int], Awaitable[Batch[RowT]]]


class Pipeline(Generic[ItemT, RowT]):
    """Takes items of one kind, for the whole of one process.

    `prepare` gives what makes the rows of one caller's request, after it has asked for what that needs; nothing is held
    meanwhile. `list_adjusted` names what was changed about the rows of a batch.
    """

    def __init__(
        self,
        kind: ItemKind[ItemT],
        receivers: Receivers[ItemT],
        settings: Settings,
        writer: Writer[RowT],
        scheduler: BodyScheduler,
        *,
        prepare: Callable[[Caller], Awaitable[BuildRows[ItemT, RowT]]],
        list_adjusted: Callable[[Batch[RowT]], list[AdjustedItem]],
    ) -> None:
        self.kind = kind
        self.receivers = receivers
        self.settings = settings
        self.writer = writer
        self.scheduler = scheduler
        self.prepare = prepare
        self.list_adjusted = list_adjusted
        self.holding = Holding(settings.held_requests_max)

    async def take_batch(self, sent: Sent, receiver: Receiver[ItemT] | None = None) -> BatchAnswer:
        """Judge a batch, store what can be stored, and say what became of each item. Who reads it follows from its media
        type where a route does not say. Raises Invalid, Unavailable, Unsupported."""
        self.writer.refuse_when_full(sent.caller.project_id)
        sent.allowance.count("bytes", len(sent.body))
        read = (receiver or self.receivers.of(sent.content_type)).read
        batch, stored = await self.take(sent, read, refuse_if_empty)
        return summarize(batch, await stored, self.list_adjusted(batch))

    async def receive(
        self,
        sent: Sent,
        receiver: Receiver[ItemT],
        *,
        counts_bytes: bool = True,
        hold_seconds: float = 0.0,
    ) -> tuple[Batch[RowT], list[Outcome]]:
        """What became of a body of a protocol that answers in its own form: its rows and, in their order, their outcomes.
        Nothing is refused because it is empty, or bad in all its items. `counts_bytes`: False where the body went to another
        pipeline before. `hold_seconds`: how long the request of a sender that will not send it again waits where it cannot be
        stored at once; of such a sender the rows are slim where room gets short. Raises Invalid where the receiver cannot read
        the body at all, Unavailable."""
        with self.holding.begin(hold_seconds) as hold:
            await hold.until_room(self.writer, sent.caller.project_id)
            if counts_bytes:
                sent.allowance.count("bytes", len(sent.body))
            thin = self.thin if hold_seconds and self.is_pressed(sent) else None
            batch, stored = await self.take(sent, partial(read_and_count, receiver), refuse_nothing, thin)
            return batch, await hold.until_stored(
                stored, partial(self.store_again, batch, sent.caller.project_id, hold)
            )

    async def hold_until_stored(
        self, batch: Batch[RowT], project_id: UUID, stored: "asyncio.Future[list[Outcome]]", hold_seconds: float
    ) -> list[Outcome]:
        """What became of rows that are on their way, which are written again where Postgres does not take them, for so long.
        Raises Unavailable."""
        with self.holding.begin(hold_seconds) as hold:
            return await hold.until_stored(stored, partial(self.store_again, batch, project_id, hold))

    async def store_again(self, batch: Batch[RowT], project_id: UUID, hold: Hold) -> "asyncio.Future[list[Outcome]]":
        """Have rows written that Postgres did not take, once there is room. Raises Unavailable."""
        await hold.until_room(self.writer, project_id)
        return self.store(batch.items)

    def is_pressed(self, sent: Sent) -> bool:
        """Whether room gets short: for what waits, or in what the project may send in this minute."""
        return self.writer.admission.share >= PRESSED or sent.allowance.is_used(PRESSED_QUOTA)

    def thin(self, rows: Batch[RowT]) -> Batch[RowT]:
        """The rows in a smaller form, where their kind has one."""
        return rows

    async def take(
        self,
        sent: Sent,
        read: Callable[[bytes, Settings], Batch[ItemT]],
        refuse: Callable[[Batch[ItemT] | Batch[RowT], ItemKind[ItemT]], None],
        thin: Callable[[Batch[RowT]], Batch[RowT]] | None = None,
    ) -> tuple[Batch[RowT], "asyncio.Future[list[Outcome]]"]:
        """The rows that were made of a body, which are on their way to Postgres, and their outcomes to come. `refuse` raises
        Invalid where not one can be stored. Raises Unavailable."""
        project_id, since, size = sent.caller.project_id, time.monotonic(), len(sent.body)
        build = await self.prepare(sent.caller)
        async with self.scheduler.for_body(size):
            self.writer.refuse_when_full(project_id)  # by now others may have it
            items = await self.scheduler.parse(size, partial(read, sent.body, self.settings))
            sent.allowance.count("errors", len(items))
            refuse(items, self.kind)
            with self.writer.admission.reserve(project_id, load_of(items, size), since) as reservation:
                rows = await build(items, size)
                refuse(rows, self.kind)
                count_rejected(rows.rejected.values(), self.kind)
                rows = thin(rows) if thin is not None else rows
                return rows, self.store(rows.items, reservation) if rows.items else no_outcomes()

    def store(
        self, rows: list[RowT], reservation: Reservation | None = None, *, requests: int = 1
    ) -> "asyncio.Future[list[Outcome]]":
        """Have the rows written; as `Writer.submit`."""
        return self.writer.submit(rows, reservation, requests=requests)


def read_and_count(receiver: Receiver[ItemT], body: bytes, settings: Settings) -> Batch[ItemT]:
    """The items of a body; those that the receiver discards are counted."""
    batch = receiver.read(body, settings)
    count_discarded(receiver.name, batch)
    return batch


def count_discarded(receiver: str, batch: Batch[Any]) -> None:
    for what, number in batch.discarded.items():
        metrics.DISCARDED.of(receiver, what).inc(number)


def refuse_nothing(_batch: object, _kind: object) -> None:
    """For protocols whose senders drop for good what they were refused."""


def no_outcomes() -> "asyncio.Future[list[Outcome]]":
    """Of no rows."""
    done: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
    done.set_result([])
    return done
