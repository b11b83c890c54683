"""What is the same at ingest, as a row each: its texts, counts, when it was seen, and the pattern that it is in.

The only writer of `fingerprints`; its callers are the fold, which counts, and `worker/grouping/patterns.py`, which groups.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.fingerprint import (
    FINGERPRINT_VERSION,
    GROUPING_CHARS,
    OVERFLOW,
    Fingerprint,
    Grouping,
    fingerprint_error,
    read_grouping,
)
from common.tables import Adjustment
from worker.counting.receipts import Receipt

CHUNK_EXAMPLES = 200
SCANNED_EXAMPLES = 5_000  # of one fingerprint, for one that was stored whole
SAMPLED = Adjustment.sampled.value
UNKNOWN_VERSION = 0  # the fingerprint's texts could not be made yet, for want of an error that has it

# What is known of the errors that came when the project had as many fingerprints as it may.
OVERFLOW_TEXTS = {
    "version": FINGERPRINT_VERSION,
    "grouped_by": "overflow",
    "error_type": None,
    "origin": "overflow",
    "skeleton": "errors of further kinds",
    "title": "Errors of further kinds, more than this project may have",
}

# Waits for the right to write one project's rollups and fingerprints, until the transaction ends.
PROJECT_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('mayday:rollups:' || :project_id, 0))")

# One error of each wanted fingerprint, found by the instant that it was last seen; the day prunes the partitions.
# With `=` in place of BETWEEN Postgres takes the index without the fingerprint, slow where many share an instant.
EXAMPLES = text("""
    SELECT wanted.fingerprint, e.message, e.error_type, e.stack_trace, e.client_fingerprint, e.adjustments,
           left(e.context_text, :context_chars) AS context_start
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:instants AS timestamptz[])) AS wanted (fingerprint, seen)
    CROSS JOIN LATERAL (
        SELECT message, error_type, stack_trace, client_fingerprint, adjustments, context_text FROM errors
        WHERE project_id = :project_id AND day = (wanted.seen AT TIME ZONE 'UTC')::date
          AND fingerprint = wanted.fingerprint AND occurred_at BETWEEN wanted.seen AND wanted.seen
        LIMIT 1
    ) e
""")

# Of fingerprints whose error was stored without its stack trace, one that was stored whole, among the first that there
# are since the first of these was seen: storm control keeps those of each minute.
WHOLE_EXAMPLES = text("""
    SELECT wanted.fingerprint, e.message, e.error_type, e.stack_trace, e.client_fingerprint, e.adjustments,
           left(e.context_text, :context_chars) AS context_start
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[]))
         AS wanted (fingerprint, first_seen, last_seen)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT message, error_type, stack_trace, client_fingerprint, adjustments, context_text FROM errors
            WHERE project_id = :project_id AND fingerprint = wanted.fingerprint
              AND day BETWEEN (wanted.first_seen AT TIME ZONE 'UTC')::date AND (wanted.last_seen AT TIME ZONE 'UTC')::date
              AND occurred_at BETWEEN wanted.first_seen AND wanted.last_seen
            ORDER BY occurred_at LIMIT :most
        ) first WHERE adjustments & :sampled = 0 LIMIT 1
    ) e
""")

# Adds what fingerprints got. Where their pattern has a decision that counts what comes after it (`decided_at`), they
# count from it, unless they came to the pattern later: those that were made since count whole, those that were merged
# into it from then on.
ADD_COUNTS = text("""
    UPDATE fingerprints f
    SET count = f.count + got.count,
        first_seen = least(f.first_seen, got.first_seen), last_seen = greatest(f.last_seen, got.last_seen),
        received_at = greatest(f.received_at, got.received_at),
        since = greatest(f.since, got.decided_at),
        since_count = CASE WHEN f.since >= got.decided_at OR got.decided_at IS NULL THEN f.since_count ELSE 0 END + got.more
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:counts AS bigint[]),
                CAST(:firsts AS timestamptz[]), CAST(:lasts AS timestamptz[]), CAST(:received AS timestamptz[]),
                CAST(:decided AS timestamptz[]), CAST(:more AS bigint[]))
         AS got (fingerprint, count, first_seen, last_seen, received_at, decided_at, more)
    WHERE f.project_id = :project_id AND f.fingerprint = got.fingerprint
