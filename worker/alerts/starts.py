"""Begins to note what changes in a project: its default rules are made, unarmed, once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.defaults import DEFAULT_RULES
from common.alerts.rule_rows import add_rule, default_rule_id, list_to_start, note_start
from worker.rounds import Progress


async def list_unstarted(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects that have no default rules yet."""
    async with engine.connect() as connection:
        return await list_to_start(connection)


async def start(engine: AsyncEngine, project_id: UUID) -> Progress:
    """Make the project's default rules, unless that was done before: one that people deleted stays away."""
    async with engine.begin() as connection:
        is_new = await note_start(connection, project_id)
        if is_new:
            for name, terms in DEFAULT_RULES.items():
                await add_rule(connection, project_id, name, terms, rule_id=default_rule_id(project_id, name))
    return Progress({"started": int(is_new)})
