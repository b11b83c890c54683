"""Notes how Mayday itself is: a worker that does not keep up with a project, a disk that will be full."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.disk_forecast import DiskForecast, forecast_disk
from common.settings import Settings
from common.telemetry.freshness import late_limits
from common.transitions import note_transitions
from worker.alerts.conditions import Holding, turn
from worker.rounds import Progress

DISK_DAYS = 14  # a disk that is full within these is told

# The projects whose oldest delta waits too long and for which that is not noted, and those for which it is noted and over.
PROJECTS_TURNING_LATE = text("""
    SELECT p.project_id FROM projects p
    LEFT JOIN LATERAL (
        SELECT written_at FROM deltas d WHERE d.project_id = p.project_id ORDER BY flush_id, ordinal LIMIT 1
    ) oldest ON true
    LEFT JOIN conditions c
      ON c.project_id = p.project_id AND c.subject = 'project' AND c.subject_id = p.project_id AND c.name = 'late'
    WHERE coalesce(oldest.written_at < clock_timestamp() - make_interval(secs => :seconds), false) <> (c.name IS NOT NULL)
""")
# How long the oldest delta of a project waits, in seconds; none when nothing does.
OLDEST_DELTA = text("""
    SELECT extract(epoch FROM clock_timestamp() - min(written_at))::float FROM deltas WHERE project_id = :project_id
""")
# The project of the operators.
FIND_OPERATORS = text("SELECT project_id FROM projects WHERE name = :name")


async def list_turning_late(engine: AsyncEngine, settings: Settings) -> Sequence[UUID]:
    """The projects for which it is to be noted that the worker is late, or is no more."""
    async with engine.connect() as connection:
        asked = {"seconds": late_limits(settings)["fold"]}
        return (await connection.scalars(PROJECTS_TURNING_LATE, asked)).all()


async def note_lateness(engine: AsyncEngine, project_id: UUID, settings: Settings) -> Progress:
    """Note whether the project's errors wait too long to be counted."""
    async with engine.begin() as connection:
        seconds = await connection.scalar(OLDEST_DELTA, {"project_id": project_id})
        holding = {}
        if seconds is not None and seconds > late_limits(settings)["fold"]:
            facts = {"title": "errors wait to be counted", "late_seconds": round(seconds)}
            holding[project_id] = Holding("late", facts=facts)
        noted = await turn(connection, project_id, "project", "late", holding)
        await note_transitions(connection, project_id, noted)
    return Progress({"late": len(noted)})


async def list_operators(engine: AsyncEngine, settings: Settings) -> Sequence[UUID]:
    """The project that is told of the disk: the operators' own, where its name and the size of the disk are known."""
    if not settings.operator_project or not settings.disk_bytes:
        return ()
    async with engine.connect() as connection:
        return (await connection.scalars(FIND_OPERATORS, {"name": settings.operator_project})).all()


async def note_disk(engine: AsyncEngine, project_id: UUID, settings: Settings) -> Progress:
    """Note for the operators whether the disk will be full soon; anew when the day comes nearer."""
    async with engine.begin() as connection:
        forecast = await forecast_disk(connection, settings)
        noted = await turn(
            connection, project_id, "project", "disk", holding_of(forecast, project_id), name_change=name_nearer
        )
        await note_transitions(connection, project_id, noted)
    return Progress({"disk": len(noted)})


def holding_of(forecast: DiskForecast, project_id: UUID) -> dict[UUID, Holding]:
    """That the disk is full within `DISK_DAYS`, if it is."""
    full_on = forecast.full_on
    if full_on is None or full_on > forecast.today + timedelta(days=DISK_DAYS):
        return {}
    facts = {"title": f"full on {full_on}", "full_on": str(full_on), "observed": forecast.used_bytes}
    return {project_id: Holding("disk", mark=str(full_on), facts=facts | {"expected": forecast.disk_bytes})}


def name_nearer(before: str, holding: Holding) -> str | None:
    """A day that came two days nearer, or more, is told; forecasts go to and fro by one."""
    return "disk" if date.fromisoformat(holding.mark) <= date.fromisoformat(before) - timedelta(days=2) else None
