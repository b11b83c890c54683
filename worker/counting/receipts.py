"""What a fold adds to each fingerprint: its errors, when they were received, and how many of them after a decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

# The decision of some fingerprints' patterns that counts what comes after it.
FIND_COUNTING = text("""
    SELECT f.fingerprint, d.decided_at
    FROM fingerprints f JOIN decisions d ON d.project_id = f.project_id AND d.pattern_id = f.pattern_id
    WHERE f.project_id = :project_id AND f.fingerprint = ANY(:fingerprints)
      AND d.decision = 'ignored' AND d.until_more IS NOT NULL AND d.decided_at = ANY(:moments)
""")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one fold adds to one fingerprint.

    `errors`: how many. `first_seen`, `last_seen`: when they happened, by their clients. `received_from`, `received_at`:
    when the first and the last of them were written, by Postgres' clock. `decided_at`: when somebody ignored the
    pattern until so many further errors; `more`: the errors that were received since then, or all where nobody did.
    """

    fingerprint: int
    version: int
    errors: int
    first_seen: datetime
    last_seen: datetime
    received_from: datetime
    received_at: datetime
    decided_at: datetime | None
    more: int


async def sum_up(
    connection: AsyncConnection, project_id: UUID, got: Sequence[Row[Any]], moments: Sequence[datetime]
) -> list[Receipt]:
    """Merge the rows of a fold into one receipt for each fingerprint, in the order of the rows.

    `got`: sorted by fingerprint, a row for each release and each `moment`: the number of `moments` (ascending, of
    decisions that count further errors) that had passed when its errors were received.
    """
    decided: Mapping[int, datetime] = {}
    if moments:
        asked = {"project_id": project_id, "fingerprints": [row.fingerprint for row in got], "moments": moments}
        rows = await connection.execute(FIND_COUNTING, asked)
        decided = {row.fingerprint: row.decided_at for row in rows}
    places = {moment: place for place, moment in enumerate(moments, 1)}
    return [
        sum_one(list(rows), decided.get(fingerprint), places)
        for fingerprint, rows in groupby(got, key=lambda row: int(row.fingerprint))
    ]


def sum_one(rows: Sequence[Row[Any]], decided_at: datetime | None, places: Mapping[datetime, int]) -> Receipt:
    """Merge the rows of one fingerprint. `places`: the number of each decision's moment, from 1, as in `row.moment`. Pure."""
    least = places[decided_at] if decided_at else 0
    return Receipt(
        fingerprint=rows[0].fingerprint,
        version=rows[0].version,
        errors=sum(row.errors for row in rows),
        first_seen=min(row.first_seen for row in rows),
        last_seen=max(row.last_seen for row in rows),
        received_from=min(row.received_from for row in rows),
        received_at=max(row.received_at for row in rows),
        decided_at=decided_at,
        more=sum(row.errors for row in rows if row.moment >= least),
    )
