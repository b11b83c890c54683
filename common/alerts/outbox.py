"""What rules owe: the notifications of changes, made in their transaction, and what becomes of each. The only writer of
`notifications` and `alert_threads`.

The worker delivers them (`worker/alerts/delivery.py`). A claim is a time until which no other worker takes the notification:
one whose worker was killed is due again when the claim is over.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.changes import Change
from common.alerts.evaluation import Firing, evaluate, subjects_of
from common.alerts.gathering import Thread, Threads
from common.alerts.rule_rows import list_armed
from common.alerts.rules import Rule

NO_RULE = UUID(int=0)
MOST_CHANGES = 100  # that one notification holds; it says how many more there were

LAST_CHANGE = MOST_CHANGES - 1  # counted from 0

# Waits until no other transaction notes changes of the project: what a rule told last is read and written by one at a time.
LOCK_ALERTS = text("SELECT pg_advisory_xact_lock(hashtextextended('mayday:alerts:' || :project_id, 0))")

# What rules told last of some subjects.
LOAD_THREADS = text("""
    SELECT rule_id, subject_id, fired_at, name, rank, is_open FROM alert_threads
    WHERE project_id = :project_id AND rule_id = ANY(:rule_ids) AND subject_id = ANY(:subject_ids)
""")

# Notes what they told now.
WRITE_THREADS = text("""
    INSERT INTO alert_threads (project_id, rule_id, subject_id, fired_at, name, rank, is_open)
    SELECT :project_id, told.* FROM unnest(
        CAST(:rule_ids AS uuid[]), CAST(:subject_ids AS uuid[]), CAST(:moments AS timestamptz[]), CAST(:names AS text[]),
        CAST(:ranks AS float8[]), CAST(:open AS boolean[])) AS told (rule_id, subject_id, fired_at, name, rank, is_open)
    ORDER BY rule_id, subject_id
    ON CONFLICT (project_id, rule_id, subject_id) DO UPDATE
    SET fired_at = EXCLUDED.fired_at, name = EXCLUDED.name, rank = EXCLUDED.rank, is_open = EXCLUDED.is_open
""")

# Owes messages, and says which. One that is gathered takes in what comes until somebody claims it.
ADD_NOTIFICATIONS = text(f"""
    INSERT INTO notifications AS n (project_id, notification_id, rule_id, channel_id, changes, left_out, made_at, due_at,
                                    state, attempts, attempt_at, told)
    SELECT :project_id, owed.notification_id, owed.rule_id, owed.channel_id, owed.changes, owed.left_out, now(),
           owed.due_at, 'due', 0, owed.due_at, ''
    FROM unnest(CAST(:notification_ids AS uuid[]), CAST(:rule_ids AS uuid[]), CAST(:channel_ids AS uuid[]),
                CAST(:changes AS jsonb[]), CAST(:left_out AS integer[]), CAST(:due AS timestamptz[]))
         AS owed (notification_id, rule_id, channel_id, changes, left_out, due_at)
    ORDER BY notification_id
    ON CONFLICT (project_id, notification_id) DO UPDATE
    SET changes = jsonb_path_query_array(n.changes || EXCLUDED.changes, '$[0 to {LAST_CHANGE}]'),
        left_out = n.left_out + EXCLUDED.left_out + greatest(
            0, jsonb_array_length(n.changes) + jsonb_array_length(EXCLUDED.changes) - {MOST_CHANGES})
    WHERE n.state = 'due' AND n.attempts = 0 AND EXCLUDED.due_at > EXCLUDED.made_at
    RETURNING notification_id
""")  # noqa: S608 - made of a constant

# The channels for which something is due, or held back and to be reported, those first for which it has been longest; of
# channels that are gone too.
DUE_CHANNELS = text("""
    SELECT project_id, channel_id FROM notifications WHERE state IN ('due', 'held') AND attempt_at <= now()
    GROUP BY project_id, channel_id ORDER BY min(attempt_at) LIMIT :most
""")

# Waits until no other worker claims messages of the channel.
LOCK_CHANNEL = text("SELECT pg_advisory_xact_lock(hashtextextended('mayday:channel:' || :channel_id, 0))")

# How many messages were sent within the hour, or are on their way.
COUNT_SENT = text("""
    SELECT (SELECT count(*) FROM notifications WHERE project_id = :project_id AND channel_id = :channel_id
            AND state = 'sent' AND ended_at > now() - interval '1 hour')
         + (SELECT count(*) FROM notifications WHERE project_id = :project_id AND channel_id = :channel_id
            AND state = 'due' AND claimed_until > now())
""")

# Takes messages that are due, the oldest first, for so long that they can be sent. Materialized: else Postgres may look for
# them once for each message that it updates, and a row that this statement has locked is skipped, so that it takes more.
CLAIM = text("""
    WITH taken AS MATERIALIZED (
        SELECT notification_id FROM notifications
        WHERE project_id = :project_id AND channel_id = :channel_id AND state = 'due' AND attempt_at <= now()
        ORDER BY due_at, made_at, notification_id LIMIT :most FOR UPDATE SKIP LOCKED
    )
    UPDATE notifications n
    SET claimed_until = now() + make_interval(secs => :seconds), attempt_at = now() + make_interval(secs => :seconds),
        attempts = n.attempts + 1
    FROM taken
    WHERE n.project_id = :project_id AND n.notification_id = taken.notification_id
    RETURNING n.notification_id, n.rule_id, n.changes, n.left_out, n.made_at, n.due_at, n.attempts,
              now() - n.due_at AS waited
