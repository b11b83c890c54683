"""Deletes what alerts leave behind: changes of state, messages that ended, what rules told, mutes that are over.

The statements are with their tables' writers; here they are put together.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.mutes import DELETE_OLD_MUTES
from common.alerts.outbox import DELETE_OLD_NOTIFICATIONS, DELETE_OLD_THREADS
from common.transitions import DELETE_OLD_TRANSITIONS
from worker.rounds import Progress


async def delete_old_alerts(engine: AsyncEngine, project_id: UUID, retention_days: int) -> Progress:
    """Delete what is old; how many rows went (`deleted_alerts`)."""
    deleted = 0
    async with engine.begin() as connection:
        for statement in (DELETE_OLD_TRANSITIONS, DELETE_OLD_NOTIFICATIONS, DELETE_OLD_THREADS):
            asked = {"project_id": project_id, "retention_days": retention_days}
            deleted += (await connection.execute(statement, asked)).rowcount
        deleted += (await connection.execute(DELETE_OLD_MUTES, {"project_id": project_id})).rowcount
    return Progress({"deleted_alerts": deleted})
