"""How usage is stored: records, and the sums over them, in one statement that is one transaction.

The only writer of `usage_records` and `usage_rollups`. The sums are part of the flush, not of a later fold: a budget
that is asked right after a 201 must know what was spent (docs/decisions/0008-usage-sums.md).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.storing.flusher import Outcome
from api.storing.rows import UsageRow
from api.storing.usage_again import choose_rows, judge_again
from api.storing.usage_names import name_sums

COLUMN_TYPES = {
    "project_id": "uuid",
    "event_key": "text",
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "team": "text",
    "agent": "text",
    "provider": "text",
    "model": "text",
    "sums_as": "text",
    "processing": "text",
    "input_tokens": "bigint",
    "cached_tokens": "bigint",
    "cache_write_tokens": "bigint",
    "cache_write_1h_tokens": "bigint",
    "output_tokens": "bigint",
    "reasoning_tokens": "bigint",
    "is_estimated": "boolean",
    "reported_usd": "numeric",
    "cost_usd": "numeric",
    "priced_by": "text",
    "price_note": "text",
    "deliverable": "text",
    "event_id": "uuid",
    "pattern_id": "uuid",
    "sums_team": "text",
    "sums_agent": "text",
    "details": "text",
    "run": "text",
    "parent_run": "text",
}
COLUMNS = ", ".join(COLUMN_TYPES)
ARRAYS = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMN_TYPES.values(), 1))

# Each sum of `usage_rollups`, made of the columns of a record.
SUMS = {
    "records": "count(*)",
    "input_tokens": "sum(input_tokens)",
    "cached_tokens": "sum(cached_tokens)",
    "cache_write_tokens": "sum(cache_write_tokens)",
    "output_tokens": "sum(output_tokens)",
    "reasoning_tokens": "sum(reasoning_tokens)",
    "untied_tokens": "coalesce(sum(input_tokens + output_tokens) FILTER (WHERE deliverable IS NULL), 0)",
    "estimated_tokens": "coalesce(sum(input_tokens + output_tokens) FILTER (WHERE is_estimated), 0)",
    "unpriced_tokens": "coalesce(sum(input_tokens + output_tokens) FILTER (WHERE cost_usd IS NULL), 0)",
    "cost_usd": "coalesce(sum(cost_usd), 0)",
}
KEY = "project_id, minutes, bucket, team, agent, model"
NAMES = "coalesce(sums_team, team), coalesce(sums_agent, agent), sums_as"
WIDTHS = "(VALUES (15::smallint), (1440::smallint)) AS width (minutes)"
BUCKET = "date_bin(make_interval(mins => minutes), occurred_at, '2000-01-01Z')"
ADD_UP = f"ON CONFLICT ({KEY}) DO UPDATE SET " + ", ".join(f"{name} = r.{name} + EXCLUDED.{name}" for name in SUMS)

# Store what is new and add exactly that to the sums of its quarter hour and its UTC day. Both sorted by key, and no
# sum is touched before the last record is in, so that two flushes never lock each other.
STORE_USAGE = f"""
WITH stored AS (
    INSERT INTO usage_records ({COLUMNS})
    SELECT {COLUMNS} FROM unnest({ARRAYS}) AS sent ({COLUMNS})
    ORDER BY project_id, event_key
    ON CONFLICT DO NOTHING
    RETURNING *
), summed AS (
    INSERT INTO usage_rollups AS r ({KEY}, {", ".join(SUMS)})
    SELECT project_id, minutes, {BUCKET}, {NAMES}, {", ".join(SUMS.values())}
    FROM stored CROSS JOIN {WIDTHS}
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    {ADD_UP}
)
SELECT count(*) AS stored,
       CASE WHEN count(*) < cardinality($1) THEN array_agg((project_id, event_key)) END AS keys
