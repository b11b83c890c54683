"""Puts new fingerprints into patterns, keeps the patterns' state and trend, and publishes each project's snapshots.

The only writer of `patterns`. What it costs follows what is new: only kinds of errors (one type, one origin) that
have a fingerprint whose like was not looked for yet are clustered again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.cache import Answer, Cache, CacheUnavailable
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, compute_snapshot, store_snapshot
from worker.clustering import Cluster, Skeleton, carry_over, cluster_skeletons
from worker.rollups import assign_patterns, first_pattern_id

log = structlog.get_logger()

TITLE_CHARS = 200
UNNAMED = UUID(int=0)

# Projects with errors in the longest window, without a snapshot, or with one an hour old; the longest waiting first.
PROJECTS_DUE = text("""
    SELECT p.project_id FROM projects p
    CROSS JOIN LATERAL (
        SELECT min(computed_at) AS oldest, count(*) AS kept FROM snapshots s WHERE s.project_id = p.project_id
    ) s
    WHERE s.kept < :windows OR s.oldest < now() - interval '1 hour'
       OR EXISTS (SELECT FROM rollups r WHERE r.project_id = p.project_id AND r.bucket >= now() - interval '169 hours')
    ORDER BY s.oldest NULLS FIRST, p.project_id
""")

# The fingerprints of every kind (type and origin) that has one whose like was not looked for yet.
TO_CLUSTER = text("""
    WITH known AS (
        SELECT f.*, p.pattern_id IS NOT NULL AS is_placed
        FROM fingerprints f LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
        WHERE f.project_id = :project_id
    )
    SELECT f.fingerprint, f.error_type, f.origin, f.skeleton, f.title, f.grouped_by, f.count AS errors,
           f.first_seen, f.last_seen, f.pattern_id, f.is_placed
    FROM known f JOIN (SELECT DISTINCT error_type, origin FROM known WHERE NOT is_placed) kind
      ON kind.error_type IS NOT DISTINCT FROM f.error_type AND kind.origin = f.origin
""")

# Makes a pattern, or gives it the texts of its cluster.
WRITE_PATTERN = text("""
    INSERT INTO patterns (project_id, pattern_id, title, template, grouped_by, error_type, state, trend,
                          first_seen, last_seen)
    VALUES (:project_id, :pattern_id, :title, :template, :grouped_by, :error_type, 'new', 'new',
            :first_seen, :last_seen)
    ON CONFLICT (project_id, pattern_id) DO UPDATE
    SET title = EXCLUDED.title, template = EXCLUDED.template, grouped_by = EXCLUDED.grouped_by,
        error_type = EXCLUDED.error_type
""")

# Brings first and last seen up to date, and what follows from them: new for a day, then ongoing.
REFRESH_PATTERNS = text("""
    UPDATE patterns p SET first_seen = seen.first_seen, last_seen = seen.last_seen, state = seen.state,
           trend = CASE WHEN seen.state = 'new' THEN 'new' WHEN p.trend = 'new' THEN 'steady' ELSE p.trend END
    FROM (
        SELECT f.pattern_id, min(f.first_seen) AS first_seen, max(f.last_seen) AS last_seen,
               CASE WHEN o.state NOT IN ('new', 'ongoing') THEN o.state
                    WHEN min(f.first_seen) > now() - interval '24 hours' THEN 'new' ELSE 'ongoing' END AS state
        FROM fingerprints f JOIN patterns o ON o.project_id = f.project_id AND o.pattern_id = f.pattern_id
        WHERE f.project_id = :project_id GROUP BY f.pattern_id, o.state
    ) seen
    WHERE p.project_id = :project_id AND p.pattern_id = seen.pattern_id
      AND (p.first_seen, p.last_seen, p.state) IS DISTINCT FROM (seen.first_seen, seen.last_seen, seen.state)
""")

# Deletes patterns that no fingerprint is in any more.
DELETE_EMPTY_PATTERNS = text("""
    DELETE FROM patterns p WHERE p.project_id = :project_id
      AND NOT EXISTS (SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = p.pattern_id)
