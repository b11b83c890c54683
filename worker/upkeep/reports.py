"""Deletes what senders reported beside errors, once the errors of that time are kept no longer: feedback, and losses."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.rounds import Progress

# Deletes what was said of errors that are gone.
DELETE_OLD_FEEDBACK = text("""
    DELETE FROM feedback
    WHERE project_id = :project_id AND received_at < now() - make_interval(days => CAST(:retention_days AS integer) + 1)
""")

# Deletes the losses of days that are kept no longer.
DELETE_OLD_LOSSES = text("""
    DELETE FROM sender_losses
    WHERE project_id = :project_id AND day < (now() AT TIME ZONE 'UTC')::date - CAST(:retention_days AS integer)
""")


async def delete_old_reports(engine: AsyncEngine, project_id: UUID, retention_days: int) -> Progress:
    """Delete what is old; how many rows went (`deleted_reports`)."""
    deleted = 0
    async with engine.begin() as connection:
        for statement in (DELETE_OLD_FEEDBACK, DELETE_OLD_LOSSES):
            asked = {"project_id": project_id, "retention_days": retention_days}
            deleted += (await connection.execute(statement, asked)).rowcount
    return Progress({"deleted_reports": deleted})
