"""Folds deltas into rollups and fingerprints: each delta is deleted and counted in one transaction, so exactly once.

The consumer of `deltas` and the only writer of `rollups` and `fingerprints`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.fingerprint import FINGERPRINT_VERSION, fingerprint_error
from worker.jobs import Tools

CHUNK = 5_000

# The projects that have deltas to fold.
FIND_PROJECTS = text(
    """
    WITH RECURSIVE waiting AS (
        (SELECT project_id FROM deltas ORDER BY project_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.project_id FROM deltas d WHERE d.project_id > w.project_id ORDER BY d.project_id LIMIT 1)
        FROM waiting w WHERE w.project_id IS NOT NULL
    )
    SELECT project_id FROM waiting WHERE project_id IS NOT NULL
    """
)
# Take the oldest deltas of a project that nobody else takes. What is taken is gone when the transaction commits.
TAKE_DELTAS = text(
    """
    DELETE FROM deltas d USING (
        SELECT flush_id, ordinal FROM deltas WHERE project_id = :project_id
        ORDER BY flush_id, ordinal LIMIT :chunk FOR UPDATE SKIP LOCKED
    ) taken
    WHERE d.project_id = :project_id AND d.flush_id = taken.flush_id AND d.ordinal = taken.ordinal
    RETURNING d.bucket, d.fingerprint, d.service, d.severity, d.count AS errors, d.first_seen, d.last_seen
    """
)
# Add counts to their rollups, in the order of the key so that two folds never lock each other.
ADD_TO_ROLLUPS = text(
    """
    INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, count)
    SELECT :project_id, bucket, fingerprint, service, severity, sum(count)
    FROM unnest(CAST(:buckets AS timestamptz[]), CAST(:fingerprints AS bigint[]), CAST(:services AS text[]),
                CAST(:severities AS smallint[]), CAST(:counts AS bigint[]))
         AS counted (bucket, fingerprint, service, severity, count)
    GROUP BY bucket, fingerprint, service, severity
    ORDER BY bucket, fingerprint, service, severity
    ON CONFLICT (project_id, bucket, fingerprint, service, severity)
    DO UPDATE SET count = rollups.count + EXCLUDED.count
    """
)
# Add counts to fingerprints that are known; says which those are.
ADD_TO_FINGERPRINTS = text(
    """
    UPDATE fingerprints f SET
        count = f.count + seen.count,
        first_seen = least(f.first_seen, seen.first_seen),
        last_seen = greatest(f.last_seen, seen.last_seen)
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:counts AS bigint[]),
                CAST(:first_seen AS timestamptz[]), CAST(:last_seen AS timestamptz[]))
         AS seen (fingerprint, count, first_seen, last_seen)
    WHERE f.project_id = :project_id AND f.fingerprint = seen.fingerprint
    RETURNING f.fingerprint
    """
)
# One error of each new fingerprint, found through the index on the day that it was last seen.
FIND_SAMPLES = text(
    """
    SELECT wanted.fingerprint, e.message, e.error_type, e.stack_trace, e.client_fingerprint
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:last_seen AS timestamptz[]))
         AS wanted (fingerprint, last_seen)
    CROSS JOIN LATERAL (
        SELECT message, error_type, stack_trace, client_fingerprint FROM errors
        WHERE project_id = :project_id AND fingerprint = wanted.fingerprint
          AND day = (wanted.last_seen AT TIME ZONE 'UTC')::date AND occurred_at = wanted.last_seen
        LIMIT 1
    ) e
    """
)
# Make new fingerprints, each in a pattern of its own until the worker has looked for its like.
# Two folds may meet the same one: the second adds to it.
ADD_FINGERPRINTS = text(
    """
    INSERT INTO fingerprints AS f (project_id, fingerprint, pattern_id, version, grouped_by, error_type, skeleton,
                                   title, origin, count, first_seen, last_seen)
    SELECT :project_id, * FROM unnest(
        CAST(:fingerprints AS bigint[]), CAST(:pattern_ids AS uuid[]), CAST(:versions AS smallint[]),
        CAST(:grouped_by AS text[]),
        CAST(:error_types AS text[]), CAST(:skeletons AS text[]), CAST(:titles AS text[]), CAST(:origins AS text[]),
        CAST(:counts AS bigint[]), CAST(:first_seen AS timestamptz[]), CAST(:last_seen AS timestamptz[]))
    ORDER BY 2
    ON CONFLICT (project_id, fingerprint) DO UPDATE SET
        count = f.count + EXCLUDED.count,
        first_seen = least(f.first_seen, EXCLUDED.first_seen),
        last_seen = greatest(f.last_seen, EXCLUDED.last_seen)
    """
)
# Say which pattern fingerprints belong to.
ASSIGN_PATTERNS = text(
    """
    UPDATE fingerprints f SET pattern_id = given.pattern_id
    FROM unnest(CAST(:fingerprints AS bigint[]), CAST(:pattern_ids AS uuid[])) AS given (fingerprint, pattern_id)
    WHERE f.project_id = :project_id AND f.fingerprint = given.fingerprint
    """
)
# Rollups that are older than the fine hours become part of their hour's first bucket; a sum is never counted twice.
COMPACT = text(
    """
    WITH fine AS (
        DELETE FROM rollups
        WHERE bucket < :fine_until AND bucket <> date_trunc('hour', bucket, 'UTC')
        RETURNING project_id, date_trunc('hour', bucket, 'UTC') AS bucket, fingerprint, service, severity, count
    )
    INSERT INTO rollups (project_id, bucket, fingerprint, service, severity, count)
    SELECT project_id, bucket, fingerprint, service, severity, sum(count) FROM fine
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (project_id, bucket, fingerprint, service, severity)
    DO UPDATE SET count = rollups.count + EXCLUDED.count
    """
)
# Rollups and fingerprints whose errors are gone.
DROP_OLD_ROLLUPS = text("DELETE FROM rollups WHERE bucket < :oldest")
DROP_OLD_FINGERPRINTS = text("DELETE FROM fingerprints WHERE last_seen < :oldest")


async def fold_deltas(tools: Tools) -> str:
    """Fold all that waits, project by project. Run it twice, and nothing changes; kill it, and nothing is lost."""
    folded = 0
    async with tools.engine.connect() as connection:
        for project_id in await connection.scalars(FIND_PROJECTS):
            while count := await fold_chunk(connection, project_id, tools.settings.rollup_fine_hours):
                folded += count
    return f"{folded} deltas"


async def fold_chunk(connection: AsyncConnection, project_id: UUID, fine_hours: int) -> int:
    """Fold some deltas of a project in one transaction; 0 when there are none."""
    taken = (await connection.execute(TAKE_DELTAS, {"project_id": project_id, "chunk": CHUNK})).all()
    if taken:
        fine_until = start_of_fine(datetime.now(UTC), fine_hours)
        await connection.execute(
            ADD_TO_ROLLUPS,
            {
                "project_id": project_id,
                "buckets": [settle_bucket(delta.bucket, fine_until) for delta in taken],
                "fingerprints": [delta.fingerprint for delta in taken],
                "services": [delta.service for delta in taken],
                "severities": [delta.severity for delta in taken],
                "counts": [delta.errors for delta in taken],
            },
        )
        await count_fingerprints(connection, project_id, sum_up(taken))
    await connection.commit()
    return len(taken)


def start_of_fine(now: datetime, fine_hours: int) -> datetime:
    """The full hour from which on rollups are five minutes wide."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=fine_hours)