""")

# Makes a fingerprint, not counted yet, in a pattern of its own until its like is looked for; one that had no texts yet
# gets them.
ADD_UNKNOWN = text("""
    INSERT INTO fingerprints (project_id, fingerprint, pattern_id, version, grouped_by, error_type, origin, skeleton,
                              title, count, first_seen, last_seen, since, since_count)
    VALUES (:project_id, :fingerprint, :pattern_id, :version, :grouped_by, :error_type, :origin, :skeleton, :title,
            0, :first_seen, :last_seen, :received_from, 0)
    ON CONFLICT (project_id, fingerprint) DO UPDATE
    SET version = EXCLUDED.version, grouped_by = EXCLUDED.grouped_by, error_type = EXCLUDED.error_type,
        origin = EXCLUDED.origin, skeleton = EXCLUDED.skeleton, title = EXCLUDED.title
""")

# Gives fingerprints their patterns. What those had got that come from another pattern is nothing new in this one.
ASSIGN_PATTERNS = text("""
    UPDATE fingerprints f
    SET pattern_id = given.pattern_id, since = CASE WHEN given.is_moved THEN now() ELSE f.since END,
        since_count = CASE WHEN given.is_moved THEN 0 ELSE f.since_count END
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:pattern_ids AS uuid[]), CAST(:moved AS boolean[]))
         AS given (fingerprint, pattern_id, is_moved)
    WHERE f.project_id = :project_id AND f.fingerprint = given.fingerprint
      AND f.pattern_id IS DISTINCT FROM given.pattern_id
""")

# Some fingerprints of an older version, of those with most errors first: the one that is made of them keeps their pattern.
OUTDATED = text("""
    SELECT fingerprint, grouped_by, first_seen, last_seen, pattern_id FROM fingerprints
    WHERE project_id = :project_id AND version > :unknown AND version < :version AND fingerprint <> :overflow
    ORDER BY count DESC, fingerprint LIMIT :chunk
""")

# Gives a fingerprint of an older version the texts of this one.
RENEW = text("""
    UPDATE fingerprints SET version = :version, grouped_by = :grouped_by, error_type = :error_type, origin = :origin,
           skeleton = :skeleton, title = :title
    WHERE project_id = :project_id AND fingerprint = :fingerprint
""")

# No error of it is left, or none that is whole: it keeps its texts.
PASS_OVER = text("""
    UPDATE fingerprints SET version = :version
    WHERE project_id = :project_id AND fingerprint = ANY(CAST(:fingerprints AS bigint[]))
""")

# Makes the fingerprint that errors of an older one have now, in the same pattern; one that was made since and that no run of
# patterns has seen goes there.
SUCCEED = text("""
    INSERT INTO fingerprints AS f (project_id, fingerprint, pattern_id, version, grouped_by, error_type, origin, skeleton,
                                   title, count, first_seen, last_seen, since, since_count)
    VALUES (:project_id, :successor, :pattern_id, :version, :grouped_by, :error_type, :origin, :skeleton, :title,
            0, :first_seen, :last_seen, now(), 0)
    ON CONFLICT (project_id, fingerprint) DO UPDATE SET pattern_id = EXCLUDED.pattern_id
    WHERE f.version = EXCLUDED.version AND NOT EXISTS (
        SELECT FROM patterns p WHERE p.project_id = f.project_id AND p.pattern_id = f.pattern_id)
""")

# Deletes the fingerprints that no kept error has.
DELETE_OLD_FINGERPRINTS = text("""
    DELETE FROM fingerprints WHERE project_id = :project_id
      AND last_seen < date_trunc('day', now() - make_interval(days => :retention_days), 'UTC')