""")


@dataclass(frozen=True, slots=True)
class Found:
    """What one run did."""

    projects: int
    clustered: int


async def find_patterns(engine: AsyncEngine, cache: Cache, settings: Settings) -> Found:
    """Bring the patterns and snapshots of every project that is due up to date."""
    async with engine.connect() as connection:
        due = (await connection.scalars(PROJECTS_DUE, {"windows": len(WINDOWS_HOURS)})).all()
    clustered = 0
    for project_id in due:
        clustered += await update_patterns(engine, project_id)
        await publish_snapshots(engine, cache, project_id, settings)
    return Found(len(due), clustered)


async def update_patterns(engine: AsyncEngine, project_id: UUID) -> int:
    """Cluster what is new, refresh what is known; how many fingerprints were looked at."""
    async with engine.connect() as connection:
        rows = (await connection.execute(TO_CLUSTER, {"project_id": project_id})).all()
    clusters = await asyncio.to_thread(cluster_rows, project_id, rows) if rows else []
    async with engine.begin() as connection:
        if clusters:
            await write_clusters(connection, project_id, clusters, {row.fingerprint: row for row in rows})
        await connection.execute(REFRESH_PATTERNS, {"project_id": project_id})
        await connection.execute(DELETE_EMPTY_PATTERNS, {"project_id": project_id})
    return len(rows)


def cluster_rows(project_id: UUID, rows: Sequence[Row[Any]]) -> list[tuple[UUID, Cluster]]:
    """The clusters with the ids of the patterns that they continue; others are named after their first fingerprint."""
    previous = {row.fingerprint: row.pattern_id for row in rows if row.is_placed}
    skeletons = [Skeleton(row.fingerprint, row.error_type, row.skeleton, row.errors, row.origin) for row in rows]
    clusters = carry_over(cluster_skeletons(skeletons, previous=previous), previous, lambda: UNNAMED)
    used = set(previous.values())
    named = []
    for cluster in clusters:
        pattern_id = cluster.pattern_id
        if pattern_id is None or pattern_id == UNNAMED:
            pattern_id = new_pattern_id(project_id, cluster, used)
        used.add(pattern_id)
        named.append((pattern_id, cluster))
    return named


def new_pattern_id(project_id: UUID, cluster: Cluster, used: set[UUID]) -> UUID:
    """That of its first fingerprint, unless a pattern that it founded before has gone on without it."""
    ids = (first_pattern_id(project_id, fingerprint) for fingerprint in cluster.fingerprints)
    return next((pattern_id for pattern_id in ids if pattern_id not in used), None) or uuid4()


async def write_clusters(
    connection: AsyncConnection,
    project_id: UUID,
    clusters: Sequence[tuple[UUID, Cluster]],
    rows: Mapping[int, Row[Any]],
) -> None:
    """Write the patterns that got a fingerprint or lost one, and tell the fingerprints."""
    given = {
        fingerprint: pattern_id
        for pattern_id, cluster in clusters
        for fingerprint in cluster.fingerprints
        if rows[fingerprint].pattern_id != pattern_id or not rows[fingerprint].is_placed
    }
    touched = set(given.values()) | {rows[fingerprint].pattern_id for fingerprint in given}
    changed = [
        pattern_row(project_id, pattern_id, cluster, [rows[fingerprint] for fingerprint in cluster.fingerprints])
        for pattern_id, cluster in clusters
        if pattern_id in touched
    ]
    await assign_patterns(connection, project_id, given)
    if changed:
        await connection.execute(WRITE_PATTERN, changed)


def pattern_row(project_id: UUID, pattern_id: UUID, cluster: Cluster, members: Sequence[Row[Any]]) -> dict[str, Any]:
    first = max(members, key=lambda row: (row.errors, -row.fingerprint))
    return {
        "project_id": project_id,
        "pattern_id": pattern_id,
        "title": first.title if len(members) == 1 else template_title(cluster.error_type, cluster.template),
        "template": cluster.template,
        "grouped_by": first.grouped_by,
        "error_type": cluster.error_type,
        "first_seen": min(row.first_seen for row in members),
        "last_seen": max(row.last_seen for row in members),
    }


def template_title(error_type: str | None, template: str) -> str:
    title = template if not error_type or template.startswith(error_type) else f"{error_type}: {template}"
    return title if len(title) <= TITLE_CHARS else title[: TITLE_CHARS - 1] + "\u2026"


async def publish_snapshots(engine: AsyncEngine, cache: Cache, project_id: UUID, settings: Settings) -> None:
    """Compute the answer of every window, keep it in Postgres, hand it to the cache; the cache may be away."""
    answers = []
    for window_hours in WINDOWS_HOURS:
        snapshot = await compute_snapshot(engine, project_id, window_hours, settings)
        async with engine.begin() as connection:
            body = await store_snapshot(connection, project_id, window_hours, snapshot)
        answers.append(("patterns", {"window_hours": window_hours}, await asyncio.to_thread(Answer.of, body)))
    try:
        await cache.publish(project_id, "patterns", answers)
    except CacheUnavailable as error:
        log.warning("patterns_not_published", project_id=str(project_id), error=str(error))
