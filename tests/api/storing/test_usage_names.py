"""So many names of a project are summed up apart; what is beyond goes under one name, and the record keeps its own."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import capture_logs

from api.storing.rows import UsageRow
from api.storing.usage_names import name_sums, names_of, sum_beyond, tell_overflow
from common.tables.columns import OVERFLOW_NAME
from common.telemetry import metrics

NAMELESS: dict[str, Any] = dict.fromkeys(UsageRow._fields)
NAMES = st.sampled_from(["a", "b", "c"])
KINDS = ("team", "agent", "model")


def row(team: str = "a", agent: str = "", model: str = "m", project: int = 1) -> UsageRow:
    named = {"project_id": UUID(int=project), "team": team, "agent": agent, "model": model, "sums_as": model}
    return UsageRow(**NAMELESS | named)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    made = await asyncpg.connect(database_url)
    for project in (1, 2):
        await made.execute("INSERT INTO projects VALUES ($1, $2, now())", UUID(int=project), str(project))
    yield made
    await made.close()


def summed_as(row: UsageRow) -> tuple[str, str, str]:
    """Under which team, agent and model, as the statement of the sums takes them."""
    return (row.sums_team or row.team, row.sums_agent or row.agent, row.sums_as)


def test_a_row_has_the_names_that_it_says() -> None:
    project = UUID(int=1)
    assert names_of(row("t")) == [(project, "team", "t"), (project, "model", "m")]
    assert names_of(row("t", "x")) == [(project, "team", "t"), (project, "agent", "x"), (project, "model", "m")]


@given(NAMES, NAMES | st.just(""), NAMES, st.sets(st.tuples(st.sampled_from(KINDS), NAMES)))
@examples(max_examples=80)
def test_each_name_that_is_beyond_is_the_overflow_and_the_record_keeps_its_own(
    team: str, agent: str, model: str, beyond: set[tuple[str, str]]
) -> None:
    sent = row(team, agent, model)
    summed = sum_beyond(sent, {(UUID(int=1), kind, name) for kind, name in beyond})
    assert (summed.team, summed.agent, summed.model) == (team, agent, model)
    named = zip(KINDS, (team, agent, model), strict=True)
    assert summed_as(summed) == tuple(OVERFLOW_NAME if (kind, name) in beyond else name for kind, name in named)
    assert sum_beyond(sent, {(UUID(int=2), kind, name) for kind, name in beyond}) == sent


def test_records_beyond_are_counted_by_kind_and_told_by_project() -> None:
    counted = metrics.OVERFLOW_USAGE.of("team")._value
    before = counted.get()
    with capture_logs() as lines:
        tell_overflow([row("x"), row("x"), row("y"), row("x", project=2)], {(UUID(int=1), "team", "x")})
    assert counted.get() == before + 2
    assert [(line["event"], line["project_id"], line["kind"], line["records"]) for line in lines] == [
        ("usage_overflow", str(UUID(int=1)), "team", 2)
    ]


async def test_names_are_noted_until_there_is_no_room_and_stay_apart(connection: Any) -> None:
    first = await name_sums(connection, [row(f"t{number}") for number in range(4)], 3)
    assert [summed_as(each)[0] for each in first] == ["t0", "t1", "t2", OVERFLOW_NAME]
    again = [row("t3"), row("t0"), row("t0", project=2)]
    assert [summed_as(each)[0] for each in await name_sums(connection, again, 3)] == [OVERFLOW_NAME, "t0", "t0"]
    noted = await connection.fetch("SELECT name FROM usage_names WHERE kind = 'team' AND project_id = $1", UUID(int=1))
    assert sorted(name for (name,) in noted) == ["t0", "t1", "t2"]


async def test_where_all_have_room_the_rows_are_given_back_as_they_are(connection: Any) -> None:
    rows = [row("a", "x"), row("b", "y")]
    assert await name_sums(connection, rows, 3) is rows
