"""How errors are stored: rows into `errors` and their counts into `deltas`, in one transaction.

They go in the hope that all are new: many by COPY, few by one statement. Where one was stored before, nothing is, and
they go by a statement that tells which (docs/decisions/0013, 0022); a single one by a plainer form of it at once. The
few that may be stored on another day are looked for there before (api/storing/other_days.py).
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import nullcontext
from datetime import date
from functools import partial
from typing import Any

import asyncpg
import uuid_utils.compat

from api.storing.copy_format import (
    DELTA_COLUMNS,
    HEAD,
    Occurrences,
    Piece,
    encode_deltas,
    encode_some,
    join_some,
)
from api.storing.flusher import Outcome, match_stored
from api.storing.other_days import find_known, note_early_days
from api.storing.rows import ErrorRow
from api.storing.scheduler import SLICE_SECONDS, Scheduler
from common.buckets import bucket_sql
from common.tables import Adjustment
from common.telemetry import metrics, traces

COLUMN_TYPES = {
    "project_id": "uuid",
    "day": "date",
    "event_id": "uuid",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "fingerprint": "bigint",
    "severity": "smallint",
    "adjustments": "smallint",
    "redactions": "smallint",
    "service": "text",
    "environment": "text",
    "release": "text",
    "error_type": "text",
    "client_fingerprint": "text",
    "message": "text",
    "stack_trace": "text",
    "context_text": "text",
    "tags_text": "text",
}
COLUMNS = ", ".join(COLUMN_TYPES)
ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMN_TYPES.values(), 1))
FLUSH_ID, TRACEPARENT = (f"${len(COLUMN_TYPES) + n}" for n in (1, 2))
# The columns of a delta, and the bucket that an error counts in.
DELTAS = "deltas (" + ", ".join((*DELTA_COLUMNS, "written_at")) + ")"
BUCKET = bucket_sql("occurred_at")

# The rows of a flush.
INSERT_SENT = f"""
    INSERT INTO errors ({COLUMNS}) SELECT {COLUMNS} FROM unnest({ARRAYS}) AS sent ({COLUMNS})
"""  # noqa: S608 - made of the constants above
# The deltas of what was stored: the definition of a delta. COPY (`copy_format.encode_deltas`) and STORE_ONE write the same,
# to the last bit, in a part of the time; tests/api/storing/test_copy_format.py holds them to it.
COUNT_STORED = f"""
    INSERT INTO {DELTAS}
    SELECT project_id, {FLUSH_ID}::uuid, row_number() OVER (), {BUCKET}, fingerprint, severity, count(*),
           min(occurred_at), max(occurred_at), service, environment, release, {TRACEPARENT}::text, now()
    FROM stored GROUP BY project_id, 4, fingerprint, service, severity, environment, release
"""  # noqa: S608 - made of the constants above

# Store what is new, sorted by key so that two flushes never lock each other; count exactly what was stored; say how
# many that was, and which, if some were duplicates.
STORE = f"""
WITH stored AS (
    {INSERT_SENT}
    ORDER BY project_id, day, event_id
    ON CONFLICT DO NOTHING
    RETURNING project_id, day, event_id, occurred_at, fingerprint, service, severity,
              coalesce(environment, '') AS environment, release
), counted AS ({COUNT_STORED})
SELECT count(*) AS stored,
       CASE WHEN count(*) < cardinality($1) THEN array_agg((project_id, day, event_id)) END AS keys
FROM stored
"""  # noqa: S608 - made of the constants above

# The same where all rows are new, and nothing when one is not: it fails then.
STORE_NEW = f"""
WITH stored AS (
    {INSERT_SENT}
    ORDER BY project_id, day, event_id
    RETURNING project_id, occurred_at, fingerprint, service, severity, coalesce(environment, '') AS environment, release
)
{COUNT_STORED}
"""


# The same for one row: half the CPU of Postgres, and of the driver.
STORE_ONE = f"""
WITH stored AS (
    INSERT INTO errors ({COLUMNS}) VALUES ({", ".join(f"${n}" for n in range(1, len(COLUMN_TYPES) + 1))})
    ON CONFLICT DO NOTHING
    RETURNING project_id, occurred_at, fingerprint, service, severity, coalesce(environment, '') AS environment, release
)
INSERT INTO {DELTAS}
SELECT project_id, {FLUSH_ID}, 1, {BUCKET}, fingerprint, severity, 1,
       occurred_at, occurred_at, service, environment, release, {TRACEPARENT}, now()
FROM stored
RETURNING true
"""  # noqa: S608 - made of the constants above


COPY_FROM_ROWS = 100  # COPY takes four round trips instead of one
DELTAS_A_TURN = 400


async def store_errors(scheduler: Scheduler, connection: Any, rows: Sequence[ErrorRow]) -> list[Outcome]:
    """What became of each row; `connection` is asyncpg's. Raises what asyncpg raises."""
    has_sought = any(row.look_back for row in rows)
    outcomes = await (store_sought if has_sought else store_on_their_days)(scheduler, connection, rows)
    count_changes(rows)
    return outcomes


