"""Puts new fingerprints into patterns, and keeps what is known of the patterns: texts, when they were seen, trends.

The only writer of `patterns`. What grouping costs follows what is new: only kinds of errors (one type, one origin) that
have a fingerprint whose like was not looked for yet are clustered again. What a trend or an incident is, is judged in
`worker/trends/judging.py`.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.snapshots import WINDOWS_HOURS
from worker.alerts.pattern_changes import note_new, note_regressions
from worker.counting.fingerprints import assign_patterns, renew_outdated
from worker.counting.releases import take_regressions
from worker.grouping.clustering import Cluster
from worker.grouping.moves import note_moves
from worker.grouping.pattern_rows import cluster_rows, pattern_row

SLICE_PATTERNS = 1_000  # new ones that are written at once, under the project's lock: the fold waits for it

# Projects with errors in the longest window, without a snapshot, or with one an hour old or of a clock that was set back
# since.
PROJECTS_DUE = text("""
    SELECT p.project_id FROM projects p
    CROSS JOIN LATERAL (
        SELECT min(computed_at) AS oldest, max(computed_at) AS newest, count(*) AS kept
        FROM snapshots s WHERE s.project_id = p.project_id
    ) s
    WHERE s.kept < :windows OR s.oldest < now() - interval '1 hour' OR s.newest > now() + interval '1 hour'
       OR EXISTS (SELECT FROM hourly_rollups r WHERE r.project_id = p.project_id AND r.hour >= now() - interval '169 hours')
""")

# The fingerprints of every kind (type and origin) that has one whose like was not looked for yet; all, after a pin.
TO_CLUSTER = text("""
    WITH known AS (
        SELECT f.*, p.pattern_id IS NOT NULL AS is_placed
        FROM fingerprints f LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
        WHERE f.project_id = :project_id
    )
    SELECT f.fingerprint, f.error_type, f.origin, f.skeleton, f.title, f.grouped_by, f.count AS errors,
           f.first_seen, f.last_seen, f.pattern_id, f.is_placed
    FROM known f JOIN (SELECT DISTINCT error_type, origin FROM known WHERE NOT is_placed OR :whole) kind
      ON kind.error_type IS NOT DISTINCT FROM f.error_type AND kind.origin = f.origin
""")

# Makes a pattern, or gives it the texts of its cluster. Until it is scored it is new if it is young.
WRITE_PATTERN = text("""
    INSERT INTO patterns (project_id, pattern_id, title, template, grouped_by, error_type, trend, first_seen, last_seen)
    VALUES (:project_id, :pattern_id, :title, :template, :grouped_by, :error_type,
            CASE WHEN CAST(:first_seen AS timestamptz) > now() - interval '24 hours' THEN 'new' ELSE 'steady' END,
            :first_seen, :last_seen)
    ON CONFLICT (project_id, pattern_id) DO UPDATE
    SET title = EXCLUDED.title, template = EXCLUDED.template, grouped_by = EXCLUDED.grouped_by,
        error_type = EXCLUDED.error_type
""")

# Those of some patterns that there are.
FIND_KNOWN = text("SELECT pattern_id FROM patterns WHERE project_id = :project_id AND pattern_id = ANY(:pattern_ids)")

# Brings first and last seen up to date.
REFRESH_PATTERNS = text("""
    UPDATE patterns p SET first_seen = seen.first_seen, last_seen = seen.last_seen
    FROM (
        SELECT pattern_id, min(first_seen) AS first_seen, max(last_seen) AS last_seen
        FROM fingerprints WHERE project_id = :project_id GROUP BY pattern_id
    ) seen
    WHERE p.project_id = :project_id AND p.pattern_id = seen.pattern_id
      AND (p.first_seen, p.last_seen) IS DISTINCT FROM (seen.first_seen, seen.last_seen)
""")

# What people pinned together or apart.
LOAD_PINS = text("SELECT fingerprint, pattern_id FROM pins WHERE project_id = :project_id")

# Whether a pin was set that the fingerprints do not follow yet.
HAS_NEW_PINS = text("""
    SELECT EXISTS (
        SELECT FROM pins a JOIN fingerprints f ON f.project_id = a.project_id AND f.fingerprint = a.fingerprint
        JOIN pins b ON b.project_id = a.project_id
        JOIN fingerprints g ON g.project_id = b.project_id AND g.fingerprint = b.fingerprint
        WHERE a.project_id = :project_id AND (a.pattern_id = b.pattern_id) <> (f.pattern_id = g.pattern_id))
""")

# The projects in which something was pinned lately; what is older, a run of patterns has seen.
PROJECTS_WITH_PINS = text("SELECT DISTINCT project_id FROM pins WHERE pinned_at > now() - interval '10 minutes'")

# Notes that patterns failed again in a release that should have had the fix.
WRITE_REGRESSIONS = text("""
    UPDATE patterns p SET regressed_at = told.regressed_at
    FROM unnest(CAST(:pattern_ids AS uuid[]), CAST(:moments AS timestamptz[])) AS told (pattern_id, regressed_at)
    WHERE p.project_id = :project_id AND p.pattern_id = told.pattern_id
""")

# Gives patterns their trends; one without errors in two weeks is steady.
WRITE_TRENDS = text("""
    UPDATE patterns p SET trend = coalesce(told.trend, 'steady'), trend_facts = told.facts
    FROM patterns o LEFT JOIN unnest(
        CAST(:pattern_ids AS uuid[]), CAST(:trends AS text[]), CAST(:facts AS jsonb[])) AS told (pattern_id, trend, facts)
      ON told.pattern_id = o.pattern_id
    WHERE o.project_id = :project_id AND p.project_id = o.project_id AND p.pattern_id = o.pattern_id
      AND (p.trend, p.trend_facts) IS DISTINCT FROM (coalesce(told.trend, 'steady'), told.facts)