""")


async def lock_project(connection: AsyncConnection, project_id: UUID) -> None:
    """Take the lock of this project's rollups and fingerprints until the transaction ends. Raises DBAPIError (55P03) when
    another transaction holds it for longer than `database_lock_seconds`."""
    await connection.execute(PROJECT_LOCK, {"project_id": str(project_id)})


def first_pattern_id(project_id: UUID, fingerprint: int) -> UUID:
    """The pattern that a fingerprint is in until its like is looked for, and keeps when it founds a pattern."""
    return uuid5(project_id, str(fingerprint))


async def add_counts(connection: AsyncConnection, project_id: UUID, got: Sequence[Receipt]) -> None:
    """Add what the fingerprints got to their rows, which exist (`add_unknown` makes those that do not)."""
    if not got:
        return
    added = {
        "project_id": project_id,
        "fingerprints": [one.fingerprint for one in got],
        "counts": [one.errors for one in got],
        "firsts": [one.first_seen for one in got],
        "lasts": [one.last_seen for one in got],
        "received": [one.received_at for one in got],
        "decided": [one.decided_at for one in got],
        "more": [one.more for one in got],
    }
    await connection.execute(ADD_COUNTS, added)


async def add_unknown(connection: AsyncConnection, project_id: UUID, got: Sequence[Receipt]) -> None:
    """Insert fingerprints that have no texts yet, each with texts made from one of its errors; `CHUNK_EXAMPLES` at a time,
    since stack traces may be long."""
    for start in range(0, len(got), CHUNK_EXAMPLES):
        few = got[start : start + CHUNK_EXAMPLES]
        texts = await example_texts(connection, project_id, few)
        rows = [
            {
                "project_id": project_id,
                "fingerprint": row.fingerprint,
                "pattern_id": first_pattern_id(project_id, row.fingerprint),
                "received_from": row.received_from,
                "first_seen": row.first_seen,
                "last_seen": row.last_seen,
                **(texts.get(row.fingerprint) or texts_without_example(row.fingerprint)),
            }
            for row in few
        ]
        await connection.execute(ADD_UNKNOWN, rows)


async def example_texts(
    connection: AsyncConnection, project_id: UUID, got: Sequence[Receipt]
) -> dict[int, dict[str, Any]]:
    """What `common.fingerprint` says of one error of each fingerprint; those without an error are left out."""
    asked = {
        "project_id": project_id,
        "fingerprints": [one.fingerprint for one in got],
        "instants": [one.last_seen for one in got],
        "context_chars": GROUPING_CHARS,
    }
    texts = await read_texts(await connection.execute(EXAMPLES, asked))
    slim = [one for one in got if texts.get(one.fingerprint, {}).get("version") == UNKNOWN_VERSION]
    if slim:
        asked = {
            "project_id": project_id,
            "fingerprints": [one.fingerprint for one in slim],
            "firsts": [one.first_seen for one in slim],
            "lasts": [one.last_seen for one in slim],
            "most": SCANNED_EXAMPLES,
            "sampled": SAMPLED,
            "context_chars": GROUPING_CHARS,
        }
        texts |= await read_texts(await connection.execute(WHOLE_EXAMPLES, asked))
    return {OVERFLOW: OVERFLOW_TEXTS, **texts}


async def read_texts(examples: Iterable[Row[Any]]) -> dict[int, dict[str, Any]]:
    """The texts of each example, by its fingerprint. Made in a thread: masking thousands of long messages would block the
    event loop for seconds."""
    found = list(examples)
    return await asyncio.to_thread(lambda: {example.fingerprint: texts_of(example) for example in found})


def texts_of(example: Row[Any]) -> dict[str, Any]:
    """The columns of a fingerprint's row that follow from one of its errors.

    An error that was sampled is stored without its stack trace, so its origin is unknown: its texts are of
    `UNKNOWN_VERSION`, grouped with nothing, and replaced once an error with a trace comes.
    """
    found = fingerprint_of(example, read_grouping(example.context_start or ""))
    if found.value != example.fingerprint:  # a context that only looks as if it held a grouping
        found = fingerprint_of(example, None)
    is_slim = example.adjustments & SAMPLED and found.value != example.fingerprint
    return {
        "version": UNKNOWN_VERSION if is_slim else FINGERPRINT_VERSION,
        "grouped_by": found.grouped_by,
        "error_type": example.error_type,
        "origin": name_of(example.fingerprint) if is_slim else found.origin,
        "skeleton": found.skeleton,
        "title": found.title,
    }


async def renew_outdated(engine: AsyncEngine, project_id: UUID) -> int:
    """Give the fingerprints of an older version the texts of this one, each by one of its errors, and make the fingerprint
    that such errors have now, in the same pattern: so ids, states and decisions outlive a new version. How many there were.

    In chunks, each in a transaction under the project's lock; what is done once is not done again."""
    renewed = 0
    while True:
        async with engine.begin() as connection:
            await lock_project(connection, project_id)
            asked = {"project_id": project_id, "unknown": UNKNOWN_VERSION, "version": FINGERPRINT_VERSION}
            found = (await connection.execute(OUTDATED, asked | {"overflow": OVERFLOW, "chunk": CHUNK_EXAMPLES})).all()
            if found:
                await renew(connection, project_id, found)
        renewed += len(found)
        if len(found) < CHUNK_EXAMPLES:
            return renewed


