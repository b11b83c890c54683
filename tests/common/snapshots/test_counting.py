"""Counts of a window: each error in one place of each sum, and patterns in the order that was asked for."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.snapshots.counting import Counted, Order, Tally, Wanted, count_window, follow_move, tally
from common.tables import Severity
from tests.conftest import Service

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROWS = st.builds(
    SimpleNamespace,
    pattern_id=st.sampled_from([UUID(int=number) for number in range(3)]),
    service=st.sampled_from(["shop", "till"]),
    severity=st.sampled_from(Severity),
    environment=st.sampled_from(["", "live"]),
    errors=st.integers(1, 1_000),
    start=st.just(NOW),
)


@given(st.lists(ROWS, max_size=20))
def test_every_sum_of_a_window_is_its_total(rows: list[Any]) -> None:
    tallies, hours = tally([*rows, SimpleNamespace(pattern_id=None, start=NOW, errors=7)])
    assert hours == {NOW: 7}
    whole = Tally()
    for one in tallies.values():
        assert {one.total} == {sum(kept.values()) for kept in (one.by_severity, one.by_service, one.by_environment)}
        whole.merge(one)
    assert whole.total == sum(row.errors for row in rows)
    assert whole.by_service == sum((Counter(one.by_service) for one in tallies.values()), Counter())


@pytest.mark.parametrize(
    ("by", "order"),
    [("count", [2, 1, 3, 4]), ("trend", [3, 1, 2, 4]), ("new", [4, 2, 1, 3])],
)
def test_patterns_come_in_the_order_that_was_asked_for_and_then_by_errors(by: Order, order: list[int]) -> None:
    facts = {1: ("new", 2, 5), 2: ("steady", 2, 9), 3: ("spiking", 3, 5), 4: ("of a later release", 1, 1)}
    described = {
        UUID(int=number): SimpleNamespace(trend=trend, first_seen=NOW - timedelta(days=age))
        for number, (trend, age, _) in facts.items()
    }
    tallies = {UUID(int=number): Tally(total) for number, (_, _, total) in facts.items()}
    tallies[UUID(int=1)].total = 5
    counted = Counted(NOW, NOW, 0.0, tallies, described, {})
    assert [pattern.int for pattern in counted.order(by)] == order


def test_patterns_are_shown_by_state_and_trend_and_errors_are_asked_for_by_number() -> None:
    wanted = Wanted(severity="error", state="new", trend="spiking")
    said = {name: value for name, value in wanted.parameters().items() if value is not None}
    assert said == {"severity": 3}
    assert Wanted(not_severity="error").parameters()["not_severity"] == 3
    for state, trend, is_shown in (("new", "spiking", True), ("new", "steady", False), ("resolved", "spiking", False)):
        assert wanted.shows(SimpleNamespace(state=state, trend=trend, title="t", template="t")) is is_shown


async def test_a_pattern_that_is_not_there_leads_where_it_went_and_one_that_is_to_itself(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    gone, there = uuid4(), uuid4()
    await service.execute(
        "INSERT INTO pattern_moves (project_id, pattern_id, moved_to, moved_at) VALUES (:project, :gone, :there, now())",
        project=project.id, gone=gone, there=there,
    )  # fmt: skip
    async with service.tools.engine.connect() as connection:
        assert await follow_move(connection, project.id, gone) == there
        assert await follow_move(connection, project.id, there) == there
        assert await follow_move(connection, other.id, gone) == gone


async def test_what_is_not_shown_is_in_no_sum(service: Service) -> None:
    project = await service.project()
    await project.send(
        *[{"service": "shop", "severity": "error", "message": "disk full"}] * 2,
        {"service": "till", "severity": "warning", "message": "no space left on device", "error_type": "OSError"},
    )
    await service.run_worker()
    [pattern] = [
        one for one in (await project.get("/api/errors/patterns"))["patterns"] if one["error_type"] == "OSError"
    ]
    await service.execute("UPDATE patterns SET trend = 'spiking' WHERE pattern_id = :id", id=UUID(pattern["id"]))
    async with service.tools.engine.connect() as connection:
        found = await count_window(connection, project.id, 24, Wanted(trend="spiking"))
    assert list(found.tallies) == list(found.described) == [UUID(pattern["id"])]
    assert sum(found.hours.values()) == 1