FROM stored
"""  # noqa: S608 - made of the constants above

# Those of some keys, held until what they become is written.
FIND_SENT_AGAIN = f"""
SELECT {", ".join(f"u.{name}" for name in COLUMN_TYPES)}
FROM usage_records u JOIN unnest($1::uuid[], $2::text[]) AS sent (project_id, event_key) USING (project_id, event_key)
ORDER BY u.project_id, u.event_key
FOR NO KEY UPDATE OF u
"""  # noqa: S608 - made of the constants above

# What a record takes over from one that says more of the same call.
REPLACED = (
    "received_at", "provider", "model", "processing", "input_tokens", "cached_tokens", "cache_write_tokens",
    "cache_write_1h_tokens", "output_tokens", "reasoning_tokens", "is_estimated", "reported_usd", "cost_usd", "priced_by",
    "price_note", "details",
)  # fmt: skip
ADDED = {f"added_{name}": "numeric" if name == "cost_usd" else "bigint" for name in SUMS if name != "records"}
REPLACING = {"project_id": "uuid", "event_key": "text", **{name: COLUMN_TYPES[name] for name in REPLACED}, **ADDED}
# Give records new amounts, and add the differences to their sums.
REPLACE_RECORDS = f"""
WITH replaced AS (
    UPDATE usage_records u SET {", ".join(f"{name} = sent.{name}" for name in REPLACED)}
    FROM unnest({", ".join(f"${n}::{kind}[]" for n, kind in enumerate(REPLACING.values(), 1))})
        AS sent ({", ".join(REPLACING)})
    WHERE u.project_id = sent.project_id AND u.event_key = sent.event_key
    RETURNING u.project_id, u.occurred_at, u.sums_team, u.team, u.sums_agent, u.agent, u.sums_as, {", ".join(ADDED)}
)
INSERT INTO usage_rollups AS r ({KEY}, {", ".join(SUMS)})
SELECT project_id, minutes, {BUCKET}, {NAMES}, 0, {", ".join(f"sum({name})" for name in ADDED)}
FROM replaced CROSS JOIN {WIDTHS}
GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
{ADD_UP}
"""  # noqa: S608 - made of the constants above

# The next records of a span of time, after a place in it.
LIST_RECORDS = f"""
    SELECT {COLUMNS} FROM usage_records
    WHERE project_id = :project_id AND occurred_at >= :since AND occurred_at < :until
      AND (occurred_at, event_key) > (:after_time, :after_key)
      AND (CAST(:team AS text) IS NULL OR team = :team) AND (CAST(:agent AS text) IS NULL OR agent = :agent)
      AND (CAST(:model AS text) IS NULL OR sums_as = :model)
    ORDER BY occurred_at, event_key LIMIT :limit
"""  # noqa: S608 - made of the constants above

EVERYBODY = dict.fromkeys(("team", "agent", "model"))

# Give records new prices, and add the differences to their sums.
SET_PRICES = text(
    f"""
    WITH priced AS (
        UPDATE usage_records u SET cost_usd = new.cost_usd, priced_by = new.priced_by, price_note = new.price_note
        FROM unnest(CAST(:event_key AS text[]), CAST(:cost_usd AS numeric[]), CAST(:priced_by AS text[]),
                    CAST(:price_note AS text[]), CAST(:added_usd AS numeric[]), CAST(:added_unpriced AS bigint[]))
            AS new (event_key, cost_usd, priced_by, price_note, added_usd, added_unpriced)
        WHERE u.project_id = :project_id AND u.event_key = new.event_key
        RETURNING u.*, new.added_usd, new.added_unpriced
    )
    INSERT INTO usage_rollups AS r ({KEY}, {", ".join(SUMS)})
    SELECT project_id, minutes, {BUCKET}, {NAMES},
           0, 0, 0, 0, 0, 0, 0, 0, sum(added_unpriced), sum(added_usd)
    FROM priced CROSS JOIN {WIDTHS}
    GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
    {ADD_UP}
    """  # noqa: S608 - made of the constants above  # rule-ok: made of the columns above
)


class NewPrice(NamedTuple):
    """A record's new price, and what it changes in the sums."""

    event_key: str
    cost_usd: Decimal | None
    priced_by: str
    price_note: str
    added_usd: Decimal
    added_unpriced: int


