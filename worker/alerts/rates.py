"""Looks for what is over the rates of armed rules now: more than N errors in M minutes."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.alerts.changes import Subject
from common.alerts.rates import Count, count_buckets, find_exceeded, first_bucket, last_buckets, name_condition
from common.alerts.rule_rows import list_armed
from common.alerts.rules import Rate, Rule
from common.buckets import BUCKET
from common.database.clock import ask_time
from common.snapshots.counting import DESCRIBE_PATTERNS
from common.transitions import Noted, note_transitions
from worker.alerts.conditions import Holding, forget, turn
from worker.rounds import Progress

ALL_ERRORS = "all errors that the rule is about"

# The projects that have an armed rule with a rate, or had one.
PROJECTS_WITH_RATES = text("""
    SELECT project_id FROM projects p
    WHERE EXISTS (SELECT FROM alert_rules r WHERE r.project_id = p.project_id AND r.is_armed
                  AND jsonb_path_exists(r.terms, '$.when[*].more_than'))
       OR EXISTS (SELECT FROM conditions c WHERE c.project_id = p.project_id AND starts_with(c.name, 'many '))
""")


async def list_with_rates(engine: AsyncEngine) -> Sequence[UUID]:
    """The projects in which rates are to be judged."""
    async with engine.connect() as connection:
        return (await connection.scalars(PROJECTS_WITH_RATES)).all()


async def judge_rates(engine: AsyncEngine, project_id: UUID) -> Progress:
    """Note what went over the rates of the project's armed rules, and what is under them again; how many changes."""
    async with engine.begin() as connection:
        now = await ask_time(connection)
        rated = [(rule, rate) for rule in await list_armed(connection, project_id) for rate in rule.rates]
        await forget(connection, project_id, "many ", [name_condition(rule, rate) for rule, rate in rated])
        if not rated:
            return Progress({"rates": 0})
        this, whole = last_buckets(now)
        since = min(first_bucket(rate, whole) for _, rate in rated)
        rows = await count_buckets(connection, project_id, since, this + BUCKET)
        known = await describe(connection, project_id, {row.pattern_id for row in rows})
        noted: list[Noted] = []
        for rule, rate in rated:
            exceeded = {
                **find_exceeded(rows, rule, rate, whole, known, project_id),
                **find_exceeded(rows, rule, rate, this, known, project_id),
            }
            noted += await turn_rate(connection, project_id, rule, rate, exceeded, known)
        await note_transitions(connection, project_id, noted)
    return Progress({"rates": len(noted)})


async def turn_rate(
    connection: AsyncConnection,
    project_id: UUID,
    rule: Rule,
    rate: Rate,
    exceeded: Mapping[UUID, Count],
    known: Mapping[UUID, Any],
) -> list[Noted]:
    """The changes since the last time: over while the window that is not whole yet, or the whole one before it, is."""
    holding = {}
    for one, count in exceeded.items():
        pattern = known.get(one)
        title, state = (pattern.title, pattern.state) if pattern else (ALL_ERRORS, None)
        holding[one] = Holding("many", facts=count.facts(rule, rate, title, state))
    subject: Subject = "pattern" if rate.per == "pattern" else "project"
    return await turn(connection, project_id, subject, name_condition(rule, rate), holding)


async def describe(connection: AsyncConnection, project_id: UUID, pattern_ids: set[UUID]) -> dict[UUID, Any]:
    """Title and state of patterns."""
    if not pattern_ids:
        return {}
    asked = {"project_id": project_id, "pattern_ids": list(pattern_ids)}
    return {row.pattern_id: row for row in await connection.execute(DESCRIBE_PATTERNS, asked)}
