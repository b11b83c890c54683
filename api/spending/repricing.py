"""Pricing again what is stored, by today's catalog and overrides: shown first, audited, and the second time nothing.

The only writer of `repricings`.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import text

from api.spending.overrides import list_overrides
from api.spending.usage_rows import price_row
from api.storing.rows import UsageRow
from api.storing.usage import NewPrice, read_records, set_prices
from common.database.connections import Connects
from common.pricing import RateOverride

CHUNK_RECORDS = 500

# Who had which span priced again, and what that changed.
RECORD_REPRICING = text(
    """
    INSERT INTO repricings (project_id, repricing_id, made_at, made_by, since, until, records, changed, before_usd,
                            after_usd, unpriced_tokens_before, unpriced_tokens_after)
    VALUES (:project_id, :repricing_id, now(), :made_by, :since, :until, :records, :changed, :before_usd, :after_usd,
            :unpriced_tokens_before, :unpriced_tokens_after)
    """
)


@dataclass(slots=True)
class Sums:
    """What some records cost, before and after."""

    records: int = 0
    changed: int = 0
    before_usd: Decimal = Decimal(0)
    after_usd: Decimal = Decimal(0)
    unpriced_tokens_before: int = 0
    unpriced_tokens_after: int = 0

    def add(self, old: UsageRow, new: UsageRow) -> None:
        self.records += 1
        self.changed += is_changed(old, new)
        self.before_usd += old.cost_usd or 0
        self.after_usd += new.cost_usd or 0
        self.unpriced_tokens_before += count_unpriced(old)
        self.unpriced_tokens_after += count_unpriced(new)


@dataclass(slots=True)
class Difference:
    """What pricing a span again changes: in all, and by the name that models are summed up as.

    `done_until` is None when all of the span was looked at, else the time to go on from.
    """

    total: Sums = field(default_factory=Sums)
    by_model: dict[str, Sums] = field(default_factory=lambda: defaultdict(Sums))
    done_until: datetime | None = None

    def add(self, pairs: Iterable[tuple[UsageRow, UsageRow]]) -> None:
        for old, new in pairs:
            self.total.add(old, new)
            self.by_model[new.sums_as].add(old, new)


async def reprice(
    engine: Connects,
    project_id: UUID,
    since: datetime,
    until: datetime,
    made_by: str,
    *,
    dry_run: bool,
    max_seconds: float,
) -> Difference:
    """Price the records from `since` until before `until`, as far as the time allows; write unless it is a dry run.

    Each chunk is one transaction that holds its records, so that two runs at once change nothing twice. What was
    written is audited also when the run ends early or fails.
    """
    difference = Difference()
    ends_at = time.monotonic() + max_seconds
    span = {"project_id": project_id, "since": since, "until": until}
    after = (since, "")
    async with engine.connect() as connection:
        overrides = await list_overrides(connection, project_id)
    try:
        while chunk := await reprice_chunk(engine, span, after, overrides, difference, dry_run=dry_run):
            after = (chunk[-1].occurred_at, chunk[-1].event_key)
            if len(chunk) < CHUNK_RECORDS:
                break
            if time.monotonic() > ends_at:
                difference.done_until = after[0]
                break
    finally:
        if not dry_run and difference.total.records:
            await record_repricing(engine, span, made_by, difference.total)
    return difference


async def reprice_chunk(
    engine: Connects,
    span: dict[str, object],
    after: tuple[datetime, str],
    overrides: Sequence[RateOverride],
    difference: Difference,
    *,
    dry_run: bool,
) -> list[UsageRow]:
    """Price the next records after a place; those that were looked at, none at the end."""
    async with engine.begin() as connection:
        rows = await read_records(connection, span, after, limit=CHUNK_RECORDS, lock=not dry_run)
        pairs = [(row, price_row(row, overrides)) for row in rows]
        changed = [note_price(old, new) for old, new in pairs if is_changed(old, new)]
        if changed and not dry_run:
            await set_prices(connection, rows[0].project_id, changed)
    difference.add(pairs)
    return rows


async def record_repricing(engine: Connects, span: dict[str, object], made_by: str, sums: Sums) -> None:
    values = {name: getattr(sums, name) for name in Sums.__dataclass_fields__}
    values |= {**span, "repricing_id": uuid_utils.compat.uuid7(), "made_by": made_by}
    async with engine.begin() as connection:
        await connection.execute(RECORD_REPRICING, values)


def is_changed(old: UsageRow, new: UsageRow) -> bool:
    return (old.cost_usd, old.priced_by, old.price_note) != (new.cost_usd, new.priced_by, new.price_note)


def count_unpriced(row: UsageRow) -> int:
    return row.counts.total if row.cost_usd is None else 0


def note_price(old: UsageRow, new: UsageRow) -> NewPrice:
    return NewPrice(
        event_key=new.event_key,
        cost_usd=new.cost_usd,
        priced_by=new.priced_by,
        price_note=new.price_note,
        added_usd=(new.cost_usd or Decimal(0)) - (old.cost_usd or Decimal(0)),
        added_unpriced=count_unpriced(new) - count_unpriced(old),
    )