async def store_usage(names_max: int, connection: Any, rows: Sequence[UsageRow]) -> list[Outcome]:
    """What became of each row; `connection` is asyncpg's. Raises what asyncpg raises."""
    rows = await name_sums(connection, rows, names_max)
    chosen, outcomes = choose_rows(rows)
    columns = [list(column) for column in zip(*(rows[place] for place in chosen), strict=True)]
    stored, keys = await connection.fetchrow(STORE_USAGE, *columns)
    if stored == len(rows):
        return [Outcome.stored] * len(rows)
    new = {tuple(key) for key in keys or []} if stored < len(chosen) else None
    known = (
        [] if new is None else [place for place in chosen if (rows[place].project_id, rows[place].event_key) not in new]
    )
    outcomes |= dict.fromkeys(chosen, Outcome.stored) | await store_again(connection, rows, known)
    return [outcomes[place] for place in range(len(rows))]


async def store_again(connection: Any, rows: Sequence[UsageRow], places: Sequence[int]) -> dict[int, Outcome]:
    """What became of the rows at some places, whose keys are stored: those that are the same call further on take the
    place of what is there, in its sums too."""
    if not places:
        return {}
    keys = [(rows[place].project_id, rows[place].event_key) for place in places]
    async with connection.transaction():
        found = await connection.fetch(FIND_SENT_AGAIN, *(list(column) for column in zip(*keys, strict=True)))
        stored = {(row.project_id, row.event_key): row for row in (UsageRow(*values) for values in found)}
        # one that was deleted meanwhile was there a moment ago
        outcomes = {
            place: judge_again(stored[key], rows[place]) if key in stored else Outcome.duplicate
            for place, key in zip(places, keys, strict=True)
        }
        pairs = [
            (stored[key], rows[place])
            for place, key in zip(places, keys, strict=True)
            if outcomes[place] is Outcome.replaced
        ]
        if pairs:
            await replace_records(connection, pairs)
    return outcomes


async def replace_records(connection: Any, pairs: Sequence[tuple[UsageRow, UsageRow]]) -> None:
    """Give stored records the amounts of the ones that were sent, and add the differences to their sums; in the caller's
    transaction, which holds their locks. A record keeps its time, and the names that it is summed up under."""
    values = [
        (sent.project_id, sent.event_key, *(getattr(sent, name) for name in REPLACED), *list_differences(stored, sent))
        for stored, sent in sorted(pairs, key=lambda pair: (pair[1].project_id, pair[1].event_key))
    ]
    await connection.execute(REPLACE_RECORDS, *(list(column) for column in zip(*values, strict=True)))


def list_differences(stored: UsageRow, sent: UsageRow) -> list[int | Decimal]:
    """What the sums change by, in the order of SUMS without the records."""
    before, after = sum_up(stored), sum_up(sent)
    return [new - old for old, new in zip(before, after, strict=True)]


def sum_up(row: UsageRow) -> list[Any]:
    """What a record adds to each of SUMS but the records."""
    tokens = row.input_tokens + row.output_tokens
    return [
        row.input_tokens, row.cached_tokens, row.cache_write_tokens, row.output_tokens, row.reasoning_tokens,
        0 if row.deliverable else tokens, tokens if row.is_estimated else 0, tokens if row.cost_usd is None else 0,
        row.cost_usd or Decimal(0),
    ]  # fmt: skip


async def read_records(
    connection: AsyncConnection, span: Mapping[str, Any], after: tuple[datetime, str], *, limit: int, lock: bool
) -> list[UsageRow]:
    """The records of a span (project_id, since, until; team, agent, model as in sums, where they are said) after a place in
    it, by time; locked until new prices are in."""
    statement = text(LIST_RECORDS + (" FOR NO KEY UPDATE" if lock else ""))  # rule-ok: two constants
    asked = {**EVERYBODY, **span, "after_time": after[0], "after_key": after[1], "limit": limit}
    return [UsageRow(*row) for row in await connection.execute(statement, asked)]


async def set_prices(connection: AsyncConnection, project_id: UUID, prices: Sequence[NewPrice]) -> None:
    """Write new prices of records that are locked, and their sums, in the caller's transaction."""
    columns = zip(NewPrice._fields, (list(column) for column in zip(*prices, strict=True)), strict=True)
    await connection.execute(SET_PRICES, {"project_id": project_id, **dict(columns)})