""")

# Notes how messages ended: sent, dead, muted, held.
END = text("""
    UPDATE notifications SET state = :state, ended_at = clock_timestamp(), claimed_until = NULL, told = :told
    WHERE project_id = :project_id AND notification_id = ANY(:notification_ids) AND state = 'due'
""")

# Tries them again after a while.
PUT_OFF = text("""
    UPDATE notifications
    SET attempt_at = clock_timestamp() + make_interval(secs => :seconds), claimed_until = NULL, told = :told,
        attempts = attempts - CASE WHEN :was_tried THEN 0 ELSE 1 END
    WHERE project_id = :project_id AND notification_id = ANY(:notification_ids) AND state = 'due'
""")

# Holds back what is due beyond what a channel may get in an hour, until there is room again.
HOLD = text("""
    UPDATE notifications SET state = 'held', ended_at = clock_timestamp(), attempt_at = coalesce(
        (SELECT min(s.ended_at) FROM notifications s WHERE s.project_id = :project_id AND s.channel_id = :channel_id
         AND s.state = 'sent' AND s.ended_at > now() - interval '1 hour'), now()) + interval '1 hour'
    WHERE project_id = :project_id AND channel_id = :channel_id AND state = 'due' AND attempt_at <= now()
""")

# Takes what was held back, to say how much it was.
REPORT_HELD = text("""
    UPDATE notifications SET state = 'reported'
    WHERE project_id = :project_id AND channel_id = :channel_id AND state = 'held'
    RETURNING notification_id, changes, ended_at
""")

# Forgets what is long over.
DELETE_OLD_NOTIFICATIONS = text("""
    DELETE FROM notifications
    WHERE project_id = :project_id AND state <> 'due' AND ended_at < now() - make_interval(days => :retention_days)
""")
DELETE_OLD_THREADS = text("""
    DELETE FROM alert_threads
    WHERE project_id = :project_id AND fired_at < now() - make_interval(days => :retention_days)
""")


async def owe(connection: AsyncConnection, project_id: UUID, changes: Sequence[Change]) -> None:
    """Make the notifications that the project's armed rules owe for changes of this transaction, in it."""
    await connection.execute(LOCK_ALERTS, {"project_id": str(project_id)})
    rules = await list_armed(connection, project_id)
    if not rules:
        return
    threads = await load_threads(connection, project_id, rules, subjects_of(changes))
    before = {rule_id: dict(told) for rule_id, told in threads.items()}
    firings = [firing for rule in rules if (firing := evaluate(rule, changes, threads[rule.rule_id]))]
    told = [
        (rule_id, subject_id, thread)
        for rule_id, now in threads.items()
        for subject_id, thread in now.items()
        if before.get(rule_id, {}).get(subject_id) != thread
    ]
    await write_threads(connection, project_id, told)
    await add_notifications(connection, project_id, firings)


async def load_threads(
    connection: AsyncConnection, project_id: UUID, rules: Iterable[Rule], subjects: Iterable[UUID]
) -> dict[UUID, Threads]:
    """What each of the rules told last of each of the subjects, by the rule's id."""
    threads: dict[UUID, Threads] = {rule.rule_id: {} for rule in rules}
    asked = {"project_id": project_id, "rule_ids": list(threads), "subject_ids": list(subjects)}
    for row in await connection.execute(LOAD_THREADS, asked):
        threads[row.rule_id][row.subject_id] = Thread(row.fired_at, row.name, row.rank, row.is_open)
    return threads


async def write_threads(
    connection: AsyncConnection, project_id: UUID, told: Sequence[tuple[UUID, UUID, Thread]]
) -> None:
    if not told:
        return
    values = {
        "project_id": project_id,
        "rule_ids": [rule_id for rule_id, _, _ in told],
        "subject_ids": [subject_id for _, subject_id, _ in told],
        "moments": [thread.fired_at for _, _, thread in told],
        "names": [thread.name for _, _, thread in told],
        "ranks": [thread.rank for _, _, thread in told],
        "open": [thread.is_open for _, _, thread in told],
    }
    await connection.execute(WRITE_THREADS, values)


async def add_notifications(connection: AsyncConnection, project_id: UUID, firings: Iterable[Firing]) -> None:
    """Owe what these firings tell each channel. What comes when the message that gathers it is on its way is one of its own."""
    owed = {
        firing.id_for(channel_id): (channel_id, firing) for firing in firings for channel_id in firing.rule.channels
    }
    added = await add_owed(connection, project_id, owed)
    late = {uuid5(one, str(owed[one][1].changes[0].transition_id)): owed[one] for one in owed.keys() - added}
    await add_owed(connection, project_id, {one: told for one, told in late.items() if told[1].is_gathered})


