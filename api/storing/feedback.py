"""What people say of an error: the only writer of `feedback`."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Keep what was said of an error; what was sent before stays as it is.
ADD_FEEDBACK = text("""
    INSERT INTO feedback (project_id, event_id, feedback_id, received_at, name, email, url, message)
    VALUES (:project_id, :event_id, :feedback_id, now(), :name, :email, :url, :message)
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of an error, `event_id`, under an id of its own, so that it is kept once."""

    feedback_id: UUID
    event_id: UUID
    name: str | None
    email: str | None
    message: str
    url: str | None


async def add_feedback(connection: AsyncConnection, project_id: UUID, said: Sequence[Feedback]) -> None:
    """Keep what was said, in the caller's transaction."""
    rows = [
        {
            "project_id": project_id,
            "event_id": one.event_id,
            "feedback_id": one.feedback_id,
            "name": one.name,
            "email": one.email,
            "url": one.url,
            "message": one.message,
        }
        for one in sorted(said, key=lambda one: (one.event_id, one.feedback_id))
    ]
    await connection.execute(ADD_FEEDBACK, rows)
