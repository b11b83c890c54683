"""Under which names usage is summed up: so many teams, agents and models of a project apart, all others under one.

The only writer of `usage_names`. The records keep the names that they were sent with.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from api.storing.rows import UsageRow
from common.tables.columns import OVERFLOW_NAME
from common.telemetry import metrics

log = structlog.get_logger()

Name = tuple[UUID, str, str]  # project, kind, name

# Notes the names that may be summed up apart, and answers those that may not: what is beyond the limit and has no budget,
# whose sums would be wrong. What was noted within the hour is not touched, so that flushes do not wait for each other.
# Processes that meet new names at the same moment may each fill the room that is left.
KEEP_NAMES = """
WITH sent AS MATERIALIZED (
    SELECT project_id, kind, name,
           (SELECT last_seen FROM usage_names n
            WHERE n.project_id = s.project_id AND n.kind = s.kind AND n.name = s.name) AS last_seen
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS s (project_id, kind, name)
), held AS MATERIALIZED (
    SELECT project_id, kind, count(*) AS names FROM usage_names WHERE project_id = ANY ($1) GROUP BY 1, 2
), excess AS MATERIALIZED (
    SELECT project_id, kind, name
    FROM (SELECT project_id, kind, name, row_number() OVER (PARTITION BY project_id, kind ORDER BY name) AS place
          FROM sent
          WHERE last_seen IS NULL AND NOT EXISTS (
              SELECT FROM budgets b
              WHERE b.project_id = sent.project_id AND b.scope = sent.kind AND b.scope_value = sent.name)) fresh
    LEFT JOIN held USING (project_id, kind)
    WHERE place + coalesce(names, 0) > $4
), kept AS (
    INSERT INTO usage_names (project_id, kind, name, last_seen)
    SELECT project_id, kind, name, now() FROM sent
    WHERE coalesce(last_seen < now() - interval '1 hour', true)
      AND (project_id, kind, name) NOT IN (SELECT project_id, kind, name FROM excess)
    ORDER BY project_id, kind, name
    ON CONFLICT (project_id, kind, name) DO UPDATE SET last_seen = EXCLUDED.last_seen
)
SELECT project_id, kind, name FROM excess
"""


async def name_sums(connection: Any, rows: Sequence[UsageRow], names_max: int) -> Sequence[UsageRow]:
    """The rows with the names that they are summed up under; `connection` is asyncpg's. Raises what asyncpg raises."""
    sent = sorted({name for row in rows for name in names_of(row)})
    columns = [list(column) for column in zip(*sent, strict=True)]
    excess = {tuple(found) for found in await connection.fetch(KEEP_NAMES, *columns, names_max)}
    if not excess:
        return rows
    tell_overflow(rows, excess)
    return [sum_beyond(row, excess) for row in rows]


def names_of(row: UsageRow) -> Iterable[Name]:
    """What a row is summed up by; most have no agent."""
    named = (("team", row.team), ("agent", row.agent), ("model", row.sums_as))
    return [(row.project_id, kind, name) for kind, name in named if name]


def sum_beyond(row: UsageRow, excess: set[Name]) -> UsageRow:
    """The row, summed up under the overflow in place of each name that is beyond. Pure."""
    beyond = {kind for project_id, kind, name in names_of(row) if (project_id, kind, name) in excess}
    return row._replace(
        sums_team=OVERFLOW_NAME if "team" in beyond else None,
        sums_agent=OVERFLOW_NAME if "agent" in beyond else None,
        sums_as=OVERFLOW_NAME if "model" in beyond else row.sums_as,
    )


def tell_overflow(rows: Sequence[UsageRow], excess: set[Name]) -> None:
    """Count the records whose names are beyond, and say whose they are."""
    beyond = Counter((name[0], name[1]) for row in rows for name in names_of(row) if name in excess)
    for (project_id, kind), records in beyond.items():
        metrics.OVERFLOW_USAGE.of(kind).inc(records)
        log.warning("usage_overflow", project_id=str(project_id), kind=kind, records=records)
