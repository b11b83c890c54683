"""How errors are stored: rows into `errors` and their counts into `deltas`, in one statement, one transaction."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import uuid_utils.compat

from api.ingest.flushing import Outcome, match_stored
from api.ingest.rows import Row
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
    "context": "jsonb",
    "tags": "jsonb",
}
COLUMNS = ", ".join(COLUMN_TYPES)
ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate([*COLUMN_TYPES.values(), "boolean"], 1))
FLUSH_ID, TRACEPARENT = (f"${len(Row._fields) + n}" for n in (1, 2))

# Store what is new, sorted by key so that two flushes never lock each other; count exactly what was stored; say how
# many that was, and which, if some were duplicates.
STORE = f"""
WITH stored AS (
    INSERT INTO errors ({COLUMNS})
    SELECT {COLUMNS} FROM unnest({ARRAYS}) AS sent ({COLUMNS}, look_back)
    WHERE NOT (look_back AND EXISTS (
        SELECT FROM errors e
        WHERE e.project_id = sent.project_id AND e.day = sent.day - 1 AND e.event_id = sent.event_id))
    ORDER BY project_id, day, event_id
    ON CONFLICT DO NOTHING
    RETURNING project_id, day, event_id, occurred_at, fingerprint, service, severity,
              coalesce(environment, '') AS environment
), counted AS (
    INSERT INTO deltas (project_id, flush_id, ordinal, bucket, fingerprint, service, severity, environment, count,
                        first_seen, last_seen, written_at, traceparent)
    SELECT project_id, {FLUSH_ID}::uuid, row_number() OVER (), date_bin('5 minutes', occurred_at, '2000-01-01Z'),
           fingerprint, service, severity, environment, count(*), min(occurred_at), max(occurred_at), now(),
           {TRACEPARENT}::text
    FROM stored GROUP BY project_id, 4, fingerprint, service, severity, environment
)
SELECT count(*) AS stored,
       CASE WHEN count(*) < cardinality($1) THEN array_agg((project_id, day, event_id)) END AS keys
FROM stored
"""  # noqa: S608 - made of the constants above


async def store_errors(connection: Any, rows: Sequence[Row]) -> list[Outcome]:
    """What became of each row; `connection` is asyncpg's. Raises what asyncpg raises."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    stored, keys = await connection.fetchrow(STORE, *columns, uuid_utils.compat.uuid7(), traces.current_traceparent())
    count_changes(rows)
    return (
        [Outcome.stored] * len(rows)
        if stored == len(rows)
        else match_stored([(row.project_id, row.day, row.event_id) for row in rows], keys or [])
    )


def count_changes(rows: Sequence[Row]) -> None:
    """Count what had been done to the rows to make them storable."""
    metrics.REDACTIONS.of().inc(sum(row.redactions for row in rows))
    for adjustments, count in Counter(row.adjustments for row in rows if row.adjustments).items():
        for adjustment in Adjustment(adjustments):
            metrics.ADJUSTMENTS.of(adjustment.name or "").inc(count)
