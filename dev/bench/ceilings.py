"""What this machine's Postgres takes at most through asyncpg: the same rows into the same tables, with no service.

Batches: COPY from four connections. Single errors: one prepared INSERT a row from sixteen. Both keep none of the
promises: no duplicates, no counts, nothing parsed, cleaned, redacted or fingerprinted.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils.compat

from api.ingest.rows import RequestContext, make_row
from api.ingest.schemas import ErrorIn
from api.storing.errors import COLUMN_TYPES
from api.storing.rows import ErrorRow
from common.settings import Settings
from dev.bench.load import Load, own_cpu_seconds

COPY_CONNECTIONS = 4
INSERT_CONNECTIONS = 16
TABLE = "errors"
PLACES = ", ".join(f"${number}" for number in range(1, len(COLUMN_TYPES) + 1))
INSERT_ROW = f"INSERT INTO {TABLE} ({', '.join(COLUMN_TYPES)}) VALUES ({PLACES})"  # noqa: S608 - made of the constants above

Record = tuple[Any, ...]


def make_records(bodies: Sequence[bytes], project_id: UUID, settings: Settings) -> list[ErrorRow]:
    """The rows that Mayday would write for these errors."""
    frame = RequestContext.now(project_id, settings)
    return [make_row(ErrorIn.model_validate_json(body), frame) for body in bodies]


def renew(rows: Sequence[ErrorRow], count: int) -> list[Record]:
    """`count` records out of the rows, each with an id of its own."""
    now = datetime.now(UTC)
    repeated = (rows[number % len(rows)] for number in range(count))
    return [row._replace(event_id=uuid_utils.compat.uuid7(), received_at=now)[:-1] for row in repeated]


async def copy_batches(url: str, records: Sequence[Record], size: int, seconds: float) -> Load:
    """COPY `size` records at a time until they or the seconds are over."""
    batches = [records[start : start + size] for start in range(0, len(records), size)]

    async def copy(connection: asyncpg.Connection, batch: Sequence[Record]) -> int:
        await connection.copy_records_to_table(TABLE, records=batch, columns=list(COLUMN_TYPES))
        return len(batch)

    return await keep_busy(url, COPY_CONNECTIONS, iter(batches), copy, seconds)


async def insert_rows(url: str, records: Sequence[Record], seconds: float, connections: int) -> Load:
    """One prepared INSERT and one commit for each record until they or the seconds are over."""

    async def insert(connection: asyncpg.Connection, record: Record) -> int:
        await connection.execute(INSERT_ROW, *record)  # asyncpg prepares it once and keeps it
        return 1

    return await keep_busy(url, connections, iter(records), insert, seconds)


async def keep_busy(url: str, connections: int, work: Iterator[Any], do: Any, seconds: float) -> Load:
    load = Load()
    pool = [await asyncpg.connect(url) for _ in range(connections)]
    started, cpu = time.perf_counter(), own_cpu_seconds()

    async def run(connection: asyncpg.Connection) -> None:
        while time.perf_counter() - started < seconds and (piece := list(islice(work, 1))):
            before = time.perf_counter()
            stored = await do(connection, piece[0])
            load.done += stored  # not in one: the sum would be read before the wait
            load.latencies_seconds.append(time.perf_counter() - before)
            load.requests += 1

    await asyncio.gather(*map(run, pool))
    load.seconds = time.perf_counter() - started
    load.generator_cpu_seconds = own_cpu_seconds() - cpu
    for connection in pool:
        await connection.close()
    return load
