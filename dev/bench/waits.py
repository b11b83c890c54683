"""What open flushes wait for, as Postgres says: looked at again and again while load runs. Part of `bench scaling`."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg

from dev.bench.looking import looking

LOOK_EVERY_SECONDS = 0.02

# The sessions of the writers that have a transaction open: what each waits for; nothing for one that runs.
OPEN_FLUSHES = """
    SELECT wait_event_type AS kind, wait_event AS event FROM pg_stat_activity
    WHERE application_name LIKE 'mayday-writer_errors%' AND state <> 'idle'
"""


@asynccontextmanager
async def watching_waits(url: str) -> AsyncIterator[Counter[str]]:
    """Count what open flushes wait for while the body runs."""
    waits: Counter[str] = Counter()
    connection = await asyncpg.connect(url)

    async def look() -> None:
        waits.update(name_wait(row["kind"], row["event"]) for row in await connection.fetch(OPEN_FLUSHES))

    try:
        async with looking(look, LOOK_EVERY_SECONDS):
            yield waits
    finally:
        await connection.close()


def name_wait(kind: str | None, event: str | None) -> str:
    """For the API, which sends the next statement when it has its turn; for nothing; for the disk; for each other."""
    if kind is None:
        return "nothing"
    if kind == "Client":
        return "the API"
    is_disk = kind == "IO" or (event or "").lower().startswith("wal")
    return "the disk" if is_disk else "each other"


def share_waits(waits: Mapping[str, int]) -> dict[str, float]:
    """Of all that was seen."""
    total = sum(waits.values())
    return {name: round(waits.get(name, 0) / total, 3) for name in ("the API", "nothing", "the disk", "each other")}
