"""Changes of patterns and incidents: what `worker/grouping` and `worker/trends` make true is noted here, in bulk, in their
transactions."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.pattern_facts import load_facts, trend_facts
from common.database.clock import ask_time
from common.severities import Severity
from common.snapshots.counting import DESCRIBE_PATTERNS
from common.transitions import Noted, note_transitions
from worker.alerts.conditions import Holding, turn
from worker.trends.incidents import Incident

NEW_FOR = timedelta(hours=24)  # a pattern whose first error is older came by errors that were sent late
TOLD_TRENDS = ("spiking", "rising")
MOST_TITLES = 10

# Patterns that people resolved and that had errors since, or that came back by themselves; their state says which failed
# again.
MAY_BE_BACK = text("""
    SELECT d.pattern_id, d.decided_at FROM decisions d
    WHERE d.project_id = :project_id AND d.decision = 'resolved' AND EXISTS (
        SELECT FROM fingerprints f WHERE f.project_id = d.project_id AND f.pattern_id = d.pattern_id
          AND coalesce(f.received_at, f.last_seen) > d.decided_at)
    UNION
    SELECT p.pattern_id, d.decided_at
    FROM patterns p LEFT JOIN decisions d ON d.project_id = p.project_id AND d.pattern_id = p.pattern_id
    WHERE p.project_id = :project_id AND p.trend = 'regressed'
""")


async def note_new(connection: AsyncConnection, project_id: UUID, pattern_ids: Collection[UUID]) -> None:
    """Note that these patterns were made, those that are young."""
    if not pattern_ids:
        return
    now = await ask_time(connection)
    facts = await load_facts(connection, project_id, pattern_ids, now)
    young = [one for one, told in facts.items() if datetime.fromisoformat(told["first_seen"]) > now - NEW_FOR]
    await note_transitions(connection, project_id, [Noted("pattern", one, "new", facts[one]) for one in young])


async def note_regressions(connection: AsyncConnection, project_id: UUID) -> None:
    """Note the patterns that failed again, each once after it was resolved, or came back."""
    rows = (await connection.execute(MAY_BE_BACK, {"project_id": project_id})).all()
    decided = {row.pattern_id: row.decided_at for row in rows}
    asked = {"project_id": project_id, "pattern_ids": list(decided)}
    described = (await connection.execute(DESCRIBE_PATTERNS, asked)).all() if decided else []
    back = [row.pattern_id for row in described if row.state == "regressed"]
    marks = {one: decided[one].isoformat() if decided[one] else "" for one in back}
    noted = await turn(
        connection,
        project_id,
        "pattern",
        "regressed",
        {one: Holding("regressed", mark) for one, mark in marks.items()},
        ends=False,
    )
    await note_with_facts(connection, project_id, noted)


async def note_with_facts(connection: AsyncConnection, project_id: UUID, noted: Collection[Noted]) -> None:
    """Note changes of patterns with what is known of these now."""
    if not noted:
        return
    facts = await load_facts(connection, project_id, {one.subject_id for one in noted}, await ask_time(connection))
    told = [
        Noted(one.subject, one.subject_id, one.name, {**facts.get(one.subject_id, {}), **one.facts}) for one in noted
    ]
    await note_transitions(connection, project_id, told)


async def note_trends(
    connection: AsyncConnection,
    project_id: UUID,
    trends: Mapping[UUID, tuple[str, str | None]],
    incidents: Mapping[UUID, Incident],
) -> None:
    """Note the patterns that began to spike or rise, or stopped; the incidents that began, grew or are over. `trends`: each
    pattern's with its figures (JSON of `TrendFacts`); `incidents`: all that there are, by id."""
    risen = {one: told for one, told in trends.items() if told[0] in TOLD_TRENDS}
    holding = {one: Holding(trend, trend, trend_facts(figures)) for one, (trend, figures) in risen.items()}
    changed = await turn(connection, project_id, "pattern", "trend", holding)
    facts = await load_facts(
        connection, project_id, {one.subject_id for one in changed} | members_of(incidents), await ask_time(connection)
    )
    told = [
        Noted("pattern", one.subject_id, one.name, {**facts.get(one.subject_id, {}), **one.facts}) for one in changed
    ]
    together = {one: describe_incident(incident, facts) for one, incident in incidents.items()}
    told += await turn(connection, project_id, "incident", "incident", together, name_change=grown)
    await note_transitions(connection, project_id, told)


def members_of(incidents: Mapping[UUID, Incident]) -> set[UUID]:
    return {UUID(pattern) for incident in incidents.values() for pattern in incident.patterns}


def describe_incident(incident: Incident, facts: Mapping[UUID, Mapping[str, Any]]) -> Holding:
    """What is told of an incident, from what is known of its patterns."""
    members = [facts[UUID(pattern)] for pattern in incident.patterns if UUID(pattern) in facts]
    services = sorted({*incident.services, *(service for one in members for service in one["services"])})
    worst = max((one["severity"] for one in members if "severity" in one), key=severity_of, default=None)
    return Holding(
        "incident",
        mark=str(len(services)),
        facts={
            "title": members[0]["title"] if members else "",
            "titles": [one["title"] for one in members[:MOST_TITLES]],
            "patterns": list(incident.patterns[:MOST_TITLES]),
            "pattern_count": len(incident.patterns),
            "services": services,
            "environments": list(dict.fromkeys(name for one in members for name in one["environments"])),
            "count": sum(one["count"] for one in members),
            "shared": list(incident.shared),
            "began_at": incident.started_at.isoformat(),
            **({"severity": worst} if worst else {}),
        },
    )


def severity_of(name: str) -> int:
    return Severity[name]


def grown(before: str, holding: Holding) -> str | None:
    """An incident that reached more services than at any time before got worse."""
    return "worse" if int(holding.mark) > int(before) else None
