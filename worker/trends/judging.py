"""Judges a project's patterns: what each does now (its trend), and which began together (incidents).

Reads by `worker/trends/series.py`, asks the pure `scores` and `incidents`, and has `worker/grouping/patterns.py` write.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.database.clock import ask_time, find_time
from common.snapshots import WINDOWS_HOURS
from common.snapshots.schema import TrendFacts
from worker.alerts.pattern_changes import note_trends
from worker.grouping.patterns import write_incidents, write_trends
from worker.trends.incidents import Incident, find_incidents
from worker.trends.scores import Score, score_trends
from worker.trends.series import LIST_TITLES, load_activities, load_onsets

SLOW_SECONDS = 240  # a spike shows within this and a period of the job

# Whether a window's answer is younger than that, by Postgres' clock, as it was computed.
HAS_YOUNG_SNAPSHOT = text("""
    SELECT EXISTS (SELECT FROM snapshots WHERE project_id = :project_id AND window_hours = :window_hours
                   AND computed_at >= now() - make_interval(secs => :seconds)
                   AND computed_at <= now() + interval '1 minute')
""")


async def are_trends_due(engine: AsyncEngine, project_id: UUID, slow_seconds: float) -> bool:
    """Whether trends, incidents and the longest window, which read two weeks, were last computed longer ago than that."""
    asked = {"project_id": project_id, "window_hours": WINDOWS_HOURS[-1], "seconds": slow_seconds}
    async with engine.connect() as connection:
        return not await connection.scalar(HAS_YOUNG_SNAPSHOT, asked)


async def update_trends(engine: AsyncEngine, project_id: UUID) -> None:
    """Score the series of all patterns of the project and find which began together; store trends with the figures they rest
    on, and incidents, in one transaction with the changes that they are."""
    now = await find_time(engine)
    async with engine.connect() as connection:
        activities = await load_activities(connection, project_id, now)
    scores = await asyncio.to_thread(score_trends, activities, now)
    trends = {pattern_id: (score.trend, facts_of(score)) for pattern_id, score in scores.items()}
    async with engine.begin() as connection:
        await write_trends(connection, project_id, trends)
        incidents = await judge_incidents(connection, project_id)
        members = {UUID(pattern): one for one, incident in incidents.items() for pattern in incident.patterns}
        await write_incidents(connection, project_id, members)
        await note_trends(connection, project_id, trends, incidents)


async def judge_incidents(connection: AsyncConnection, project_id: UUID) -> dict[UUID, Incident]:
    """Which patterns of the project began together: the incidents by their ids."""
    onsets, had = await load_onsets(connection, project_id, await ask_time(connection))
    titles = (await connection.scalars(LIST_TITLES, {"project_id": project_id})).all()
    found = await asyncio.to_thread(find_incidents, onsets, titles)
    named: dict[UUID, Incident] = {}
    for incident in found:
        left = {pattern: incident_id for pattern, incident_id in had.items() if incident_id not in named}
        named[name_incident(incident, left, project_id)] = incident
    return named


def name_incident(incident: Incident, had: Mapping[str, UUID], project_id: UUID) -> UUID:
    """The incident's id: the one that most of its patterns had at the last run (`had`), else one that follows from the
    pattern that began first."""
    ids = Counter(had[pattern] for pattern in incident.patterns if pattern in had)
    if ids:
        return min(ids, key=lambda incident_id: (-ids[incident_id], incident_id))
    return uuid5(project_id, f"incident {incident.patterns[0]} {incident.started_at.isoformat()}")


def facts_of(score: Score) -> str | None:
    """The figures that a trend rests on, as JSON of `TrendFacts`; None where nothing was tested."""
    if score.window is None or score.count is None or score.expected is None or score.p_value is None:
        return None
    return TrendFacts(
        window=score.window,
        count=score.count,
        expected=round(score.expected, 2),
        ratio=round(score.ratio or 0.0, 2),
        p_value=float(f"{score.p_value:.3g}"),
    ).model_dump_json()
