"""From fingerprints as they are stored to the rows of the patterns that they make: clusters, ids, titles. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row

from common.fingerprint import make_title
from worker.counting.fingerprints import first_pattern_id
from worker.grouping.clustering import Cluster, Skeleton, carry_over, cluster_skeletons

UNNAMED = UUID(int=0)


def cluster_rows(project_id: UUID, rows: Sequence[Row[Any]], pins: Mapping[int, str]) -> list[tuple[UUID, Cluster]]:
    """The clusters with the ids of the patterns that they continue; others are named after their first fingerprint."""
    previous = {row.fingerprint: row.pattern_id for row in rows if row.is_placed}
    skeletons = [Skeleton(row.fingerprint, row.error_type, row.skeleton, row.errors, row.origin) for row in rows]
    # what people pinned has the id that they pinned it to
    ids = previous | {fingerprint: UUID(pin) for fingerprint, pin in pins.items()}
    clusters = carry_over(cluster_skeletons(skeletons, previous=previous, pins=pins), ids, lambda: UNNAMED)
    used = set(ids.values())
    named = []
    for cluster in clusters:
        pattern_id = cluster.pattern_id
        if pattern_id is None or pattern_id == UNNAMED:
            pattern_id = new_pattern_id(project_id, cluster, used)
        used.add(pattern_id)
        named.append((pattern_id, cluster))
    return named


def new_pattern_id(project_id: UUID, cluster: Cluster, used: set[UUID]) -> UUID:
    """The id that its first fingerprint founds, or its next one's where that id is used already (by a pattern which the
    fingerprint founded and left); a random one where all are."""
    ids = (first_pattern_id(project_id, fingerprint) for fingerprint in cluster.fingerprints)
    return next((pattern_id for pattern_id in ids if pattern_id not in used), None) or uuid4()


def pattern_row(project_id: UUID, pattern_id: UUID, cluster: Cluster, members: Sequence[Row[Any]]) -> dict[str, Any]:
    """The parameters of `WRITE_PATTERN`. `members`: the cluster's fingerprints as they are stored."""
    first = max(members, key=lambda row: (row.errors, -row.fingerprint))
    return {
        "project_id": project_id,
        "pattern_id": pattern_id,
        "title": first.title if len(members) == 1 else make_title(cluster.error_type, cluster.template),
        "template": cluster.template,
        "grouped_by": first.grouped_by,
        "error_type": cluster.error_type,
        "first_seen": min(row.first_seen for row in members),
        "last_seen": max(row.last_seen for row in members),
    }