def settle_bucket(bucket: datetime, fine_until: datetime) -> datetime:
    """The five minutes of the delta, or their hour when that is compacted already."""
    return bucket if bucket >= fine_until else bucket.replace(minute=0)


Seen = tuple[int, datetime, datetime]


def sum_up(deltas: Iterable[Any]) -> dict[int, Seen]:
    """Count, first and last time of each fingerprint."""
    seen: dict[int, Seen] = {}
    for delta in deltas:
        count, first, last = seen.get(delta.fingerprint, (0, delta.first_seen, delta.last_seen))
        seen[delta.fingerprint] = (count + delta.errors, min(first, delta.first_seen), max(last, delta.last_seen))
    return seen


async def count_fingerprints(connection: AsyncConnection, project_id: UUID, seen: Mapping[int, Seen]) -> None:
    """Add to the fingerprints that are known, and make those that are not."""
    known = await connection.scalars(ADD_TO_FINGERPRINTS, columns_of(project_id, seen))
    new = {fingerprint: seen[fingerprint] for fingerprint in seen.keys() - set(known)}
    if new:
        await add_fingerprints(connection, project_id, new)


async def add_fingerprints(connection: AsyncConnection, project_id: UUID, new: Mapping[int, Seen]) -> None:
    """Make fingerprints, described by one of their errors."""
    columns = columns_of(project_id, new)
    wanted = {name: columns[name] for name in ("project_id", "fingerprints", "last_seen")}
    samples = {row.fingerprint: row for row in await connection.execute(FIND_SAMPLES, wanted)}
    described = [describe(samples.get(fingerprint)) for fingerprint in columns["fingerprints"]]
    names = ("versions", "grouped_by", "error_types", "skeletons", "titles", "origins")
    parts = zip(*described, strict=True)
    columns["pattern_ids"] = [uuid_utils.compat.uuid7() for _ in new]
    await connection.execute(ADD_FINGERPRINTS, columns | dict(zip(names, map(list, parts), strict=True)))


