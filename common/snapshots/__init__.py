"""One project's patterns answer: how it is summed up, where it is kept, and how it reaches the cache.

Worker and API agree on it here: the worker computes it on a cron, the API when there is none yet, or when people
changed a pattern. The only writer of `snapshots`.
"""

import asyncio
from collections.abc import Sequence
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
from common.snapshots.fitting import fits
from common.snapshots.schema import PatternsAnswer

log = structlog.get_logger()

WINDOWS_HOURS = (1, 6, 24, 168)

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
    answers = []
    for window_hours in WINDOWS_HOURS:
        body = await make_body(engine, project_id, window_hours, settings, compute=window_hours in windows_hours)
        answers.append(
            (
                "patterns",
                {"window_hours": window_hours, "form": form_of(PatternsAnswer)},
                await asyncio.to_thread(CachedAnswer.of, body),
            )
        )
    try:
        await cache.publish(project_id, "patterns", answers)
        await cache.raise_generation(project_id, "errors")  # pages of single patterns tell state and trend too
    except CacheUnavailable as error:
        log.warning("patterns_not_published", project_id=str(project_id), error=str(error))


async def make_body(
    engine: Connects, project_id: UUID, window_hours: int, settings: Settings, *, compute: bool
) -> bytes:
    """The bytes of a window's answer: the kept ones, or computed and kept."""
    if not compute:
        async with engine.connect() as connection:
            if (kept := await load_snapshot(connection, project_id, window_hours)) is not None:
                return kept[1]
    snapshot = await compute_snapshot(engine, project_id, window_hours, settings)
    async with engine.begin() as connection:
        return await store_snapshot(connection, project_id, window_hours, snapshot)


async def store_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int, answer: PatternsAnswer
) -> bytes:
    """Keep the answer, unless a later one is kept already; gives the bytes of the one that is kept, as they are sent."""
    body = answer.model_dump_json().encode()
    values = {"project_id": project_id, "window_hours": window_hours, "computed_at": answer.computed_at, "body": body}
    if await connection.scalar(STORE_SNAPSHOT, values):
        return body
    # a change that people made meanwhile is in the later one, and must not vanish from the cache again
    kept = await load_snapshot(connection, project_id, window_hours)
    return kept[1] if kept else body


async def load_snapshot(
    connection: AsyncConnection, project_id: UUID, window_hours: int
) -> tuple[datetime, bytes] | None:
    """When the kept answer was computed, and its bytes; None when there is none yet, or one of a release whose answers
    have other fields than ours."""
    row = (await connection.execute(LOAD_SNAPSHOT, {"project_id": project_id, "window_hours": window_hours})).first()
    return (row.computed_at, bytes(row.body)) if row and fits(bytes(row.body), PatternsAnswer) else None