async def renew(connection: AsyncConnection, project_id: UUID, outdated: Sequence[Row[Any]]) -> None:
    anew = await find_successors(connection, project_id, outdated)
    passed = [row.fingerprint for row in outdated if row.fingerprint not in anew]
    shared = {"project_id": project_id, "version": FINGERPRINT_VERSION}
    rows = [
        {
            **shared,
            **texts,
            "fingerprint": row.fingerprint,
            "pattern_id": row.pattern_id,
            "first_seen": row.first_seen,
            "last_seen": row.last_seen,
        }
        for row in outdated
        if (texts := anew.get(row.fingerprint)) is not None
    ]
    await connection.execute(PASS_OVER, shared | {"fingerprints": passed})
    if rows:
        await connection.execute(RENEW, rows)
        await connection.execute(SUCCEED, rows)


async def find_successors(
    connection: AsyncConnection, project_id: UUID, outdated: Sequence[Row[Any]]
) -> dict[int, dict[str, Any]]:
    """Of each fingerprint the texts by one of its errors, and the `successor` that such an error has now. Without those of
    which no error is left, or none with its trace where it was grouped by that."""
    asked = {
        "project_id": project_id,
        "fingerprints": [row.fingerprint for row in outdated],
        "instants": [row.last_seen for row in outdated],
        "context_chars": GROUPING_CHARS,
    }
    needs_trace = {row.fingerprint for row in outdated if row.grouped_by == "stacktrace"}
    examples = {row.fingerprint: row for row in await connection.execute(EXAMPLES, asked)}
    slim = [row for row in outdated if row.fingerprint in needs_trace and is_slim(examples.get(row.fingerprint))]
    if slim:
        asked |= {
            "fingerprints": [row.fingerprint for row in slim],
            "firsts": [row.first_seen for row in slim],
            "lasts": [row.last_seen for row in slim],
            "most": SCANNED_EXAMPLES,
            "sampled": SAMPLED,
        }
        examples |= {row.fingerprint: row for row in await connection.execute(WHOLE_EXAMPLES, asked)}
    kept = [one for one in examples.values() if one.fingerprint not in needs_trace or not is_slim(one)]
    return await asyncio.to_thread(lambda: {example.fingerprint: succeed(example) for example in kept})


def is_slim(example: Row[Any] | None) -> bool:
    """Whether an error was stored without its trace."""
    return example is not None and bool(example.adjustments & SAMPLED)


def succeed(example: Row[Any]) -> dict[str, Any]:
    """The fingerprint that an error of an older one has now, and its texts."""
    found = fingerprint_of(example, read_grouping(example.context_start or ""))
    return {
        "successor": found.value,
        "grouped_by": found.grouped_by,
        "error_type": example.error_type,
        "origin": found.origin,
        "skeleton": found.skeleton,
        "title": found.title,
    }


def fingerprint_of(example: Row[Any], grouping: Grouping | None) -> Fingerprint:
    return fingerprint_error(
        message=example.message,
        error_type=example.error_type,
        stack_trace=example.stack_trace,
        client_fingerprint=example.client_fingerprint,
        grouping=grouping,
    )


def texts_without_example(fingerprint: int) -> dict[str, Any]:
    """Texts that no other fingerprint has, so that it is grouped with nothing until an error of it comes."""
    name = name_of(fingerprint)
    return {
        "version": UNKNOWN_VERSION,
        "grouped_by": "message",
        "error_type": None,
        "origin": name,
        "skeleton": name,
        "title": f"Error {name}",
    }


def name_of(fingerprint: int) -> str:
    return f"{fingerprint & 2**64 - 1:016x}"


async def assign_patterns(
    connection: AsyncConnection, project_id: UUID, given: Mapping[int, UUID], moved: Collection[int] = ()
) -> None:
    """Give each fingerprint its pattern, inside the caller's transaction; `moved` are those that come from another."""
    await lock_project(connection, project_id)
    asked = {
        "project_id": project_id,
        "fingerprints": list(given),
        "pattern_ids": list(given.values()),
        "moved": [fingerprint in moved for fingerprint in given],
    }
    await connection.execute(ASSIGN_PATTERNS, asked)