def describe(sample: Any) -> tuple[int, str, str | None, str, str, str]:
    """Version, what it is grouped by, type, skeleton, title and origin; of a sample that retention took, nothing."""
    if sample is None:
        return FINGERPRINT_VERSION, "message", None, "", "(its errors are gone)", ""
    made = fingerprint_error(
        message=sample.message,
        error_type=sample.error_type,
        stack_trace=sample.stack_trace,
        client_fingerprint=sample.client_fingerprint,
    )
    return FINGERPRINT_VERSION, made.grouped_by, sample.error_type, made.skeleton, made.title, made.origin


def columns_of(project_id: UUID, seen: Mapping[int, Seen]) -> dict[str, Any]:
    """The fingerprints in order, as arrays, for statements that unnest them."""
    ordered = sorted(seen)
    return {
        "project_id": project_id,
        "fingerprints": ordered,
        "counts": [seen[fingerprint][0] for fingerprint in ordered],
        "first_seen": [seen[fingerprint][1] for fingerprint in ordered],
        "last_seen": [seen[fingerprint][2] for fingerprint in ordered],
    }


async def assign_patterns(connection: AsyncConnection, project_id: UUID, patterns: Mapping[int, UUID]) -> None:
    """Say which pattern each fingerprint belongs to, in the caller's transaction."""
    ordered = sorted(patterns)
    values = {"project_id": project_id, "fingerprints": ordered, "pattern_ids": [patterns[f] for f in ordered]}
    await connection.execute(ASSIGN_PATTERNS, values)


async def compact_rollups(tools: Tools) -> str:
    """Make old rollups an hour wide and drop those past the retention, with fingerprints that nothing is left of."""
    now = datetime.now(UTC)
    oldest = now - timedelta(days=tools.settings.retention_days + 1)
    async with tools.engine.begin() as connection:
        await connection.execute(COMPACT, {"fine_until": start_of_fine(now, tools.settings.rollup_fine_hours)})
        await connection.execute(DROP_OLD_ROLLUPS, {"oldest": oldest})
        await connection.execute(DROP_OLD_FINGERPRINTS, {"oldest": oldest})
    return "compacted"
