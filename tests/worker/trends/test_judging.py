"""What is noted of a score and of an incident, and when trends are looked at again."""

import json
from datetime import UTC, datetime
from uuid import UUID

from tests.worker.running import find_patterns
from tests.worker.stored import PROJECT, now_errors, store
from worker.jobs import Tools
from worker.trends.incidents import Incident
from worker.trends.judging import are_trends_due, facts_of, name_incident
from worker.trends.scores import Score

INCIDENT = Incident(("a", "b", "c"), ("shop", "bank"), datetime(2026, 11, 24, tzinfo=UTC), ("trace",))
ONE, OTHER = UUID(int=1), UUID(int=2)


def test_an_incident_keeps_the_id_that_most_of_its_patterns_had() -> None:
    assert name_incident(INCIDENT, {"a": OTHER, "b": ONE, "c": ONE}, PROJECT) == ONE
    assert (
        name_incident(INCIDENT, {"a": OTHER, "b": ONE}, PROJECT) == ONE
    )  # the lower one, so that it is the same again


def test_a_new_incident_has_an_id_that_is_the_same_in_every_run() -> None:
    first = name_incident(INCIDENT, {}, PROJECT)
    assert first == name_incident(INCIDENT, {"z": ONE}, PROJECT)
    assert first != name_incident(INCIDENT, {}, ONE)


def test_the_facts_of_a_trend_are_rounded_and_there_are_none_where_nothing_was_tested() -> None:
    facts = json.loads(facts_of(Score("spiking", "1h", 40, 4.1234, 9.7011, 0.000012345, 0.01)) or "")
    assert facts == {"window": "1h", "count": 40, "expected": 4.12, "ratio": 9.7, "p_value": 1.23e-05}
    assert facts_of(Score("new")) is None


async def test_trends_are_due_until_a_longest_window_was_published_lately(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    assert await are_trends_due(tools.engine, PROJECT, 240)
    await find_patterns(tools.engine, tools.cache, tools.settings)
    assert not await are_trends_due(tools.engine, PROJECT, 240)
    assert await are_trends_due(tools.engine, PROJECT, 0)
