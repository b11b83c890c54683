"""The history of a pattern: what was decided about it, by which key, and what the worker saw; as a read of the catalogue."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import text

from api.reads.catalogue import Asked, BuildContext, Read, seconds
from api.reads.forms import Table
from api.reads.parameters import FormQuery, some_of

HISTORY_MAX = 200
# The changes of a subject, newest first, with the names of the keys that decided.
LIST_TRANSITIONS = text(
    """
    SELECT t.transition_id AS id, t.happened_at, t.name, t.decided_by, k.name AS key_name, t.facts
    FROM transitions t LEFT JOIN api_keys k ON k.project_id = t.project_id AND k.key_id = t.decided_by
    WHERE t.project_id = :project_id AND t.subject_id = :subject_id
    ORDER BY t.happened_at DESC, t.transition_id DESC LIMIT :most
    """
)


class Transition(BaseModel):
    """One change of state."""

    id: UUID = Field(description="Names this change.")
    happened_at: datetime = Field(description="When, UTC, by Postgres' clock.")
    name: str = Field(
        description="resolved, ignored, opened, merged, split, noted, new, regressed, spiking...; more may come."
    )
    decided_by: str | None = Field(description="Id of the key that decided it; null for what the worker saw.")
    key_name: str | None = Field(description="What that key is for; null where nobody said, or the key is gone.")
    facts: dict[str, Any] | None = Field(description="What was decided, or what it was told by.")


class History(BaseModel):
    """The changes of one pattern, newest first."""

    transitions: list[Transition] = Field(description=f"The latest {HISTORY_MAX} at most.")


TRANSITIONS = Table("transitions", tuple(Transition.model_fields), ("happened_at", "name", "decided_by"))


class HistoryQuery(FormQuery):
    """The form that the history is wanted in."""

    fields: str | None = some_of(TRANSITIONS)


async def build_history(context: BuildContext, asked: Asked[HistoryQuery]) -> bytes:
    values = {"project_id": asked.project_id, "subject_id": asked.id, "most": HISTORY_MAX}
    async with context.reading(asked.project_id).connect() as connection:
        rows = (await connection.execute(LIST_TRANSITIONS, values)).mappings().all()
    return History(transitions=[Transition(**row) for row in rows]).model_dump_json().encode()


PATTERN_HISTORY = Read(
    operation="get_pattern_history",
    path="/api/errors/patterns/{pattern_id}/history",
    tags=("triage",),
    summary="What became of one pattern",
    description="What was decided about the pattern, by which key, and what the worker saw; newest first.",
    params=HistoryQuery,
    answer=History,
    table=TRANSITIONS,
    build=build_history,
    max_age_seconds=seconds(0),
)
READS = (PATTERN_HISTORY,)
