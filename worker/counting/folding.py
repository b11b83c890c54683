"""The fold: deltas become rollups and fingerprints, each exactly once.

A project's counts have one writer at a time, who holds its lock, so writers cannot deadlock; each chunk is one
transaction, so a fold that dies half-way has done nothing and one that is run twice adds nothing.
"""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.fingerprint import OVERFLOW
from common.telemetry import metrics, traces
from worker.counting.arrivals import note_arrival
from worker.counting.fingerprints import UNKNOWN_VERSION, add_counts, add_unknown, lock_project
from worker.counting.receipts import sum_up
from worker.counting.releases import note_releases, read_watch
from worker.counting.rollups import UNLIMITED, CountLimits, take_deltas
from worker.rounds import Progress

log = structlog.get_logger()

CHUNK_DELTAS = 5_000
# A transaction of deltas of unknown fingerprints takes fifty times as long as one of known ones: each has its message
# masked. So their number follows the time that the one before took, well under `database_lock_seconds`.
FIRST_CHUNK, LEAST_CHUNK, CHUNK_SECONDS = 1_000, 100, 0.5
SLICE_SECONDS = 1.0  # of a project that has more deltas, before the others have their turns

# The projects that have deltas to fold.
PROJECTS_WITH_DELTAS = text("""
    SELECT project_id FROM projects p WHERE EXISTS (SELECT FROM deltas d WHERE d.project_id = p.project_id)
""")

# The traces that the next chunk of deltas comes from.
ORIGINS = text("""
    SELECT DISTINCT traceparent FROM (
        SELECT traceparent FROM deltas WHERE project_id = :project_id ORDER BY flush_id, ordinal LIMIT :chunk
    ) next WHERE traceparent IS NOT NULL LIMIT :most
""")


async def list_unfolded(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects that have deltas to fold."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_WITH_DELTAS)).all()


async def fold_project(
    engine: AsyncEngine,
    project_id: UUID,
    fine_hours: int,
    limits: CountLimits = UNLIMITED,
    *,
    seconds: float = SLICE_SECONDS,
) -> Progress:
    """Fold a project's deltas, at least a chunk, until none is left or the time is over; how many `deltas` there were."""
    chunk, folded, ends_at = min(FIRST_CHUNK, CHUNK_DELTAS), 0, time.monotonic() + seconds
    while True:
        began = time.monotonic()
        taken = await fold_chunk(engine, project_id, fine_hours, limits, chunk=chunk)
        metrics.FOLDED_DELTAS.of().inc(taken)
        folded += taken
        if taken < chunk or time.monotonic() >= ends_at:
            return Progress({"deltas": folded}, has_more=taken >= chunk)
        chunk = size_chunk(chunk, time.monotonic() - began)


def size_chunk(chunk: int, seconds: float) -> int:
    """How many deltas the next transaction takes, where one of `chunk` took so long: others wait for its lock."""
    return max(1, min(CHUNK_DELTAS, 5 * chunk, max(LEAST_CHUNK, int(chunk * CHUNK_SECONDS / max(seconds, 1e-6)))))


async def fold_chunk(
    engine: AsyncEngine,
    project_id: UUID,
    fine_hours: int,
    limits: CountLimits = UNLIMITED,
    *,
    chunk: int = CHUNK_DELTAS,
) -> int:
    """Fold at most `chunk` deltas of one project in one transaction; how many there were."""
    async with engine.begin() as connection:
        await lock_project(connection, project_id)
        watch = await read_watch(connection, project_id)
        with traces.span("fold", links=await find_origins(connection, project_id, chunk)):
            got = await take_deltas(
                connection, project_id, chunk=chunk, fine_hours=fine_hours, limits=limits, moments=watch.moments
            )
        receipts = await sum_up(connection, project_id, got, watch.moments)
        unknown = [one for one in receipts if one.version == UNKNOWN_VERSION]
        await add_unknown(connection, project_id, unknown)
        if unknown:
            await note_arrival(connection, project_id)
        await add_counts(connection, project_id, receipts)
        await note_releases(connection, project_id, got, watch)
    tell_overflow(project_id, got)
    return sum(row.deltas for row in got)


def tell_overflow(project_id: UUID, got: Sequence[Row[Any]]) -> None:
    """Say how many errors of a chunk count under an overflow, since their project has as many as it may."""
    beyond = {
        "fingerprints": sum(row.errors for row in got if row.fingerprint == OVERFLOW),
        "services": sum(row.services_beyond for row in got),
        "environments": sum(row.environments_beyond for row in got),
    }
    for kind, errors in beyond.items():
        metrics.OVERFLOW_ERRORS.of(kind).inc(errors)
    if any(beyond.values()):
        log.warning("overflow", project_id=str(project_id), **beyond)


async def find_origins(connection: AsyncConnection, project_id: UUID, chunk: int) -> Sequence[str]:
    """The traces that a chunk comes from; nothing is asked while traces are off."""
    if not traces.is_on():
        return ()
    asked = {"project_id": project_id, "chunk": chunk, "most": traces.LINKS_MAX}
    return (await connection.scalars(ORIGINS, asked)).all()
