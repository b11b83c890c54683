"""What holds now, each with the change that tells its beginning, and the one that tells its end. The only writer of
`conditions`.

Whoever judges says all that holds; what began, changed or ended since the last time follows. So each change is noted once,
whichever worker finds it and however often it looks.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.changes import Subject
from common.transitions import Noted

# What held at the last time; nobody else judges it meanwhile.
LOAD_CONDITIONS = text("""
    SELECT subject_id, mark, since, facts FROM conditions
    WHERE project_id = :project_id AND subject = :subject AND name = :name
      AND (CAST(:among AS uuid[]) IS NULL OR subject_id = ANY(:among))
    FOR UPDATE
""")
# What holds.
LIST_HOLDING = text("""
    SELECT subject_id, since, facts FROM conditions
    WHERE project_id = :project_id AND subject = :subject AND name = :name
""")
# What of one was told.
FIND_MARK = text("""
    SELECT mark FROM conditions
    WHERE project_id = :project_id AND subject = :subject AND subject_id = :subject_id AND name = :name
""")
WRITE_CONDITIONS = text("""
    INSERT INTO conditions (project_id, subject, subject_id, name, mark, since, facts)
    SELECT :project_id, :subject, subject_id, :name, mark, now(), facts
    FROM unnest(CAST(:subject_ids AS uuid[]), CAST(:marks AS text[]), CAST(:facts AS jsonb[]))
         AS told (subject_id, mark, facts)
    ORDER BY subject_id
    ON CONFLICT (project_id, subject, subject_id, name) DO UPDATE
    SET mark = EXCLUDED.mark, facts = EXCLUDED.facts, since = EXCLUDED.since
""")
# Forgets, without a word, what nobody judges any more.
FORGET_CONDITIONS = text("""
    DELETE FROM conditions
    WHERE project_id = :project_id AND starts_with(name, :start) AND NOT name = ANY(:kept)
""")
DELETE_CONDITIONS = text("""
    DELETE FROM conditions
    WHERE project_id = :project_id AND subject = :subject AND name = :name AND subject_id = ANY(:subject_ids)
""")


@dataclass(frozen=True, slots=True)
class Holding:
    """That a condition holds. `event` is what its beginning is called; another `mark` than before is a change of it."""

    event: str
    mark: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


# How a holding condition has changed, by its mark before: the name of the change, None where it is none.
NameChange = Callable[[str, Holding], str | None]


def name_event(before: str, holding: Holding) -> str | None:
    """Another mark is told as a beginning is."""
    return None if before == holding.mark else holding.event


async def turn(
    connection: AsyncConnection,
    project_id: UUID,
    subject: Subject,
    name: str,
    holding: Mapping[UUID, Holding],
    *,
    ends: bool = True,
    among: Collection[UUID] | None = None,
    name_change: NameChange = name_event,
) -> list[Noted]:
    """Write what holds now, and give the changes that this makes, for the caller to note.

    `holding` has all subjects (of `among`, if that is said) for which the condition holds. `ends`: whether its end is told,
    as `over`. What has changed without being a change keeps its mark.
    """
    place = {"project_id": project_id, "subject": subject, "name": name}
    asked = {**place, "among": None if among is None else list(among)}
    known = {row.subject_id: row for row in await connection.execute(LOAD_CONDITIONS, asked)}
    events = {
        subject_id: holding[subject_id].event
        if subject_id not in known
        else name_change(known[subject_id].mark, holding[subject_id])
        for subject_id in holding
    }
    told = {subject_id: event for subject_id, event in events.items() if event is not None}
    gone = [subject_id for subject_id in known if subject_id not in holding]
    if told:
        values = {
            "subject_ids": list(told),
            "marks": [holding[subject_id].mark for subject_id in told],
            "facts": [to_json(holding[subject_id].facts).decode() for subject_id in told],
        }
        await connection.execute(WRITE_CONDITIONS, place | values)
    if gone:
        await connection.execute(DELETE_CONDITIONS, place | {"subject_ids": gone})
    begun = [Noted(subject, subject_id, event, holding[subject_id].facts) for subject_id, event in told.items()]
    over = [Noted(subject, one, "over", end_facts(known[one], name)) for one in gone] if ends else []
    return begun + over


async def find_mark(
    connection: AsyncConnection, project_id: UUID, subject: Subject, subject_id: UUID, name: str
) -> str | None:
    """The mark of a condition that holds; None where it does not."""
    asked = {"project_id": project_id, "subject": subject, "subject_id": subject_id, "name": name}
    mark: str | None = await connection.scalar(FIND_MARK, asked)
    return mark


async def list_holding(
    connection: AsyncConnection, project_id: UUID, subject: Subject, name: str
) -> Sequence[Row[Any]]:
    """For which subjects the condition holds: rows of subject_id, since, facts."""
    return (await connection.execute(LIST_HOLDING, {"project_id": project_id, "subject": subject, "name": name})).all()


async def forget(connection: AsyncConnection, project_id: UUID, start: str, kept: Collection[str]) -> None:
    """Forget the conditions whose names start so, but for some, without telling their end."""
    await connection.execute(FORGET_CONDITIONS, {"project_id": project_id, "start": start, "kept": list(kept)})


def end_facts(row: Any, name: str) -> dict[str, Any]:
    """What is said of an end: what it was, and since when it had held."""
    return {**row.facts, "of": name.partition(" ")[0], "since": row.since.isoformat()}