async def add_owed(
    connection: AsyncConnection, project_id: UUID, owed: Mapping[UUID, tuple[UUID, Firing]]
) -> Collection[UUID]:
    """Write notifications, given by id with the channel; the ids of those that were made or took it in."""
    if not owed:
        return ()
    channels, firings = zip(*owed.values(), strict=True)
    values = {
        "project_id": project_id,
        "notification_ids": list(owed),
        "rule_ids": [firing.rule.rule_id for firing in firings],
        "channel_ids": list(channels),
        "changes": [write_changes(firing.changes[:MOST_CHANGES]) for firing in firings],
        "left_out": [max(0, len(firing.changes) - MOST_CHANGES) for firing in firings],
        "due": [firing.due_at for firing in firings],
    }
    return set((await connection.scalars(ADD_NOTIFICATIONS, values)).all())


def write_changes(changes: Iterable[Change]) -> str:
    """As they stand in a notification: JSON."""
    return to_json(
        [
            {
                "transition_id": one.transition_id,
                "happened_at": one.happened_at,
                "subject": one.subject,
                "subject_id": one.subject_id,
                "name": one.name,
                "facts": one.facts,
            }
            for one in changes
        ]
    ).decode()


def read_stored(stored: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What `write_changes` wrote."""
    return [
        Change(
            UUID(one["transition_id"]),
            datetime.fromisoformat(one["happened_at"]),
            one["subject"],
            UUID(one["subject_id"]),
            one["name"],
            one["facts"],
        )
        for one in stored
    ]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification that this worker may send for a while."""

    notification_id: UUID
    rule_id: UUID
    changes: tuple[Change, ...]
    left_out: int
    made_at: datetime
    attempts: int
    waited_seconds: float


async def list_due_channels(connection: AsyncConnection, most: int) -> list[tuple[UUID, UUID]]:
    """Project and id of channels for which something is due, the longest waiting first."""
    rows = await connection.execute(DUE_CHANNELS, {"most": most})
    return [(row.project_id, row.channel_id) for row in rows]


async def lock_channel(connection: AsyncConnection, channel_id: UUID) -> None:
    await connection.execute(LOCK_CHANNEL, {"channel_id": str(channel_id)})


async def count_sent(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> int:
    """The messages of the last hour, those on their way included."""
    asked = {"project_id": project_id, "channel_id": channel_id}
    return int((await connection.execute(COUNT_SENT, asked)).scalar_one())


async def claim(
    connection: AsyncConnection, project_id: UUID, channel_id: UUID, most: int, seconds: float
) -> list[Claimed]:
    """Take at most so many messages that are due, for so long, oldest first."""
    asked = {"project_id": project_id, "channel_id": channel_id, "most": most, "seconds": seconds}
    rows = (await connection.execute(CLAIM, asked)).all()
    ordered = sorted(rows, key=lambda row: (row.due_at, row.made_at, row.notification_id))
    return [
        Claimed(
            row.notification_id, row.rule_id, tuple(read_stored(row.changes)), row.left_out, row.made_at, row.attempts,
            row.waited.total_seconds(),
        )
        for row in ordered
    ]  # fmt: skip


async def end(
    connection: AsyncConnection, project_id: UUID, notification_ids: Sequence[UUID], state: str, told: str = ""
) -> None:
    """Note how messages ended: sent, dead, muted."""
    if notification_ids:
        asked = {"project_id": project_id, "notification_ids": list(notification_ids), "state": state, "told": told}
        await connection.execute(END, asked)


async def put_off(
    connection: AsyncConnection,
    project_id: UUID,
    notification_ids: Sequence[UUID],
    seconds: float,
    told: str,
    *,
    was_tried: bool = True,
) -> None:
    """Have messages tried again after so long."""
    if notification_ids:
        asked = {"project_id": project_id, "notification_ids": list(notification_ids), "seconds": seconds, "told": told}
        await connection.execute(PUT_OFF, asked | {"was_tried": was_tried})


async def hold(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> int:
    """Hold back all that is due for the channel; how many messages."""
    return (await connection.execute(HOLD, {"project_id": project_id, "channel_id": channel_id})).rowcount


async def add_report(connection: AsyncConnection, project_id: UUID, channel_id: UUID, change: Change) -> None:
    """Owe the channel a message of no rule's, at once."""
    values = {
        "project_id": project_id,
        "notification_ids": [change.transition_id],
        "rule_ids": [NO_RULE],
        "channel_ids": [channel_id],
        "changes": [write_changes([change])],
        "left_out": [0],
        "due": [change.happened_at],
    }
    await connection.execute(ADD_NOTIFICATIONS, values)


async def take_held(connection: AsyncConnection, project_id: UUID, channel_id: UUID) -> dict[UUID, list[Change]]:
    """What was held back and not reported, which it is from now on: the changes by notification."""
    rows = (await connection.execute(REPORT_HELD, {"project_id": project_id, "channel_id": channel_id})).all()
    return {row.notification_id: read_stored(row.changes) for row in sorted(rows, key=lambda row: row.ended_at)}
