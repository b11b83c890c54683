"""Finds the patterns of each project, and publishes what is failing: to Postgres, then ready to send to the cache.

The only writer of `patterns`. Projects that have nothing new cost one small query.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
import uuid_utils.compat
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.cache import Answer, CacheUnavailable
from common.snapshots import WINDOWS_HOURS, compute_snapshot, store_snapshot
from worker.clustering import Cluster, Skeleton, carry_over, cluster_skeletons
from worker.jobs import Tools
from worker.rollups import assign_patterns

log = structlog.get_logger()

NEW_FOR = timedelta(hours=24)

# The projects with errors in the longest window.
FIND_PROJECTS = text("SELECT project_id FROM projects ORDER BY project_id")
# Whether a project has fingerprints that were not looked at yet.
HAS_UNSEEN = text(
    """
    SELECT EXISTS (
        SELECT FROM fingerprints f
        LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
        WHERE f.project_id = :project_id AND p.pattern_id IS NULL)
    """
)
# All fingerprints of a project, with the pattern that each was put into, if it was looked at.
LOAD_FINGERPRINTS = text(
    """
    SELECT f.fingerprint, f.error_type, f.skeleton, f.title, f.origin, f.grouped_by, f.count AS errors,
           f.pattern_id, p.pattern_id IS NOT NULL AS was_seen, f.first_seen, f.last_seen
    FROM fingerprints f LEFT JOIN patterns p ON p.project_id = f.project_id AND p.pattern_id = f.pattern_id
    WHERE f.project_id = :project_id
    """
)
# Make or describe patterns.
STORE_PATTERNS = text(
    """
    INSERT INTO patterns (project_id, pattern_id, title, template, grouped_by, error_type, state, trend,
                          first_seen, last_seen)
    SELECT :project_id, pattern_id, title, template, grouped_by, error_type, 'new', 'new', first_seen, last_seen
    FROM unnest(CAST(:pattern_ids AS uuid[]), CAST(:titles AS text[]), CAST(:templates AS text[]),
                CAST(:grouped_by AS text[]), CAST(:error_types AS text[]), CAST(:first_seen AS timestamptz[]),
                CAST(:last_seen AS timestamptz[]))
         AS found (pattern_id, title, template, grouped_by, error_type, first_seen, last_seen)
    ON CONFLICT (project_id, pattern_id) DO UPDATE SET
        title = EXCLUDED.title, template = EXCLUDED.template, error_type = EXCLUDED.error_type,
        first_seen = EXCLUDED.first_seen, last_seen = EXCLUDED.last_seen
    """
)
# Patterns that no fingerprint belongs to any more.
DROP_EMPTY_PATTERNS = text(
    """
    DELETE FROM patterns p WHERE p.project_id = :project_id AND NOT EXISTS (
        SELECT FROM fingerprints f WHERE f.project_id = p.project_id AND f.pattern_id = p.pattern_id)
    """
)
# What was new for a day is ongoing.
SETTLE_STATES = text(
    "UPDATE patterns SET state = 'ongoing' WHERE project_id = :project_id AND state = 'new' AND first_seen < :new_since"
)


async def find_patterns(tools: Tools) -> str:
    """Group what is new, settle states, and publish every window, project by project."""
    async with tools.engine.connect() as connection:
        project_ids = list(await connection.scalars(FIND_PROJECTS))
    for project_id in project_ids:
        await group_fingerprints(tools, project_id)
        await publish_snapshots(tools, project_id)
    return f"{len(project_ids)} projects"


async def group_fingerprints(tools: Tools, project_id: UUID) -> None:
    """Put fingerprints into patterns, if any is new; the ids of patterns carry over."""
    asked = {"project_id": project_id}
    async with tools.engine.begin() as connection:
        if await connection.scalar(HAS_UNSEEN, asked):
            rows = (await connection.execute(LOAD_FINGERPRINTS, asked)).all()
            previous = {row.fingerprint: row.pattern_id for row in rows if row.was_seen}
            skeletons = (Skeleton(r.fingerprint, r.error_type, r.skeleton, r.errors, r.origin) for r in rows)
            clusters = carry_over(cluster_skeletons(skeletons, previous=previous), previous, uuid_utils.compat.uuid7)
            await store_patterns(connection, project_id, clusters, {row.fingerprint: row for row in rows})
            await connection.execute(DROP_EMPTY_PATTERNS, asked)
        await connection.execute(SETTLE_STATES, {**asked, "new_since": datetime.now(UTC) - NEW_FOR})


async def store_patterns(
    connection: AsyncConnection, project_id: UUID, clusters: Sequence[Cluster], rows: dict[int, Any]
) -> None:
    """Write the patterns and which fingerprints they have."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("pattern_ids", "titles", "templates", "grouped_by", "error_types", "first_seen", "last_seen")
    }
    for cluster in clusters:
        members = [rows[fingerprint] for fingerprint in cluster.fingerprints]
        columns["pattern_ids"].append(cluster.pattern_id)
        columns["titles"].append(make_title(cluster, members))
        columns["templates"].append(cluster.template)
        columns["grouped_by"].append(members[0].grouped_by)
        columns["error_types"].append(cluster.error_type)
        columns["first_seen"].append(min(member.first_seen for member in members))
        columns["last_seen"].append(max(member.last_seen for member in members))
    await connection.execute(STORE_PATTERNS, {"project_id": project_id, **columns})
    given = {f: c.pattern_id for c in clusters for f in c.fingerprints if c.pattern_id != rows[f].pattern_id}
    await assign_patterns(connection, project_id, {f: p for f, p in given.items() if p is not None})


def make_title(cluster: Cluster, members: Sequence[Any]) -> str:
    """What people see: of one fingerprint its own title, of several the template, after the type."""
    if len(members) == 1:
        return str(members[0].title)
    starts_with_type = cluster.error_type is None or cluster.template.startswith(cluster.error_type)
    return (cluster.template if starts_with_type else f"{cluster.error_type}: {cluster.template}")[:200]


async def publish_snapshots(tools: Tools, project_id: UUID) -> None:
    """Compute every window, store it in Postgres, and put it into the cache ready to send."""
    answers = []
    for window_hours in WINDOWS_HOURS:
        snapshot = await compute_snapshot(tools.engine, project_id, window_hours, tools.settings)
        async with tools.engine.begin() as connection:
            body = await store_snapshot(connection, project_id, window_hours, snapshot)
        answers.append(("patterns", {"window_hours": window_hours}, Answer.of(body)))
    try:
        await tools.cache.publish(project_id, "patterns", answers)
    except CacheUnavailable as error:
        log.warning("patterns_not_published", error=str(error), project_id=str(project_id))
