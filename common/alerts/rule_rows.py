"""Rules as they are stored. The only writer of `alert_rules` and `alert_starts`; its callers are the API and the worker."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog
import uuid_utils.compat
from pydantic import ValidationError
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.alerts.rules import Rule, RuleTerms

log = structlog.get_logger()

RULES_MAX = 100  # of a project: each is asked about each change

# How many messages a rule made in seven days: those to several channels were made at one moment, and so were counted once.
FIRED = """
    (SELECT count(DISTINCT n.made_at) FROM notifications n WHERE n.project_id = r.project_id AND n.rule_id = r.rule_id
     AND n.made_at > now() - interval '7 days') AS fired_last_7_days
"""
LIST_ARMED = text("""
    SELECT rule_id, name, terms, channels FROM alert_rules WHERE project_id = :project_id AND is_armed ORDER BY rule_id
""")
# The projects that have rules which are armed.
PROJECTS_WITH_RULES = text("""
    SELECT project_id FROM projects p
    WHERE EXISTS (SELECT FROM alert_rules r WHERE r.project_id = p.project_id AND r.is_armed)
""")
# Makes a rule; none where the project has one of that name, or as many as it may.
ADD_RULE = text("""
    INSERT INTO alert_rules (project_id, rule_id, name, is_armed, terms, channels, created_at, changed_at)
    SELECT :project_id, :rule_id, :name, :is_armed, CAST(:terms AS jsonb), CAST(:channels AS uuid[]), now(), now()
    ON CONFLICT DO NOTHING RETURNING rule_id
""")
COUNT_RULES = text("SELECT count(*) FROM alert_rules WHERE project_id = :project_id")
CHANGE_RULE = text("""
    UPDATE alert_rules
    SET name = :name, is_armed = :is_armed, terms = CAST(:terms AS jsonb), channels = CAST(:channels AS uuid[]),
        changed_at = now()
    WHERE project_id = :project_id AND rule_id = :rule_id RETURNING rule_id
""")
REMOVE_RULE = text("DELETE FROM alert_rules WHERE project_id = :project_id AND rule_id = :rule_id RETURNING rule_id")
FIND_RULE = text(f"""
    SELECT rule_id, name, is_armed, terms, channels, created_at, changed_at, {FIRED} FROM alert_rules r
    WHERE project_id = :project_id AND rule_id = :rule_id
""")  # noqa: S608 - made of a constant
# The rules of a project after one of them, oldest first.
LIST_RULES = text(f"""
    SELECT rule_id, name, is_armed, terms, channels, created_at, changed_at, {FIRED} FROM alert_rules r
    WHERE project_id = :project_id AND (CAST(:after AS uuid) IS NULL OR rule_id > :after) ORDER BY rule_id LIMIT :limit
""")  # noqa: S608 - made of a constant
# Projects whose changes are not noted yet.
PROJECTS_TO_START = text("""
    SELECT project_id FROM projects p
    WHERE NOT EXISTS (SELECT FROM alert_starts s WHERE s.project_id = p.project_id)
""")
NOTE_START = text("""
    INSERT INTO alert_starts (project_id, started_at) VALUES (:project_id, now()) ON CONFLICT DO NOTHING
    RETURNING project_id
""")
FIND_START = text("SELECT started_at FROM alert_starts WHERE project_id = :project_id")


def write_terms(terms: RuleTerms) -> str:
    """As they are stored: JSON of what was said, defaults left out."""
    return terms.model_dump_json(include=set(RuleTerms.model_fields), by_alias=True, exclude_defaults=True)


async def list_armed(connection: AsyncConnection, project_id: UUID) -> list[Rule]:
    """The rules that the project goes by. One that this release cannot read is left out, and logged."""
    rules = []
    for row in await connection.execute(LIST_ARMED, {"project_id": project_id}):
        try:
            rules.append(read_rule(row))
        except ValidationError as error:
            log.warning(
                "rule_not_read", project_id=str(project_id), rule_id=str(row.rule_id), problems=error.error_count()
            )
    return rules


def read_rule(row: Row[Any]) -> Rule:
    """Raises pydantic's ValidationError."""
    return Rule.model_validate({**row.terms, "rule_id": row.rule_id, "name": row.name, "channels": tuple(row.channels)})


async def list_with_rules(connection: AsyncConnection) -> Sequence[UUID]:
    """The projects that have rules which are armed."""
    return (await connection.scalars(PROJECTS_WITH_RULES)).all()


async def add_rule(
    connection: AsyncConnection,
    project_id: UUID,
    name: str,
    terms: RuleTerms,
    *,
    channels: Sequence[UUID] = (),
    is_armed: bool = False,
    rule_id: UUID | None = None,
) -> UUID | None:
    """Store a rule; its id, None where the project has one of that name."""
    values = {
        "project_id": project_id,
        "rule_id": rule_id or uuid_utils.compat.uuid7(),
        "name": name,
        "is_armed": is_armed,
        "terms": write_terms(terms),
        "channels": list(channels),
    }
    added: UUID | None = await connection.scalar(ADD_RULE, values)
    return added


async def change_rule(
    connection: AsyncConnection,
    project_id: UUID,
    rule_id: UUID,
    *,
    name: str,
    terms: RuleTerms,
    channels: Sequence[UUID],
    is_armed: bool,
) -> bool:
    """Store the whole rule anew; False when the project has none of this id. Raises sqlalchemy's IntegrityError where the
    name is taken."""
    values = {"project_id": project_id, "rule_id": rule_id, "name": name, "is_armed": is_armed}
    changed = await connection.scalar(CHANGE_RULE, values | {"terms": write_terms(terms), "channels": list(channels)})
    return changed is not None


async def remove_rule(connection: AsyncConnection, project_id: UUID, rule_id: UUID) -> bool:
    """False when the project has none of this id."""
    return await connection.scalar(REMOVE_RULE, {"project_id": project_id, "rule_id": rule_id}) is not None


async def count_rules(connection: AsyncConnection, project_id: UUID) -> int:
    return int((await connection.execute(COUNT_RULES, {"project_id": project_id})).scalar_one())


async def find_rule(connection: AsyncConnection, project_id: UUID, rule_id: UUID) -> Row[Any] | None:
    return (await connection.execute(FIND_RULE, {"project_id": project_id, "rule_id": rule_id})).first()


async def list_rules(
    connection: AsyncConnection, project_id: UUID, *, limit: int, after: UUID | None
) -> Sequence[Row[Any]]:
    asked = {"project_id": project_id, "limit": limit, "after": after}
    return (await connection.execute(LIST_RULES, asked)).all()


async def list_to_start(connection: AsyncConnection) -> Sequence[UUID]:
    """The projects that have no default rules yet."""
    return (await connection.scalars(PROJECTS_TO_START)).all()


async def note_start(connection: AsyncConnection, project_id: UUID) -> bool:
    """Note that changes of the project are noted from now on; False where that was so before."""
    return await connection.scalar(NOTE_START, {"project_id": project_id}) is not None


async def find_start(connection: AsyncConnection, project_id: UUID) -> datetime | None:
    """Since when changes of the project are noted."""
    started: datetime | None = await connection.scalar(FIND_START, {"project_id": project_id})
    return started


def default_rule_id(project_id: UUID, name: str) -> UUID:
    return uuid5(project_id, f"rule {name}")
