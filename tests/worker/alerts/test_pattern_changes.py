"""What became of patterns and incidents is noted once, in bulk, by whichever run sees it."""

from dataclasses import replace
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from common.cache import Cache
from common.settings import Settings
from tests.worker.running import find_patterns, fold_deltas
from tests.worker.stored import PROJECT, Error, ago, now_errors, rows, store
from worker.alerts.conditions import Holding
from worker.alerts.pattern_changes import describe_incident, grown, note_trends
from worker.jobs import Tools
from worker.trends.incidents import Incident


async def run(tools: Tools) -> None:
    await fold_deltas(tools.engine, 48)
    await find_patterns(tools.engine, tools.cache, tools.settings, slow_seconds=0)


async def names(engine: AsyncEngine) -> list[object]:
    return [row[0] for row in await rows(engine, "SELECT name FROM transitions ORDER BY happened_at, transition_id")]


async def test_many_new_patterns_are_noted_in_one_transaction_and_once(tools: Tools) -> None:
    await store(tools.engine, now_errors("alpha is broken", "beta is odd", "gamma refuses"))
    for _ in range(2):
        await run(tools)
    told = await rows(tools.engine, "SELECT name, happened_at, facts ->> 'title' FROM transitions")
    assert [name for name, _, _ in told] == ["new"] * 3
    assert len({at for _, at, _ in told}) == 1
    assert {title for _, _, title in told} == {"alpha is broken", "beta is odd", "gamma refuses"}


async def test_errors_that_were_sent_late_make_no_new_failure(tools: Tools) -> None:
    await store(tools.engine, [Error("boom", occurred_at=ago(days=3))])
    await run(tools)
    assert await names(tools.engine) == []


async def test_a_pattern_regresses_once_after_each_time_that_it_was_resolved(tools: Tools) -> None:
    engine = tools.engine
    await store(engine, now_errors("boom"))
    await run(tools)
    for _ in range(2):
        async with engine.begin() as connection:
            await connection.execute(
                text("""
                    INSERT INTO decisions (project_id, pattern_id, decision, decided_at, decided_by)
                    SELECT project_id, pattern_id, 'resolved', now(), 'key' FROM patterns
                    ON CONFLICT (project_id, pattern_id) DO UPDATE SET decided_at = now()
                """)
            )
        await run(tools)
        await store(engine, [replace(one, occurred_at=ago(seconds=1)) for one in now_errors("boom", "boom")])
        for _ in range(2):
            await run(tools)
    assert await names(engine) == ["new", "regressed", "regressed"]


async def test_a_spike_and_its_end_are_noted_with_the_figures(tools: Tools) -> None:
    engine, pattern = tools.engine, uuid4()
    figures = '{"window": "1h", "count": 75, "expected": 10.0, "ratio": 7.5, "p_value": 0.001}'
    for trends in ({pattern: ("spiking", figures)}, {pattern: ("spiking", figures)}, {pattern: ("steady", None)}):
        async with engine.begin() as connection:
            await note_trends(connection, PROJECT, trends, {})
    told = await rows(engine, "SELECT name, facts ->> 'factor' FROM transitions ORDER BY happened_at, transition_id")
    assert told == [("spiking", "7.5"), ("over", "7.5")]


async def test_an_incident_is_noted_when_it_begins_and_when_it_reaches_more_services(tools: Tools) -> None:
    incident_id, engine = uuid4(), tools.engine
    for services in (("a", "b"), ("a", "b"), ("a", "b", "c"), ("a", "c"), None):
        found = {} if services is None else {incident_id: incident_of(*services)}
        async with engine.begin() as connection:
            await note_trends(connection, PROJECT, {}, found)
    assert await names(engine) == ["incident", "worse", "over"]


def incident_of(*services: str) -> Incident:
    return Incident((str(uuid4()),), services, ago(minutes=5), ("orders-db",))


def test_an_incident_is_told_by_its_patterns() -> None:
    one, two = UUID(int=1), UUID(int=2)
    incident = Incident((str(one), str(two)), ("a", "b"), ago(minutes=5), ("orders-db",))
    facts = {
        one: {"title": "first", "services": ["a"], "environments": ["production"], "severity": "error", "count": 3},
        two: {"title": "second", "services": ["c"], "environments": [""], "severity": "critical", "count": 4},
    }
    told = describe_incident(incident, facts)
    assert told.mark == "3"
    assert (told.facts["titles"], told.facts["severity"], told.facts["count"]) == (["first", "second"], "critical", 7)
    assert grown("2", told) == "worse"
    assert grown("3", told) is None
    assert grown("4", Holding("incident", "3")) is None


async def test_two_workers_note_a_change_once(tools: Tools, settings: Settings) -> None:
    other = Cache.connect(settings)
    await store(tools.engine, now_errors("boom"))
    await fold_deltas(tools.engine, 48)
    for cache in (tools.cache, other):
        await find_patterns(tools.engine, cache, settings)
    await other.close()
    assert await names(tools.engine) == ["new"]
