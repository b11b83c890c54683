"""Rates of armed rules: over them is told once, under them again once, and a rule that goes is forgotten."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.alerts.rule_rows import add_rule
from common.alerts.rules import RuleTerms
from tests.worker.running import fold_deltas
from tests.worker.stored import PROJECT, ago, now_errors, rows, store
from worker.alerts.rates import judge_rates, list_with_rates


async def arm(engine: AsyncEngine, **rate: Any) -> None:
    terms = RuleTerms.model_validate({"when": [{"more_than": {"errors": 3, "minutes": 10, **rate}}]})
    async with engine.begin() as connection:
        await add_rule(connection, PROJECT, "rate", terms, channels=[PROJECT], is_armed=True)


async def told(engine: AsyncEngine) -> list[tuple[object, ...]]:
    return await rows(engine, "SELECT name, facts ->> 'observed' FROM transitions ORDER BY transition_id")


async def test_over_and_under_are_each_told_once(engine: AsyncEngine) -> None:
    await arm(engine)
    assert await list_with_rates(engine) == [PROJECT]
    await store(engine, now_errors("boom", "boom", "boom"))
    await fold_deltas(engine, 48)
    await judge_rates(engine, PROJECT)
    assert await told(engine) == []
    await store(engine, now_errors("boom", "boom"))
    await fold_deltas(engine, 48)
    for _ in range(2):
        await judge_rates(engine, PROJECT)
    assert await told(engine) == [("many", "5")]
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rollups SET bucket = bucket - interval '1 hour'"))
    for _ in range(2):
        await judge_rates(engine, PROJECT)
    assert await told(engine) == [("many", "5"), ("over", "5")]


async def test_all_together_are_of_the_project(engine: AsyncEngine) -> None:
    await arm(engine, per="project")
    await store(engine, now_errors("one", "two", "three", "four", occurred_at=ago(seconds=1)))
    await fold_deltas(engine, 48)
    await judge_rates(engine, PROJECT)
    assert await rows(engine, "SELECT subject, name FROM transitions") == [("project", "many")]


async def test_a_rule_that_goes_is_forgotten_without_a_word(engine: AsyncEngine) -> None:
    await arm(engine)
    await store(engine, now_errors(*["boom"] * 5))
    await fold_deltas(engine, 48)
    await judge_rates(engine, PROJECT)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM alert_rules"))
    assert await list_with_rates(engine) == [PROJECT]
    await judge_rates(engine, PROJECT)
    assert await told(engine) == [("many", "5")]
    assert await list_with_rates(engine) == []
