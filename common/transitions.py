"""Changes of state: of patterns, and of what else a project is told about. The only writer of `transitions`.

Each is written in the transaction that makes it true, by whichever program does: what people decided by the API, what the
worker saw by the worker.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import uuid_utils.compat
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

NOTE_TRANSITION = text(
    """
    INSERT INTO transitions (project_id, transition_id, happened_at, subject, subject_id, name, decided_by, facts)
    VALUES (:project_id, :transition_id, now(), :subject, :subject_id, :name, :decided_by, CAST(:facts AS jsonb))
    """
)


async def note_transition(
    connection: AsyncConnection,
    project_id: UUID,
    subject: str,
    subject_id: UUID,
    name: str,
    *,
    decided_by: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Note that the subject (a kind, such as pattern, and its id) has become what `name` says, in the caller's transaction.
    `decided_by` is the id of a key, None for what the worker saw; `facts` is what it was told by."""
    values = {
        "project_id": project_id,
        "transition_id": uuid_utils.compat.uuid7(),
        "subject": subject,
        "subject_id": subject_id,
        "name": name,
        "decided_by": decided_by,
        "facts": None if facts is None else to_json(facts).decode(),
    }
    await connection.execute(NOTE_TRANSITION, values)