""")

# Says which incident each pattern is in, if any.
WRITE_INCIDENTS = text("""
    UPDATE patterns p SET incident_id = told.incident_id
    FROM patterns o LEFT JOIN unnest(CAST(:pattern_ids AS uuid[]), CAST(:incident_ids AS uuid[]))
        AS told (pattern_id, incident_id) ON told.pattern_id = o.pattern_id
    WHERE o.project_id = :project_id AND p.project_id = o.project_id AND p.pattern_id = o.pattern_id
      AND p.incident_id IS DISTINCT FROM told.incident_id
""")

# Deletes patterns that no fingerprint is in any more.
DELETE_EMPTY_PATTERNS = text("""
    DELETE FROM patterns p WHERE p.project_id = :project_id
      AND NOT EXISTS (SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = p.pattern_id)
""")


async def list_due(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects whose patterns or snapshots may be out of date."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_DUE, {"windows": len(WINDOWS_HOURS)})).all()


async def list_pinned(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects in which people merged or split something lately."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_WITH_PINS)).all()


async def has_new_pins(engine: AsyncEngine, project_id: UUID) -> bool:
    """Whether people pinned something that the fingerprints do not follow yet."""
    async with engine.connect() as connection:
        return bool(await connection.scalar(HAS_NEW_PINS, {"project_id": project_id}))


async def update_patterns(engine: AsyncEngine, project_id: UUID) -> int:
    """Cluster the kinds of errors that have new fingerprints, and refresh all patterns of the project; how many
    fingerprints were clustered."""
    asked = {"project_id": project_id}
    has_new_texts = bool(await renew_outdated(engine, project_id))
    async with engine.connect() as connection:
        pins = {row.fingerprint: str(row.pattern_id) for row in await connection.execute(LOAD_PINS, asked)}
        follow_pins = bool(pins) and bool(await connection.scalar(HAS_NEW_PINS, asked))
        rows = (await connection.execute(TO_CLUSTER, asked | {"whole": follow_pins or has_new_texts})).all()
    clusters = await asyncio.to_thread(cluster_rows, project_id, rows, pins) if rows else []
    known = {row.fingerprint: row for row in rows}
    new = [one for one in clusters if is_new(one[1], known)]
    for start in range(0, len(new), SLICE_PATTERNS):
        async with engine.begin() as connection:
            part = new[start : start + SLICE_PATTERNS]
            before = await find_known(connection, project_id, [pattern_id for pattern_id, _ in part])
            await write_clusters(connection, project_id, part, known, pins)
            await note_new(connection, project_id, {pattern_id for pattern_id, _ in part} - before)
    async with engine.begin() as connection:
        if others := [one for one in clusters if not is_new(one[1], known)]:
            await write_clusters(connection, project_id, others, known, pins)
        for statement in (REFRESH_PATTERNS, DELETE_EMPTY_PATTERNS):
            await connection.execute(statement, asked)
        if regressed := await take_regressions(connection, project_id):
            told = {"pattern_ids": list(regressed), "moments": list(regressed.values())}
            await connection.execute(WRITE_REGRESSIONS, asked | told)
        await note_regressions(connection, project_id)
    return len(rows)


async def find_known(connection: AsyncConnection, project_id: UUID, pattern_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these patterns there are."""
    asked = {"project_id": project_id, "pattern_ids": list(pattern_ids)}
    return set(await connection.scalars(FIND_KNOWN, asked))


def is_new(cluster: Cluster, rows: Mapping[int, Row[Any]]) -> bool:
    """Whether none of its fingerprints is in a pattern that was published."""
    return not any(rows[fingerprint].is_placed for fingerprint in cluster.fingerprints)


async def write_clusters(
    connection: AsyncConnection,
    project_id: UUID,
    clusters: Sequence[tuple[UUID, Cluster]],
    rows: Mapping[int, Row[Any]],
    pinned: Collection[int],
) -> None:
    """Insert or update the patterns that got a fingerprint or lost one, and assign the fingerprints to them, in the caller's
    transaction. `rows`: the fingerprints as they are stored; `pinned`: those that people merged or split off."""
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
    moved = {
        fingerprint
        for fingerprint, pattern_id in given.items()
        if rows[fingerprint].pattern_id != pattern_id and (rows[fingerprint].is_placed or fingerprint in pinned)
    }
    await assign_patterns(connection, project_id, given, moved)
    steps = [(rows[fingerprint].pattern_id, now, rows[fingerprint].errors) for fingerprint, now in given.items()]
    await note_moves(connection, project_id, steps)
    if changed:
        await connection.execute(WRITE_PATTERN, changed)


async def write_trends(
    connection: AsyncConnection, project_id: UUID, trends: Mapping[UUID, tuple[str, str | None]]
) -> None:
    """Give the patterns these trends with their facts (JSON, or None where nothing was tested); all others are steady."""
    told = {
        "project_id": project_id,
        "pattern_ids": list(trends),
        "trends": [trend for trend, _ in trends.values()],
        "facts": [facts for _, facts in trends.values()],
    }
    await connection.execute(WRITE_TRENDS, told)


async def write_incidents(connection: AsyncConnection, project_id: UUID, incidents: Mapping[UUID, UUID]) -> None:
    """Put the patterns into these incidents, by their ids; all others are in none."""
    told = {
        "project_id": project_id,
        "pattern_ids": list(incidents),
        "incident_ids": list(incidents.values()),
    }
    await connection.execute(WRITE_INCIDENTS, told)
