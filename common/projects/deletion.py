"""Deletes a project with all that it has: rows of every table, answers in the cache, keys. The only code beside the writers of
the tables that deletes from all of them.

It may be ended at any moment and goes on where it is run again, by `mayday project delete` or by the worker, which looks for
projects that are being deleted: the mark and the end of the keys come first, the project's own row goes last, and what lies
between is deleted in batches, each a transaction.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy import ColumnClause, Table, any_, delete, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.cache import TTL_SECONDS
from common.cache.connecting import make_redis
from common.projects import begin_deletion, delete_project_row
from common.settings import Settings
from common.tables import api_keys, errors, metadata, projects

BATCH_ROWS = 5_000
COUNTED_AT_MOST = 1_000_000
# What a process of the API trusts a key after it was revoked (`key_cache_seconds`, 30 at most), and a request may last.
FORGOTTEN_SECONDS = 45.0
ASK_AGAIN_SECONDS = 0.5
REDIS_SECONDS = 5.0
GUARD = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('mayday:job:' || :job, 0))")
LIST_BEING_DELETED = sa.text("SELECT project_id FROM projects WHERE deletion_began_at IS NOT NULL ORDER BY project_id")
# How long ago its keys ended; nothing where the project is gone, or is not being deleted.
SECONDS_SINCE_BEGUN = sa.text(
    "SELECT extract(epoch FROM clock_timestamp() - deletion_began_at)::float FROM projects WHERE project_id = :project_id"
)

Say = Callable[[str], None]


class DeletionHeldUp(RuntimeError):
    """The worker did not come to an end with what it does; the text says what to do."""


def tables_of_projects() -> list[Table]:
    """Every table whose rows are of projects, but the two that say which projects there are; what refers to others first."""
    return [
        table
        for table in reversed(metadata.sorted_tables)
        if "project_id" in table.columns and table not in (projects, api_keys)
    ]


async def count_rows(engine: AsyncEngine, project_id: UUID, most: int = COUNTED_AT_MOST) -> dict[str, int]:
    """The rows of the project by table, of each `most` at most, those without any left out."""
    counts = {}
    async with engine.connect() as connection:
        for table in (*tables_of_projects(), api_keys):
            some = select(sa.literal(1)).select_from(table).where(table.c.project_id == project_id)
            counts[table.name] = await connection.scalar(select(func.count()).select_from(some.limit(most).subquery()))
    return {name: count for name, count in counts.items() if count}


async def delete_project(
    settings: Settings,
    engine: AsyncEngine,
    project_id: UUID,
    say: Say,
    *,
    jobs: Sequence[str],
    is_known_to_nobody: bool = False,
) -> None:
    """Delete it all. `jobs` are those of the worker. Without waiting for the API to forget its keys where `is_known_to_nobody`:
    none but the caller had them.

    Raises DeletionHeldUp while the worker does not let go of it: then run it again.
    """
    async with engine.begin() as connection:
        seconds_ago = await begin_deletion(connection, project_id)
    began = time.monotonic()
    await delete_all_rows(engine, project_id, say)
    if seconds_ago is not None and not is_known_to_nobody:
        await wait_until_forgotten(seconds_ago + time.monotonic() - began, say)
        await delete_all_rows(engine, project_id, say)
    async with engine.begin() as connection, worker_held_off(connection, jobs, settings.job_max_seconds + 10):
        await delete_the_rest(connection, project_id)
    await delete_cached(settings, project_id, say)


async def list_being_deleted(engine: AsyncEngine) -> Sequence[UUID]:
    """Projects whose deletion has begun and is not over."""
    async with engine.connect() as connection:
        return (await connection.scalars(LIST_BEING_DELETED)).all()


async def go_on_deleting(
    settings: Settings, engine: AsyncEngine, project_id: UUID, *, jobs: Sequence[str], seconds: float
) -> bool:
    """Delete more of a project for about so long; whether there is more to delete at once. The end waits until no process of
    the API trusts its keys and none of these jobs, which are all but the one that asks, is under way; else the next call
    looks again."""
    until = time.monotonic() + seconds
    for table in tables_of_projects():
        while await delete_batch(engine, table, project_id):
            if time.monotonic() > until:
                return True
    async with engine.connect() as connection:
        ago: float | None = await connection.scalar(SECONDS_SINCE_BEGUN, {"project_id": project_id})
    if ago is None or ago < FORGOTTEN_SECONDS:
        return False
    try:
        async with engine.begin() as connection, worker_held_off(connection, jobs, seconds):
            await delete_the_rest(connection, project_id)
    except DeletionHeldUp:
        return False
    await delete_cached(settings, project_id, lambda _: None)
    return False


async def wait_until_forgotten(seconds_ago: float, say: Say) -> None:
    """Until no process of the API trusts a key that was revoked so long ago."""
    left = FORGOTTEN_SECONDS - seconds_ago
    if left > 0:
        say(f"waiting {left:.0f} s, until no process of the API trusts its keys any more")
        await asyncio.sleep(left)


async def delete_all_rows(engine: AsyncEngine, project_id: UUID, say: Say) -> None:
    for table in tables_of_projects():
        deleted = 0
        while gone := await delete_batch(engine, table, project_id):
            deleted += gone
            if deleted % (20 * BATCH_ROWS) == 0:
                say(f"{deleted:,} rows of {table.name} are deleted so far")
        if deleted:
            say(f"deleted {deleted:,} of {table.name}")


async def delete_batch(engine: AsyncEngine, table: Table, project_id: UUID) -> int:
    """Delete some rows of the project in a transaction of its own; how many. Of errors, those of its oldest day."""
    own = [table.c.project_id == project_id]
    async with engine.begin() as connection:
        if table is errors:
            oldest: date | None = await connection.scalar(select(func.min(errors.c.day)).where(*own))
            own.append(errors.c.day == oldest)  # one partition: within it a place on disk names a row
        place: ColumnClause[Any] = literal_column("ctid")
        some = select(place).select_from(table).where(*own).limit(BATCH_ROWS).scalar_subquery()
        return (await connection.execute(delete(table).where(*own, place == any_(func.array(some))))).rowcount


@asynccontextmanager
async def worker_held_off(connection: AsyncConnection, jobs: Sequence[str], seconds: float) -> AsyncIterator[None]:
    """Wait until none of these jobs of the worker is under way, and keep all of them from beginning until the transaction ends:
    one that has seen the project might write for it. They are taken in their order, so that two who do this never wait for each
    other: a job that does it itself comes first. Raises DeletionHeldUp after so long."""
    until = time.monotonic() + seconds
    for job in jobs:
        while not await connection.scalar(GUARD, {"job": job}):
            if time.monotonic() > until:
                raise DeletionHeldUp(f"the worker is at {job} all the time: run this again in a while")
            await asyncio.sleep(ASK_AGAIN_SECONDS)
    yield


async def delete_the_rest(connection: AsyncConnection, project_id: UUID) -> None:
    """What the worker wrote meanwhile, the keys, and the project itself, at once."""
    for table in tables_of_projects():
        await connection.execute(delete(table).where(table.c.project_id == project_id))
    await delete_project_row(connection, project_id)


async def delete_cached(settings: Settings, project_id: UUID, say: Say) -> None:
    """Answers, generations and quotas in Redis. Where it is not known or away they expire by themselves."""
    if not settings.effective_cache_url:
        say(f"MAYDAY_CACHE_URL is not set: answers in the cache go by themselves within {TTL_SECONDS} s")
        return
    redis = make_redis(settings.effective_cache_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
    try:
        found = [key async for key in redis.scan_iter(match=f"mayday:{{{project_id}}}:*", count=1_000)]
        for key in found:
            await redis.unlink(key)
    except (RedisError, OSError) as error:
        say(f"Redis does not answer ({error}): answers in the cache go within {TTL_SECONDS} s")
    else:
        say(f"deleted {len(found):,} entries of the cache")
    finally:
        await redis.aclose()


def describe_rows(counts: Mapping[str, int]) -> str:
    """A line a table."""
    return "\n".join(
        f"  {'over ' if count == COUNTED_AT_MOST else ''}{count:,} {name}" for name, count in sorted(counts.items())
    )
