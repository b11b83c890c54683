"""Records are stored once, their sums with them, and new prices change both by the same."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.storing.flusher import Outcome
from api.storing.rows import UsageRow
from api.storing.usage import NewPrice, read_records, set_prices, store_usage
from common.database import make_engine
from common.settings import Settings
from tests.conftest import Service

SENT_AT = datetime.now(UTC).isoformat()


def record(number: int) -> dict[str, Any]:
    return {
        "event_key": f"call-{number}",
        "team": "search",
        "model": "claude-haiku-4-5",
        "occurred_at": SENT_AT,
        "input_tokens": 10,
        "output_tokens": 5,
    }


async def test_usage_that_postgres_refused_is_stored_once_when_it_is_sent_again(service: Service) -> None:
    project = await service.project()
    batch = {"records": [record(number) for number in range(20)]}
    await service.execute("ALTER TABLE usage_rollups RENAME TO away")
    refused = await project.ingest.post("/api/usage/batch", json=batch)
    assert refused.status_code == 503, refused.text
    assert refused.headers["Retry-After"] == "1"
    await service.execute("ALTER TABLE away RENAME TO usage_rollups")
    assert await service.execute("SELECT count(*) FROM usage_records") == [(0,)]  # records and sums go together

    answers = [(await project.ingest.post("/api/usage/batch", json=batch)).json() for _ in range(2)]
    assert [(answer["count"], answer["duplicates"]) for answer in answers] == [(20, 0), (0, 20)]
    sums = await service.execute("SELECT minutes, sum(input_tokens + output_tokens) FROM usage_rollups GROUP BY 1")
    assert sorted((row[0], int(row[1])) for row in sums) == [(15, 300), (1440, 300)]


PROJECT, NOON = UUID(int=7), datetime(2026, 2, 3, 12, tzinfo=UTC)
TOKENS = (
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
NAMED = {"team": "search", "agent": "", "provider": "p", "model": "m", "sums_as": "m", "processing": "standard"}
RECORD: dict[str, Any] = dict.fromkeys(UsageRow._fields) | dict.fromkeys(TOKENS, 0) | NAMED | {
    "project_id": PROJECT, "received_at": NOON, "is_estimated": False, "priced_by": "", "price_note": "",
}  # fmt: skip
SUMS = """
SELECT bucket, team, records, input_tokens + output_tokens, unpriced_tokens, estimated_tokens, untied_tokens, cost_usd
FROM usage_rollups WHERE minutes = :minutes ORDER BY bucket, team
"""


def row(number: int, cost: str | None = None, **others: Any) -> UsageRow:
    said = {"event_key": f"call-{number}", "occurred_at": NOON + timedelta(minutes=number), "input_tokens": 10}
    priced = {"output_tokens": 5, "cost_usd": None if cost is None else Decimal(cost)}
    return UsageRow(**RECORD | said | priced | others)


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = make_engine(settings, "test")
    async with engine.begin() as made:
        await made.execute(text("INSERT INTO projects VALUES (:id, 'a', now())"), {"id": PROJECT})
        yield made
    await engine.dispose()


async def store(connection: AsyncConnection, *rows: UsageRow) -> list[Outcome]:
    driver = (await connection.get_raw_connection()).driver_connection
    return await store_usage(100, driver, rows)


async def sums(connection: AsyncConnection, minutes: int) -> list[tuple[Any, ...]]:
    found = await connection.execute(text(SUMS), {"minutes": minutes})
    return [tuple(each) for each in found]


async def test_only_what_is_new_is_stored_and_summed(connection: AsyncConnection) -> None:
    assert await store(connection, row(1), row(2)) == [Outcome.stored] * 2
    assert await store(connection, row(2), row(3), row(3)) == [Outcome.duplicate, Outcome.stored, Outcome.duplicate]
    assert await sums(connection, 15) == [(NOON, "search", 3, 45, 45, 0, 45, Decimal(0))]


async def test_each_sum_is_of_its_own_tokens_in_quarter_hours_and_days(connection: AsyncConnection) -> None:
    await store(
        connection,
        row(1, "0.5"),
        row(14, is_estimated=True),
        row(15, "1", deliverable="d"),
        row(16, team="shop", output_tokens=1),
    )
    quarter, day = NOON + timedelta(minutes=15), NOON - timedelta(hours=12)
    assert await sums(connection, 15) == [
        (NOON, "search", 2, 30, 15, 15, 30, Decimal("0.5")),
        (quarter, "search", 1, 15, 0, 0, 0, Decimal(1)),
        (quarter, "shop", 1, 11, 11, 0, 11, Decimal(0)),
    ]
    assert await sums(connection, 1440) == [
        (day, "search", 3, 45, 15, 15, 30, Decimal("1.5")),
        (day, "shop", 1, 11, 11, 0, 11, Decimal(0)),
    ]


async def test_records_are_read_in_their_order_a_page_after_the_other(connection: AsyncConnection) -> None:
    rows = [row(number) for number in range(5)]
    await store(connection, *reversed(rows))
    span = {"project_id": PROJECT, "since": NOON, "until": NOON + timedelta(minutes=4)}
    read: list[UsageRow] = []
    after = (NOON - timedelta(days=1), "")
    while page := await read_records(connection, span, after, limit=3, lock=True):
        read += page
        after = (page[-1].occurred_at, page[-1].event_key)
    assert [each.event_key for each in read] == [f"call-{number}" for number in range(4)]
    assert read[0].counts == rows[0].counts
    assert (
        await read_records(
            connection, span | {"project_id": UUID(int=8)}, (NOON - timedelta(1), ""), limit=3, lock=False
        )
        == []
    )


async def test_a_new_price_is_in_the_record_and_its_difference_in_the_sums(connection: AsyncConnection) -> None:
    await store(connection, row(1, "0.5"), row(2))
    new = [
        NewPrice("call-1", Decimal("0.75"), "list", "", Decimal("0.25"), 0),
        NewPrice("call-2", Decimal(2), "override", "n", Decimal(2), -15),
    ]
    await set_prices(connection, UUID(int=8), new)  # another project's records of these names
    await set_prices(connection, PROJECT, new)
    for minutes in (15, 1440):
        [(_, _, records, tokens, unpriced, _, _, cost)] = await sums(connection, minutes)
        assert (records, tokens, unpriced, cost) == (2, 30, 0, Decimal("2.75"))
    priced = await connection.exec_driver_sql(
        "SELECT cost_usd, priced_by, price_note FROM usage_records ORDER BY event_key"
    )
    assert [tuple(each) for each in priced] == [(Decimal("0.75"), "list", ""), (Decimal(2), "override", "n")]
