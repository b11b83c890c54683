"""Finds services that always sent errors, and agents that always sent usage, and send none now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts.changes import Subject
from common.database.clock import ask_time
from common.tables.columns import OVERFLOW_NAME
from common.transitions import Noted, note_transitions
from worker.alerts.conditions import Holding, list_holding, turn

HOUR = timedelta(hours=1)
WEEK_HOURS = 168
LEAST_KNOWN_HOURS = 72  # a service that is younger has not shown what it always does
ALWAYS = 0.9  # of the hours from its first to its last
LEAST_SILENT_HOURS, GAPS = 2, 3  # silent for so long, and so many times its longest gap

# The hours of the last week in which each service had errors.
LIST_SERVICE_HOURS = text("""
    SELECT service AS name, array_agg(DISTINCT hour ORDER BY hour) AS hours FROM hourly_rollups
    WHERE project_id = :project_id AND hour >= :since GROUP BY service
""")
# The same of agents and their usage.
LIST_AGENT_HOURS = text("""
    SELECT agent AS name, array_agg(DISTINCT date_trunc('hour', bucket, 'UTC') ORDER BY date_trunc('hour', bucket, 'UTC'))
           AS hours
    FROM usage_rollups WHERE project_id = :project_id AND minutes = 15 AND bucket >= :since AND agent <> ''
    GROUP BY agent
""")


async def note_silences(engine: AsyncEngine, project_id: UUID) -> None:
    """Note which services and agents of the project fell silent, and which send again."""
    async with engine.begin() as connection:
        now = await ask_time(connection)
        asked = {"project_id": project_id, "since": now - WEEK_HOURS * HOUR}
        services = (await connection.execute(LIST_SERVICE_HOURS, asked)).all()
        agents = (await connection.execute(LIST_AGENT_HOURS, asked)).all()
        noted = await turn_silences(connection, project_id, "service", services, now)
        noted += await turn_silences(connection, project_id, "agent", agents, now)
        await note_transitions(connection, project_id, noted)


async def turn_silences(
    connection: AsyncConnection, project_id: UUID, subject: Subject, rows: Iterable[Any], now: datetime
) -> list[Noted]:
    """What changed. One that is silent stays so until it sends again, also when its week is forgotten."""
    hours = {uuid5(project_id, f"{subject} {row.name}"): row for row in rows if row.name != OVERFLOW_NAME}
    holding = {
        one: Holding("silent", facts=describe(subject, row.name, silent))
        for one, row in hours.items()
        if (silent := find_silence(row.hours, now)) is not None
    }
    for row in await list_holding(connection, project_id, subject, "silent"):
        sent = hours.get(row.subject_id)
        if sent is None or sent.hours[-1] + HOUR <= row.since:
            holding.setdefault(row.subject_id, Holding("silent", facts=row.facts))
    return await turn(connection, project_id, subject, "silent", holding)


def find_silence(hours: Sequence[datetime], now: datetime) -> float | None:
    """For how many hours it has been silent, by the hours of the last week in which it sent; None where it is not, or does
    not always send: in nine hours of ten, over three days. Pure."""
    known = int((hours[-1] - hours[0]) / HOUR) + 1
    if known < LEAST_KNOWN_HOURS or len(hours) < ALWAYS * known:
        return None
    longest = max(int((later - earlier) / HOUR) - 1 for earlier, later in pairwise(hours))
    silent = (now - hours[-1] - HOUR) / HOUR
    return round(silent, 1) if silent >= max(LEAST_SILENT_HOURS, GAPS * longest) else None


def describe(subject: Subject, name: str, silent_hours: float) -> Mapping[str, Any]:
    what = "errors" if subject == "service" else "usage"
    return {
        "title": f"no {what} from {name}, which always sends",
        "services" if subject == "service" else "agents": [name],
        "silent_hours": silent_hours,
    }
