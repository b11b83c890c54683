"""Puts new fingerprints into patterns, keeps the patterns' state and trend, and publishes each project's snapshots.

The only writer of `patterns`. What it costs follows what is new: only kinds of errors (one type, one origin) that
have a fingerprint whose like was not looked for yet are clustered again.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.cache import Cache
from common.database.clock import ask_time, find_time
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, publish_snapshots
from common.snapshots.schema import TrendFacts
from worker.counting.fingerprints import assign_patterns
from worker.counting.releases import take_regressions
from worker.grouping.clustering import Cluster
from worker.grouping.moves import note_moves
from worker.grouping.pattern_rows import cluster_rows, pattern_row
from worker.rounds import Round
from worker.trends.incidents import Incident, find_incidents
from worker.trends.scores import Score, score_trends
from worker.trends.series import LIST_TITLES, load_activities, load_onsets

SLICE_PATTERNS = 1_000  # new ones that are written at once, under the project's lock: the fold waits for it
SLOW_SECONDS = 240  # a spike shows within this and a period
# Of the time that a job may take: what a round gets, and what one project's turn gets. Together less than all of it.
ROUND_SHARE, TURN_SHARE = 0.5, 0.4

# Projects with errors in the longest window, without a snapshot, or with one an hour old or of a clock that was set back
# since; the longest waiting first.
PROJECTS_DUE = text("""
    SELECT p.project_id FROM projects p
    CROSS JOIN LATERAL (
        SELECT min(computed_at) AS oldest, max(computed_at) AS newest, count(*) AS kept
        FROM snapshots s WHERE s.project_id = p.project_id
    ) s
    WHERE s.kept < :windows OR s.oldest < now() - interval '1 hour' OR s.newest > now() + interval '1 hour'
       OR EXISTS (SELECT FROM hourly_rollups r WHERE r.project_id = p.project_id AND r.hour >= now() - interval '169 hours')
    ORDER BY s.oldest NULLS FIRST, p.project_id
""")

# Whether a window's answer is younger than that, by Postgres' clock, as it was computed; one of the future is none.
HAS_YOUNG_SNAPSHOT = text("""
    SELECT EXISTS (SELECT FROM snapshots WHERE project_id = :project_id AND window_hours = :window_hours
                   AND computed_at >= now() - make_interval(secs => :seconds)
                   AND computed_at <= now() + interval '1 minute')
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


@dataclass(frozen=True, slots=True)
class Found:
    """What one run did."""

    projects: int
    clustered: int
    left: int  # projects that the time did not reach


async def find_patterns(
    engine: AsyncEngine, cache: Cache, settings: Settings, *, slow_seconds: float = SLOW_SECONDS
) -> Found:
    """Bring the patterns and snapshots of every project that is due up to date; trends and the longest window only
    where they are older than `slow_seconds`. What the time does not reach waits longest, and is first the next time.

    Raises ProjectsFailed when some could not be, after all others were.
    """
    async with engine.connect() as connection:
        due = (await connection.scalars(PROJECTS_DUE, {"windows": len(WINDOWS_HOURS)})).all()
    most = settings.job_max_seconds
    this = Round(seconds=ROUND_SHARE * most, turn_seconds=TURN_SHARE * most)
    clustered = 0
    for project_id in this.over(due):
        async with this.turn(project_id):
            clustered += await update_patterns(engine, project_id)
            if await is_slow_part_due(engine, project_id, slow_seconds):
                await update_trends(engine, project_id)
                await update_incidents(engine, project_id)
                await publish_snapshots(engine, cache, project_id, settings)
            else:
                await publish_snapshots(engine, cache, project_id, settings, WINDOWS_HOURS[:-1])
    this.end()
    return Found(this.taken, clustered, len(due) - this.taken)


async def follow_new_pins(engine: AsyncEngine, cache: Cache, settings: Settings) -> int:
    """Put what people merged or split lately where it belongs, and publish it; in how many projects.

    Raises ProjectsFailed when it failed in some, after all others. Not to be run beside `find_patterns`.
    """
    async with engine.connect() as connection:
        due = (await connection.scalars(PROJECTS_WITH_PINS)).all()
    this = Round(turn_seconds=TURN_SHARE * settings.job_max_seconds)
    followed = 0
    for project_id in this.over(due):
        async with this.turn(project_id):
            async with engine.connect() as connection:
                is_new = await connection.scalar(HAS_NEW_PINS, {"project_id": project_id})
            if is_new:
                await update_patterns(engine, project_id)
                await publish_snapshots(engine, cache, project_id, settings)
                followed += 1
    this.end()
    return followed


