"""Finished work that tokens are divided by. The only writer of `deliverables`."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.spending.usage_schemas import DeliverableIn
from api.storing.flusher import Outcome

# Note a finished deliverable; one of that ref stays as it is.
ADD_DELIVERABLE = text(
    """
    INSERT INTO deliverables (project_id, ref, team, kind, completed_at, received_at)
    VALUES (:project_id, :ref, :team, :kind, :completed_at, now())
    ON CONFLICT DO NOTHING RETURNING ref
    """
)


async def add_deliverable(connection: AsyncConnection, project_id: UUID, deliverable: DeliverableIn) -> Outcome:
    """stored or duplicate, in the caller's transaction."""
    added = await connection.execute(ADD_DELIVERABLE, {"project_id": project_id, **deliverable.model_dump()})
    return Outcome.stored if added.first() else Outcome.duplicate
