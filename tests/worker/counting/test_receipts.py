"""What a fold adds to each fingerprint, summed up over releases and decisions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import PROJECT
from worker.counting.receipts import sum_one, sum_up

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EARLY, LATE = NOW - 3 * HOUR, NOW - HOUR
PLACES: Mapping[datetime, int] = {EARLY: 1, LATE: 2}


def got(errors: int, moment: int, hours_ago: int = 0, fingerprint: int = 7) -> Any:
    """A row of the fold: so many errors, received when `moment` decisions were over."""
    at = NOW - hours_ago * HOUR
    return SimpleNamespace(
        fingerprint=fingerprint, version=1, errors=errors, first_seen=at, last_seen=at, received_from=at,
        received_at=at, moment=moment,
    )  # fmt: skip


def test_a_receipt_spans_its_rows_and_counts_all_of_them() -> None:
    receipt = sum_one([got(2, 0, hours_ago=4), got(3, 2)], None, PLACES)
    assert (receipt.errors, receipt.more) == (5, 5)
    assert (receipt.first_seen, receipt.last_seen) == (NOW - 4 * HOUR, NOW)
    assert (receipt.received_from, receipt.received_at) == (NOW - 4 * HOUR, NOW)


def test_errors_that_were_received_before_the_decision_are_not_among_its_further_ones() -> None:
    rows = [got(1, 0), got(10, 1), got(100, 2)]
    assert sum_one(rows, EARLY, PLACES).more == 110
    assert sum_one(rows, LATE, PLACES).more == 100
    assert sum_one(rows, LATE, PLACES).errors == 111


async def test_each_fingerprint_has_one_receipt_in_the_order_of_the_rows(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        receipts = await sum_up(connection, PROJECT, [got(1, 0), got(2, 0), got(4, 0, fingerprint=9)], [])
    assert [(one.fingerprint, one.errors, one.decided_at) for one in receipts] == [(7, 3, None), (9, 4, None)]