async def is_slow_part_due(engine: AsyncEngine, project_id: UUID, slow_seconds: float) -> bool:
    """Whether trends, incidents and the longest window, which read two weeks, are older than that."""
    asked = {"project_id": project_id, "window_hours": WINDOWS_HOURS[-1], "seconds": slow_seconds}
    async with engine.connect() as connection:
        return not await connection.scalar(HAS_YOUNG_SNAPSHOT, asked)


async def update_trends(engine: AsyncEngine, project_id: UUID) -> None:
    """Score every pattern's series and note what it does, and why."""
    now = await find_time(engine)
    async with engine.connect() as connection:
        activities = await load_activities(connection, project_id, now)
    scores = await asyncio.to_thread(score_trends, activities, now)
    told = {
        "project_id": project_id,
        "pattern_ids": list(scores),
        "trends": [score.trend for score in scores.values()],
        "facts": [facts_of(score) for score in scores.values()],
    }
    async with engine.begin() as connection:
        await connection.execute(WRITE_TRENDS, told)


async def update_incidents(engine: AsyncEngine, project_id: UUID) -> None:
    """Note which patterns began together."""
    async with engine.connect() as connection:
        onsets, had = await load_onsets(connection, project_id, await ask_time(connection))
        titles = (await connection.scalars(LIST_TITLES, {"project_id": project_id})).all()
    found = {
        UUID(pattern): name_incident(incident, had, project_id)
        for incident in find_incidents(onsets, titles)
        for pattern in incident.patterns
    }
    told = {"project_id": project_id, "pattern_ids": list(found), "incident_ids": list(found.values())}
    async with engine.begin() as connection:
        await connection.execute(WRITE_INCIDENTS, told)


def name_incident(incident: Incident, had: Mapping[str, UUID], project_id: UUID) -> UUID:
    """The id that most of its patterns had at the last run, else one made of the pattern that began first."""
    ids = Counter(had[pattern] for pattern in incident.patterns if pattern in had)
    if ids:
        return min(ids, key=lambda incident_id: (-ids[incident_id], incident_id))
    return uuid5(project_id, f"incident {incident.patterns[0]} {incident.started_at.isoformat()}")


def facts_of(score: Score) -> str | None:
    """What the trend was told by, as JSON in the form of `TrendFacts`; None where nothing was tested."""
    if score.window is None or score.count is None or score.expected is None or score.p_value is None:
        return None
    return TrendFacts(
        window=score.window,
        count=score.count,
        expected=round(score.expected, 2),
        ratio=round(score.ratio or 0.0, 2),
        p_value=float(f"{score.p_value:.3g}"),
    ).model_dump_json()


async def update_patterns(engine: AsyncEngine, project_id: UUID) -> int:
    """Cluster what is new, refresh what is known; how many fingerprints were looked at."""
    asked = {"project_id": project_id}
    async with engine.connect() as connection:
        pins = {row.fingerprint: str(row.pattern_id) for row in await connection.execute(LOAD_PINS, asked)}
        follow_pins = bool(pins) and bool(await connection.scalar(HAS_NEW_PINS, asked))
        rows = (await connection.execute(TO_CLUSTER, asked | {"whole": follow_pins})).all()
    clusters = await asyncio.to_thread(cluster_rows, project_id, rows, pins) if rows else []
    known = {row.fingerprint: row for row in rows}
    new = [one for one in clusters if is_new(one[1], known)]
    for start in range(0, len(new), SLICE_PATTERNS):
        async with engine.begin() as connection:
            await write_clusters(connection, project_id, new[start : start + SLICE_PATTERNS], known, pins)
    async with engine.begin() as connection:
        if others := [one for one in clusters if not is_new(one[1], known)]:
            await write_clusters(connection, project_id, others, known, pins)
        for statement in (REFRESH_PATTERNS, DELETE_EMPTY_PATTERNS):
            await connection.execute(statement, asked)
        if regressed := await take_regressions(connection, project_id):
            told = {"pattern_ids": list(regressed), "moments": list(regressed.values())}
            await connection.execute(WRITE_REGRESSIONS, asked | told)
    return len(rows)


def is_new(cluster: Cluster, rows: Mapping[int, Row[Any]]) -> bool:
    """Whether nobody knows a pattern that any of its fingerprints was in."""
    return not any(rows[fingerprint].is_placed for fingerprint in cluster.fingerprints)


async def write_clusters(
    connection: AsyncConnection,
    project_id: UUID,
    clusters: Sequence[tuple[UUID, Cluster]],
    rows: Mapping[int, Row[Any]],
    pinned: Collection[int],
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
