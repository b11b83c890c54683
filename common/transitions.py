"""Changes of state: of patterns, and of what else a project is told about. The only writer of `transitions`.

Each is written in the transaction that makes it true, by whichever program does: what people decided by the API, what the
worker saw by the worker. What rules owe for it is written with it (`common/alerts/outbox.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import uuid_utils.compat
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.changes import Change, Subject
from common.alerts.outbox import owe

NOTE_TRANSITIONS = text(
    """
    INSERT INTO transitions (project_id, transition_id, happened_at, subject, subject_id, name, decided_by, facts)
    SELECT :project_id, transition_id, now(), subject, subject_id, name, decided_by, facts
    FROM unnest(CAST(:transition_ids AS uuid[]), CAST(:subjects AS text[]), CAST(:subject_ids AS uuid[]),
                CAST(:names AS text[]), CAST(:deciders AS text[]), CAST(:facts AS jsonb[]))
         AS noted (transition_id, subject, subject_id, name, decided_by, facts)
    RETURNING happened_at
    """
)

# Forgets what is older than changes are kept: what the worker saw, and what people decided about patterns that are gone.
DELETE_OLD_TRANSITIONS = text(
    """
    DELETE FROM transitions t
    WHERE project_id = :project_id AND happened_at < now() - make_interval(days => :retention_days)
      AND (decided_by IS NULL OR NOT EXISTS (
          SELECT FROM fingerprints f WHERE f.project_id = :project_id AND f.pattern_id = t.subject_id))
    """
)

# The changes of a project in a span of time, oldest first, and as the worker wrote them within one transaction.
LIST_CHANGES = text(
    """
    SELECT transition_id, happened_at, subject, subject_id, name, coalesce(facts, '{}') AS facts FROM transitions
    WHERE project_id = :project_id AND happened_at >= :since AND happened_at < :until
    ORDER BY happened_at, transition_id LIMIT :most
    """
)


@dataclass(frozen=True, slots=True)
class Noted:
    """That the subject (a kind, and its id) has become what `name` says. `decided_by` is the id of a key, None for what the
    worker saw; `facts` is what it was told by."""

    subject: Subject
    subject_id: UUID
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    decided_by: str | None = None


async def note_transitions(connection: AsyncConnection, project_id: UUID, noted: Sequence[Noted]) -> None:
    """Note changes in the caller's transaction, as the last that it does: from here until it ends no other change of the
    project is noted."""
    if not noted:
        return
    ids = [uuid_utils.compat.uuid7() for _ in noted]
    values = {
        "project_id": project_id,
        "transition_ids": ids,
        "subjects": [one.subject for one in noted],
        "subject_ids": [one.subject_id for one in noted],
        "names": [one.name for one in noted],
        "deciders": [one.decided_by for one in noted],
        "facts": [to_json(one.facts).decode() if one.facts else None for one in noted],
    }
    happened_at: datetime = (await connection.execute(NOTE_TRANSITIONS, values)).scalars().all()[0]
    changes = [
        Change(transition_id, happened_at, one.subject, one.subject_id, one.name, one.facts)
        for transition_id, one in zip(ids, noted, strict=True)
    ]
    await owe(connection, project_id, changes)


async def note_transition(connection: AsyncConnection, project_id: UUID, noted: Noted) -> None:
    """As `note_transitions`, of one."""
    await note_transitions(connection, project_id, [noted])


async def list_changes(
    connection: AsyncConnection, project_id: UUID, since: datetime, until: datetime, most: int
) -> list[Change]:
    """The changes from `since` up to, not with, `until`, oldest first; the first `most`."""
    asked = {"project_id": project_id, "since": since, "until": until, "most": most}
    return list(read_changes(await connection.execute(LIST_CHANGES, asked)))


def read_changes(rows: Iterable[Any]) -> Iterable[Change]:
    for row in rows:
        yield Change(row.transition_id, row.happened_at, row.subject, row.subject_id, row.name, row.facts)
