"""Looks for errors on other days than their own: those of which a retry may come to another day (api/ingest/times.py).

Whoever stores such an error holds a lock for its id until the commit, so that of two processes the second one sees what
the first one stored. The only writer of `early_days`: an error whose time was too far ahead got the server's, and once
its own day has come it would be taken with its own time; errors of such a day are looked for too.
"""

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.storing.rows import ErrorRow, LookBack

STRIPES = 32  # of the ids of a project: a flush holds as many locks at most, where Postgres has room for some thousands
TRUSTED_SECONDS = 60.0  # so old may be what is known of early days; `times.SETTLED` allows for it

# Takes the locks one after another, in their order. What follows in the transaction is planned by what the tables hold
# then: a plan from when a day was empty reads all of the project's errors of that day, along the index of times.
LOCK_IDS = """
    SELECT set_config('plan_cache_mode', 'force_custom_plan', true), count(pg_advisory_xact_lock(lock))
    FROM unnest($1::bigint[]) AS lock
"""

# Those of some ids that are stored on one of some days, each day by its own key.
FIND_STORED = """
    SELECT found.event_id FROM generate_series(0, $3::date - $2::date) AS days (number)
    CROSS JOIN LATERAL (
        SELECT e.event_id FROM errors e
        WHERE e.project_id = $1 AND e.day BETWEEN $2 AND $3 AND e.day = $2::date + days.number
          AND e.event_id = ANY ($4::uuid[])
        OFFSET 0
    ) found
"""

# Notes that errors of a day were stored before it began.
NOTE_EARLY_DAY = """
    INSERT INTO early_days (project_id, day, noted_at) VALUES ($1, $2, now())
    ON CONFLICT (project_id, day) DO NOTHING RETURNING true
"""

# Forgets the days whose errors are kept no longer.
FORGET_EARLY_DAYS = "DELETE FROM early_days WHERE project_id = $1 AND day < $2"

# The early days of all projects, some dozens each where there are any.
LIST_EARLY_DAYS = text("SELECT project_id, day FROM early_days")


class EarlyDays:
    """The early days of each project, as this process read them last."""

    def __init__(self) -> None:
        self.days: Mapping[UUID, frozenset[date]] = {}
        self.read_at = -math.inf

    def of(self, project_id: UUID) -> frozenset[date] | None:
        """None when that was read too long ago."""
        if time.monotonic() - self.read_at > TRUSTED_SECONDS:
            return None
        return self.days.get(project_id, frozenset())

    async def read(self, engine: AsyncEngine) -> None:
        """Raises SQLAlchemyError or OSError when Postgres does not answer."""
        asked_at = time.monotonic()
        found: dict[UUID, set[date]] = defaultdict(set)
        async with engine.connect() as connection:
            for project_id, day in await connection.execute(LIST_EARLY_DAYS):
                found[project_id].add(day)
        self.days = {project_id: frozenset(days) for project_id, days in found.items()}
        self.read_at = asked_at


async def find_known(connection: Any, rows: Sequence[ErrorRow]) -> set[int]:
    """Places of rows that must not be stored: stored on some day before, or by a row before them. Keeps others who ask
    for the same ids waiting until the caller's transaction ends; `connection` is asyncpg's."""
    sought: dict[tuple[UUID, date, date], list[int]] = defaultdict(list)
    locks = set()
    for place, row in enumerate(rows):
        if row.look_back:
            sought[row.project_id, row.look_back.first, row.look_back.last].append(place)
            locks.add(name_lock(row.project_id, row.event_id.int % STRIPES))
    await connection.execute(LOCK_IDS, sorted(locks))
    known = find_repeats(rows)
    for (project_id, first, last), places in sought.items():
        ids = [rows[place].event_id for place in places]
        stored = {found["event_id"] for found in await connection.fetch(FIND_STORED, project_id, first, last, ids)}
        known.update(place for place in places if rows[place].event_id in stored)
    return known


def find_repeats(rows: Sequence[ErrorRow]) -> set[int]:
    """Places of rows whose id a row before them has on another day; on the same day Postgres tells. Pure."""
    days: dict[tuple[UUID, UUID], date] = {}
    repeats = set()
    for place, row in enumerate(rows):
        if days.setdefault((row.project_id, row.event_id), row.day) != row.day:
            repeats.add(place)
    return repeats


@lru_cache(maxsize=4_096)
def name_lock(project_id: UUID, stripe: int) -> int:
    """The advisory lock of a part of a project's ids."""
    name = blake2b(b"mayday:ids:%b:%d" % (project_id.bytes, stripe), digest_size=8)
    return int.from_bytes(name.digest(), signed=True)


async def note_early_days(connection: Any, rows: Sequence[ErrorRow]) -> None:
    """Note the days of rows that are stored before their day, in the caller's transaction."""
    ahead: dict[tuple[UUID, date], LookBack] = {}
    for row in rows:
        if row.look_back and row.look_back.ahead:
            ahead[row.project_id, row.look_back.ahead] = row.look_back
    for (project_id, day), look_back in sorted(ahead.items(), key=lambda one: (one[0][0].int, one[0][1])):
        if await connection.fetchval(NOTE_EARLY_DAY, project_id, day):
            await connection.execute(FORGET_EARLY_DAYS, project_id, look_back.first)
