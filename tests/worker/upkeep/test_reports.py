"""Upkeep of what came beside errors: it goes with the errors of its time."""

from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.stored import OTHER_PROJECT, PROJECT, rows
from worker.upkeep.reports import delete_old_reports

ADD_FEEDBACK = text("""
    INSERT INTO feedback (project_id, event_id, feedback_id, received_at, message)
    VALUES (:project_id, :id, :id, now() - make_interval(days => CAST(:days AS integer)), 'it broke')
""")
ADD_LOSS = text("""
    INSERT INTO sender_losses (project_id, day, reason, category, count)
    VALUES (:project_id, (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer), 'refused', 'error', :days)
""")


async def test_reports_go_with_the_errors_of_their_time_project_by_project(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for project_id in (PROJECT, OTHER_PROJECT):
            for days in (0, 30, 32):
                asked = {"project_id": project_id, "days": days}
                await connection.execute(ADD_FEEDBACK, asked | {"id": uuid4()})
                await connection.execute(ADD_LOSS, asked)
    progress = await delete_old_reports(engine, PROJECT, 30)
    assert progress.counts == {"deleted_reports": 2}
    left = await rows(engine, "SELECT project_id, count FROM sender_losses ORDER BY project_id, count")
    assert left == [(PROJECT, 0), (PROJECT, 30), (OTHER_PROJECT, 0), (OTHER_PROJECT, 30), (OTHER_PROJECT, 32)]
    assert await rows(engine, "SELECT count(*) FROM feedback") == [(5,)]
