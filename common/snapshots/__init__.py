"""One project's patterns answer: how it is summed up, where it is kept, and how it reaches the cache.

Worker and API agree on it here: the worker computes and keeps it on a cron; what people decide meanwhile is laid over it
whenever it is read (docs/decisions/0030). The only writer of `snapshots`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.cache import Cache, CachedAnswer, CacheUnavailable
from common.cache.sealing import form_of
from common.database.connections import Connects
from common.settings import Settings
from common.snapshots.composing import compute_snapshot
from common.snapshots.decided import lay_over, list_decided
from common.snapshots.fitting import fits
from common.snapshots.schema import PatternsAnswer

log = structlog.get_logger()

WINDOWS_HOURS = (1, 6, 24, 168)
Kept = tuple[datetime, bytes]  # when an answer was computed, and its bytes as of then

# Keep an answer, unless a later one is kept already. No two runs are an hour apart: one so much later is of a clock that
# was set back since, and would stay until that time comes.
STORE_SNAPSHOT = text(
    """
    INSERT INTO snapshots (project_id, window_hours, computed_at, body)
    VALUES (:project_id, :window_hours, :computed_at, :body)
    ON CONFLICT (project_id, window_hours) DO UPDATE SET
        computed_at = EXCLUDED.computed_at, body = EXCLUDED.body
    WHERE snapshots.computed_at < EXCLUDED.computed_at
       OR snapshots.computed_at > EXCLUDED.computed_at + interval '1 hour'
    RETURNING true
    """
)
# The answer that is kept.
LOAD_SNAPSHOT = text(
    "SELECT computed_at, body FROM snapshots WHERE project_id = :project_id AND window_hours = :window_hours"
)


async def publish_snapshots(
    engine: Connects,
    cache: Cache,
    project_id: UUID,
    settings: Settings,
    windows_hours: Sequence[int] = WINDOWS_HOURS,
) -> None:
    """Compute the answers of some windows, keep them in Postgres, hand all to the cache, which may be away."""
    kept = {
        hours: await refresh(engine, project_id, hours, settings, compute=hours in windows_hours)
        for hours in WINDOWS_HOURS
    }
    oldest = min(computed_at for computed_at, _ in kept.values())
    async with engine.connect() as connection:
        decided = await list_decided(connection, project_id, oldest)
    form = form_of(PatternsAnswer)
    answers = [
        ("patterns", {"window_hours": hours, "form": form}, await asyncio.to_thread(make_answer, body, decided))
        for hours, (_, body) in kept.items()
    ]
    try:
        await cache.publish(project_id, "patterns", answers)
        async with engine.connect() as connection:
            is_outdated = await list_decided(connection, project_id, oldest) != decided
        if is_outdated:  # who decided meanwhile raised the generation before we did: readers go to Postgres again
            await cache.raise_generation(project_id, "patterns")
        await cache.raise_generation(project_id, "errors")  # pages of single patterns tell state and trend too
    except CacheUnavailable as error:
        log.warning("patterns_not_published", project_id=str(project_id), error=str(error))


def make_answer(body: bytes, decided: Mapping[str, str]) -> CachedAnswer:
    return CachedAnswer.of(lay_over(body, decided))


async def refresh(engine: Connects, project_id: UUID, window_hours: int, settings: Settings, *, compute: bool) -> Kept:
    """A window's answer: the kept one, or computed and kept."""
    if not compute:
        async with engine.connect() as connection:
            if (kept := await load_kept(connection, project_id, window_hours)) is not None:
                return kept
    snapshot = await compute_snapshot(engine, project_id, window_hours, settings)
    async with engine.begin() as connection:
        return await store_snapshot(connection, project_id, window_hours, snapshot)


async def store_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int, answer: PatternsAnswer
) -> Kept:
    """Keep the answer, unless a later one is kept already; gives the one that is kept."""
    body = answer.model_dump_json().encode()
    values = {"project_id": project_id, "window_hours": window_hours, "computed_at": answer.computed_at, "body": body}
    is_stored = await connection.scalar(STORE_SNAPSHOT, values)
    kept = None if is_stored else await load_kept(connection, project_id, window_hours)
    return kept or (answer.computed_at, body)


async def load_snapshot(connection: AsyncConnection, project_id: UUID, window_hours: int) -> bytes | None:
    """The kept answer as it is sent: with the states that people gave to patterns since it was computed; None when there is
    none yet."""
    kept = await load_kept(connection, project_id, window_hours)
    if kept is None:
        return None
    computed_at, body = kept
    decided = await list_decided(connection, project_id, computed_at)
    return await asyncio.to_thread(lay_over, body, decided) if decided else body


async def load_kept(connection: AsyncConnection, project_id: UUID, window_hours: int) -> Kept | None:
    """The kept answer as it was computed; None when there is none yet, or one of a release whose answers have other fields
    than ours."""
    row = (await connection.execute(LOAD_SNAPSHOT, {"project_id": project_id, "window_hours": window_hours})).first()
    return (row.computed_at, bytes(row.body)) if row and fits(bytes(row.body), PatternsAnswer) else None
