"""Delivers what the outbox owes: claims what is due, sends it, notes how that went. Every worker does, all the time.

At least once: whoever is killed between the sending and the note sends it again, under the same id. A channel's messages go
one after another, oldest first; a receiver that takes none is left alone for longer and longer, and keeps no other waiting.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

import structlog
import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts import outbox
from common.alerts.changes import Change
from common.alerts.channels import note_receipt, open_channel
from common.alerts.composing import Place, compose, find_pages
from common.alerts.message import Message, OpenedChannel, Receipt
from common.alerts.mutes import Mute, list_mutes
from common.alerts.outbox import Claimed
from common.database.clock import CLOCK
from common.sealing import NotOpened, Sealer, SecretKeyMissing
from common.settings import Settings
from common.telemetry import metrics
from common.transitions import Noted, note_transition

log = structlog.get_logger()

POLL_SECONDS = 0.5
CLAIMED, CLAIM_SECONDS = 20, 20.0
SEND_SECONDS = 16.0  # the longest that one try may take, with what is noted after it
SLICE_SECONDS = 10.0  # of a channel that has more to send, before others have their turns
CHANNELS_AT_ONCE = 16
DELIVERY_CONNECTIONS = 4  # that serve all channels: none is held while a message is sent
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 900.0
FAILURES_IN_A_ROW, LONGEST_REST_SECONDS = 2, 60.0  # after which a channel is left alone, and for how long at most
DEAD_AFTER_SECONDS = 86_400.0
GONE = "the channel is gone"
HELD_TITLES = 10

# What a message says of where it comes from.
FIND_NAMES = text("""
    SELECT p.name AS project, (SELECT r.name FROM alert_rules r
                               WHERE r.project_id = p.project_id AND r.rule_id = :rule_id) AS rule
    FROM projects p WHERE p.project_id = :project_id
