"""What changes of patterns are told by: title, services, environments, severity, counts, and what the latest error says of
its release and tags. Read for many patterns at once, in the transaction that makes the change true."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.severities import Severity
from common.snapshots.counting import DESCRIBE_PATTERNS

MOST_EXAMPLES = (
    1_000  # patterns of one change whose latest error is read; of those beyond, rules know no release and tag
)
TAGS_MAX, TAG_CHARS, TAGS_TEXT_MAX = 20, 200, 20_000
NEW_RELEASE = timedelta(hours=24)

# Where and how badly patterns failed in the last day.
COUNT_PLACES = text("""
    SELECT f.pattern_id, h.service, h.environment, max(h.severity) AS severity, sum(h.count)::bigint AS errors
    FROM fingerprints f JOIN hourly_rollups h ON h.project_id = f.project_id AND h.fingerprint = f.fingerprint
    WHERE f.project_id = :project_id AND f.pattern_id = ANY(:pattern_ids) AND h.hour >= now() - interval '25 hours'
    GROUP BY 1, 2, 3 ORDER BY 5 DESC, 2, 3
""")
# The latest error of each pattern, by the fingerprint that was seen last, and when its release was first seen.
LATEST_ERRORS = text("""
    WITH latest AS (
        SELECT DISTINCT ON (pattern_id) pattern_id, fingerprint, last_seen FROM fingerprints
        WHERE project_id = :project_id AND pattern_id = ANY(:pattern_ids)
        ORDER BY pattern_id, last_seen DESC, fingerprint
    )
    SELECT l.pattern_id, e.release, e.tags_text, r.first_seen AS release_seen
    FROM latest l CROSS JOIN LATERAL (
        SELECT release, CASE WHEN length(tags_text) <= :most_chars THEN tags_text END AS tags_text FROM errors
        WHERE project_id = :project_id AND fingerprint = l.fingerprint
          AND day = (l.last_seen AT TIME ZONE 'UTC')::date AND occurred_at BETWEEN l.last_seen AND l.last_seen
        ORDER BY occurred_at DESC LIMIT 1
    ) e LEFT JOIN releases r ON r.project_id = :project_id AND r.release = e.release
""")


async def load_facts(
    connection: AsyncConnection, project_id: UUID, pattern_ids: Collection[UUID], now: datetime
) -> dict[UUID, dict[str, Any]]:
    """The facts of each pattern that is there, as JSON has them."""
    if not pattern_ids:
        return {}
    asked = {"project_id": project_id, "pattern_ids": list(pattern_ids)}
    described = (await connection.execute(DESCRIBE_PATTERNS, asked)).all()
    places = group_places(await connection.execute(COUNT_PLACES, asked))
    few = {"pattern_ids": list(pattern_ids)[:MOST_EXAMPLES], "most_chars": TAGS_TEXT_MAX}
    latest = {row.pattern_id: row for row in await connection.execute(LATEST_ERRORS, asked | few)}
    return {
        row.pattern_id: describe(row, places.get(row.pattern_id, ()), latest.get(row.pattern_id), now)
        for row in described
    }


def group_places(rows: Iterable[Any]) -> Mapping[UUID, list[Any]]:
    places: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        places[row.pattern_id].append(row)
    return places


def describe(pattern: Row[Any], places: Collection[Any], latest: Any | None, now: datetime) -> dict[str, Any]:
    """One pattern's facts. Services and environments stand with most errors first."""
    worst = max((place.severity for place in places), default=None)
    facts: dict[str, Any] = {
        "title": pattern.title,
        "services": list(dict.fromkeys(place.service for place in places)),
        "environments": list(dict.fromkeys(place.environment for place in places)),
        "count": sum(place.errors for place in places),
        "state": pattern.state,
        "first_seen": pattern.first_seen.isoformat(),
    }
    if worst is not None:
        facts["severity"] = Severity(worst).name
    if pattern.incident_id is not None:
        facts["incident"] = str(pattern.incident_id)
    return facts | describe_latest(latest, now)


def describe_latest(latest: Any | None, now: datetime) -> dict[str, Any]:
    """What the latest error says; nothing where it was not read."""
    if latest is None:
        return {}
    seen = latest.release_seen
    return {
        "releases": [latest.release] if latest.release else [],
        "is_new_release": bool(latest.release) and (seen is None or seen > now - NEW_RELEASE),
        "tags": read_tags(latest.tags_text),
    }


def read_tags(tags_text: str | None) -> dict[str, str]:
    """The first tags, cut."""
    tags = from_json(tags_text) if tags_text else {}
    few = list(tags.items())[:TAGS_MAX] if isinstance(tags, dict) else []
    return {name[:TAG_CHARS]: str(value)[:TAG_CHARS] for name, value in few}


def trend_facts(kept: str | None) -> dict[str, Any]:
    """The figures of a trend (JSON of `TrendFacts`) under the names that changes have for them."""
    if kept is None:
        return {}
    facts = from_json(kept)
    return {
        "observed": facts["count"],
        "expected": facts["expected"],
        "factor": facts["ratio"],
        "window": facts["window"],
    }