async def store_sought(scheduler: Scheduler, connection: Any, rows: Sequence[ErrorRow]) -> list[Outcome]:
    """Store rows of which some may be stored on other days: those are looked for first."""
    async with connection.transaction():
        known = await find_known(connection, rows)
        new = [row for place, row in enumerate(rows) if place not in known]
        await note_early_days(connection, new)
        stored = iter(await store_on_their_days(scheduler, connection, new) if new else ())
        return [Outcome.duplicate if place in known else next(stored) for place in range(len(rows))]


async def store_on_their_days(scheduler: Scheduler, connection: Any, rows: Sequence[ErrorRow]) -> list[Outcome]:
    """Store rows, at least one, that are stored on their own day or not at all."""
    if len(rows) == 1:
        return [await store_one(connection, rows[0])]
    if await store_new(scheduler, connection, rows):
        return [Outcome.stored] * len(rows)
    return await store_what_is_new(connection, rows)


async def store_new(scheduler: Scheduler, connection: Any, rows: Sequence[ErrorRow]) -> bool:
    """Store the rows if all of them are new; False, with nothing stored, if one is not."""
    try:
        await (copy_new(scheduler, connection, rows) if len(rows) >= COPY_FROM_ROWS else insert_new(connection, rows))
    except asyncpg.UniqueViolationError:
        return False
    return True


async def copy_new(scheduler: Scheduler, connection: Any, rows: Sequence[ErrorRow]) -> None:
    """Raises UniqueViolationError, with nothing stored, when one was stored before."""
    ordered = sorted(rows, key=key_order)  # so that two flushes with the same rows wait for each other, not in a ring
    occurrences: Occurrences = defaultdict(list)
    next_rows = partial(encode_some, iter(ordered), occurrences, SLICE_SECONDS)
    async with connection.transaction():
        await connection.copy_to_table(
            "errors", source=in_turns(scheduler, next_rows), columns=tuple(COLUMN_TYPES), format="binary"
        )
        deltas = encode_deltas(occurrences, uuid_utils.compat.uuid7(), traces.current_traceparent())
        next_deltas = partial(join_some, deltas, DELTAS_A_TURN)
        await connection.copy_to_table(
            "deltas", source=in_turns(scheduler, next_deltas), columns=DELTA_COLUMNS, format="binary"
        )


async def insert_new(connection: Any, rows: Sequence[ErrorRow]) -> None:
    """As `copy_new`, in one round trip."""
    # behind a pooler there is a transaction, of which the failure must leave the rest as it is
    around = connection.transaction() if connection.is_in_transaction() else nullcontext()
    async with around:
        await connection.execute(STORE_NEW, *columns_of(rows), uuid_utils.compat.uuid7(), traces.current_traceparent())


async def store_one(connection: Any, row: ErrorRow) -> Outcome:
    is_new = await connection.fetchval(STORE_ONE, *row[:-1], uuid_utils.compat.uuid7(), traces.current_traceparent())
    return Outcome.stored if is_new else Outcome.duplicate


async def in_turns(scheduler: Scheduler, encode_next: Callable[[bytes], Piece]) -> AsyncIterator[bytes]:
    """What COPY gets: pieces, each made in a turn of its own behind what it begins with."""
    start, is_last = HEAD, False
    while not is_last:
        await scheduler.turn_for_flush()
        piece, is_last = encode_next(start)
        yield piece
        start = b""


async def store_what_is_new(connection: Any, rows: Sequence[ErrorRow]) -> list[Outcome]:
    """Store the rows that are new, and say which those were."""
    stored, keys = await connection.fetchrow(
        STORE, *columns_of(rows), uuid_utils.compat.uuid7(), traces.current_traceparent()
    )
    return (
        [Outcome.stored] * len(rows)
        if stored == len(rows)
        else match_stored([(row.project_id, row.day, row.event_id) for row in rows], keys or [])
    )


def columns_of(rows: Sequence[ErrorRow]) -> list[list[Any]]:
    """What is stored of the rows, by column."""
    return [list(column) for column in zip(*rows, strict=True)][:-1]


def key_order(row: ErrorRow) -> tuple[int, date, int]:
    """The row's place in the order of its key; numbers are compared faster than ids."""
    return row.project_id.int, row.day, row.event_id.int


def count_changes(rows: Sequence[ErrorRow]) -> None:
    """Count what had been done to the rows to make them storable."""
    metrics.REDACTIONS.of().inc(sum([row.redactions for row in rows]))
    for adjustments, count in Counter(row.adjustments for row in rows if row.adjustments).items():
        for adjustment in Adjustment(adjustments):
            metrics.ADJUSTMENTS.of(adjustment.name or "").inc(count)