""")


class Sends(Protocol):
    """What sends a message through a channel and raises nothing: `worker/alerts/sending.py`."""

    async def send(self, channel: OpenedChannel, message: Message, *, attempt: int) -> Receipt:
        """One try."""
        ...


@dataclass(slots=True)
class Deliverer:
    """Delivers, with so many channels at once; `busy` are those that this process works on, `rests` those that it leaves
    alone, with how often in a row and until when."""

    engine: AsyncEngine
    sender: Sends
    sealer: Sealer
    settings: Settings
    busy: set[UUID] = field(default_factory=set)
    rests: dict[UUID, tuple[int, float]] = field(default_factory=dict)

    async def keep_delivering(self) -> None:
        """Deliver for ever what is due; a store that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    for due in await self.find_due():  # a task each, the longest waiting first
                        self.busy.add(due[1])
                        group.create_task(self.serve(*due), name="delivering")
                except (SQLAlchemyError, OSError) as error:
                    log.debug("notifications_not_found", error=str(error))
                await asyncio.sleep(POLL_SECONDS)

    async def find_due(self) -> list[tuple[UUID, UUID]]:
        """The channels to serve now, as many as may be served at once."""
        async with self.engine.connect() as connection:
            asked = 2 * CHANNELS_AT_ONCE + len(self.busy) + len(self.rests)
            due = await outbox.list_due_channels(connection, asked)
        now = time.monotonic()
        self.rests = {one: rest for one, rest in self.rests.items() if rest[1] > now - LONGEST_WAIT_SECONDS}
        resting = {channel_id for channel_id, (_, until) in self.rests.items() if until > now}
        free = [one for one in due if one[1] not in self.busy | resting]
        return free[: CHANNELS_AT_ONCE - len(self.busy)]

    async def serve(self, project_id: UUID, channel_id: UUID) -> None:
        """Send what is due for a channel, until nothing is or its time is over. Raises nothing but cancellation."""
        try:
            ends_at = time.monotonic() + SLICE_SECONDS
            while await self.send_some(project_id, channel_id) and time.monotonic() < ends_at:
                pass
        except (SQLAlchemyError, OSError) as error:
            log.info("delivery_broken_off", channel_id=str(channel_id), error=str(error), until="its claim is over")
        except Exception:
            log.exception("delivery_failed", channel_id=str(channel_id))
            await asyncio.sleep(FIRST_WAIT_SECONDS)
        finally:
            self.busy.discard(channel_id)

    async def send_some(self, project_id: UUID, channel_id: UUID) -> bool:
        """Claim some messages and send them; whether more may be due at once."""
        claimed_at = time.monotonic()
        batch = await self.claim(project_id, channel_id)
        if batch is None:
            return False
        left, failures = list(batch.claimed), 0
        # beyond that the claim may be over before the next is sent
        while left and failures < FAILURES_IN_A_ROW and time.monotonic() - claimed_at < CLAIM_SECONDS - SEND_SECONDS:
            receipt = await self.send_one(batch, left.pop(0))
            failures = failures + 1 if not receipt.accepted and receipt.may_retry else 0
        if left:
            async with self.engine.begin() as connection:
                await outbox.put_off(connection, project_id, ids_of(left), 0.0, "", was_tried=False)
        if failures:
            self.rest(channel_id)
        else:
            self.rests.pop(channel_id, None)
        return bool(batch.claimed) and not failures

    def rest(self, channel_id: UUID) -> None:
        """Leave a channel alone, for longer each time that it fails in a row: what is due for it waits."""
        times = self.rests.get(channel_id, (0, 0.0))[0] + 1
        seconds = min(FIRST_WAIT_SECONDS * 2.0 ** min(times - 1, 16), LONGEST_REST_SECONDS)
        self.rests[channel_id] = times, time.monotonic() + seconds

    async def claim(self, project_id: UUID, channel_id: UUID) -> "Batch | None":
        """Take what is due and not beyond what the channel may get in an hour; None when nothing is left to do."""
        async with self.engine.begin() as connection:
            await outbox.lock_channel(connection, channel_id)
            channel = await self.open(connection, project_id, channel_id)
            if channel is None:
                return None
            room = channel.max_per_hour - await outbox.count_sent(connection, project_id, channel_id)
            if room <= 0:
                held = await outbox.hold(connection, project_id, channel_id)
                metrics.NOTIFICATIONS.of("held").inc(held)
                return None
            if await self.report_held(connection, channel):
                return Batch(channel, ())
            claimed = await outbox.claim(connection, project_id, channel_id, min(room, CLAIMED), CLAIM_SECONDS)
            if not claimed:
                return None
            return Batch(channel, tuple(claimed))

    async def open(self, connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> OpenedChannel | None:
        """The channel; None where it is gone, then what it was owed is dead, or where its secrets cannot be read, then that is
        tried again later."""
        try:
            channel = await open_channel(connection, self.sealer, project_id, channel_id)
        except (SecretKeyMissing, NotOpened) as error:
            claimed = await outbox.claim(connection, project_id, channel_id, CLAIMED, CLAIM_SECONDS)
            receipt = Receipt(False, True, str(error))
            await note_receipt(connection, project_id, channel_id, receipt)
            await outbox.put_off(connection, project_id, ids_of(claimed), LONGEST_WAIT_SECONDS, receipt.told)
            return None
        if channel is None:
            claimed = await outbox.claim(connection, project_id, channel_id, 1_000, CLAIM_SECONDS)
            await outbox.end(connection, project_id, ids_of(claimed), "dead", GONE)
            await outbox.take_held(connection, project_id, channel_id)
            metrics.NOTIFICATIONS.of("dead").inc(len(claimed))
        return channel

    async def report_held(self, connection: AsyncConnection, channel: OpenedChannel) -> bool:
        """Owe one message that says how many were held back, once there is room again; whether there were any."""
        held = await outbox.take_held(connection, channel.project_id, channel.channel_id)
        if not held:
            return False
        facts = {
            "count": len(held),
            "max_per_hour": channel.max_per_hour,
            "titles": ["", *[changes[0].title for changes in list(held.values())[:HELD_TITLES]]],
        }
        change = Change(uuid_utils.compat.uuid7(), CLOCK.now(), "channel", channel.channel_id, "held", facts)
        await outbox.add_report(connection, channel.project_id, channel.channel_id, change)
        return True

    async def send_one(self, batch: "Batch", one: Claimed) -> Receipt:
        """Send one message, without what people muted, and note how that went. One of which nothing is left is not sent."""
        channel = batch.channel
        async with self.engine.connect() as connection:
            changes = leave_muted(await list_mutes(connection, channel.project_id), channel, one)
            place = await self.find_place(connection, channel, one.rule_id)
        if not changes:
            async with self.engine.begin() as connection:
                await outbox.end(connection, channel.project_id, [one.notification_id], "muted")
            metrics.NOTIFICATIONS.of("muted").inc()
            return Receipt(True, False, "muted")
        try:
            message = compose(one.notification_id, changes, one.left_out, place)
        except Exception:  # one that cannot be put into words keeps no other waiting
            log.exception("notification_not_composed", notification_id=str(one.notification_id))
            return await self.give_up(channel, one)
        receipt = await self.sender.send(channel, message, attempt=one.attempts)
        async with self.engine.begin() as connection:
            await note_receipt(connection, channel.project_id, channel.channel_id, receipt)
            await self.note(connection, channel, one, message, receipt)
        return receipt

    async def give_up(self, channel: OpenedChannel, one: Claimed) -> Receipt:
        """End a message that this release cannot put into words; the log says why."""
        receipt = Receipt(False, False, "it could not be put into words: see the worker's log")
        async with self.engine.begin() as connection:
            await outbox.end(connection, channel.project_id, [one.notification_id], "dead", receipt.told)
        metrics.NOTIFICATIONS.of("dead").inc()
        return receipt

    async def note(
        self, connection: AsyncConnection, channel: OpenedChannel, one: Claimed, message: Message, receipt: Receipt
    ) -> None:
        """Note how one try ended; a message that nobody will take any more is dead, which is a change of its own."""
        project_id, ids = channel.project_id, [one.notification_id]
        if receipt.accepted:
            await outbox.end(connection, project_id, ids, "sent", receipt.told)
            metrics.NOTIFICATIONS.of("sent").inc()
            metrics.NOTIFICATION_DELAY.of().observe(max(one.waited_seconds, 0.0))
        elif receipt.may_retry and one.waited_seconds < DEAD_AFTER_SECONDS:
            await outbox.put_off(connection, project_id, ids, wait_seconds(one.attempts, receipt), receipt.told)
            metrics.NOTIFICATIONS.of("failed").inc()
        else:
            await outbox.end(connection, project_id, ids, "dead", receipt.told)
            metrics.NOTIFICATIONS.of("dead").inc()
            if message.kind != "undelivered":  # that one would tell of itself for ever
                facts = {"title": message.title, "told": receipt.told, "channel": channel.name}
                await note_transition(
                    connection, project_id, Noted("channel", channel.channel_id, "undelivered", facts)
                )

    async def find_place(self, connection: AsyncConnection, channel: OpenedChannel, rule_id: UUID) -> Place:
        asked = {"project_id": channel.project_id, "rule_id": rule_id}
        row = (await connection.execute(FIND_NAMES, asked)).one()
        return Place(row.project, row.rule or "", find_pages(self.settings.public_url, channel.project_id))


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that this worker may send through a channel for a while."""

    channel: OpenedChannel
    claimed: tuple[Claimed, ...]


def leave_muted(mutes: Sequence[Mute], channel: OpenedChannel, one: Claimed) -> list[Change]:
    """The changes of a message that are not muted."""
    return [
        change
        for change in one.changes
        if not any(mute.covers(one.rule_id, channel.channel_id, change) for mute in mutes)
    ]


def ids_of(claimed: Sequence[Claimed]) -> list[UUID]:
    return [one.notification_id for one in claimed]


def wait_seconds(attempts: int, receipt: Receipt) -> float:
    """How long to wait before the next try: twice as long each time, as the receiver asks where it does, and never two
    receivers' tries in step."""
    doubled = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 16), LONGEST_WAIT_SECONDS)
    return max(doubled * random.uniform(0.8, 1.2), receipt.retry_after_seconds or 0.0)  # noqa: S311 - no secret
