"""An error is looked for on other days than its own, by its project's ids alone, and days ahead are noted once."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from api.ingest.rows import RequestContext, make_row
from api.ingest.schemas import ErrorIn
from api.storing.errors import store_one
from api.storing.other_days import (
    STRIPES,
    TRUSTED_SECONDS,
    EarlyDays,
    find_known,
    find_repeats,
    name_lock,
    note_early_days,
)
from api.storing.rows import ErrorRow, LookBack
from common.database import make_engine
from common.settings import Settings

TODAY = datetime.now(UTC).date()
DAY = timedelta(days=1)
AROUND = LookBack(TODAY - 2 * DAY, TODAY + DAY)
ROW = make_row(ErrorIn(service="s", severity="error", message="m"), RequestContext.now(UUID(int=1), Settings()))


def row(event: int = 1, day: date = TODAY, look_back: LookBack | None = AROUND, project: int = 1) -> ErrorRow:
    return ROW._replace(project_id=UUID(int=project), event_id=UUID(int=event), day=day, look_back=look_back)


async def make_project(connection: Any, project: int) -> None:
    await connection.execute("INSERT INTO projects VALUES ($1, $2, now())", UUID(int=project), str(project))


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Any]:
    made = await asyncpg.connect(database_url)
    async with made.transaction():
        yield made
    await made.close()


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(0, 2)), max_size=10))
@examples(max_examples=80)
def test_of_an_id_the_day_that_comes_first_counts(sent: list[tuple[int, int, int]]) -> None:
    rows = [row(event, TODAY + day * DAY, project=project) for project, event, day in sent]
    first_days: dict[tuple[int, int], int] = {}
    for project, event, day in sent:
        first_days.setdefault((project, event), day)
    expected = {place for place, (project, event, day) in enumerate(sent) if first_days[project, event] != day}
    assert find_repeats(rows) == expected


def test_the_lock_of_each_part_of_a_projects_ids_is_its_own_and_always_the_same() -> None:
    locks = {name_lock(UUID(int=project), stripe) for project in range(20) for stripe in range(STRIPES)}
    assert len(locks) == 20 * STRIPES
    assert all(-(2**63) <= lock < 2**63 for lock in locks)
    assert name_lock(UUID(int=7), 3) == 691_014_700_135_964_226  # processes of two releases wait for each other


@pytest.mark.parametrize(
    ("asked", "is_known"),
    [
        (row(day=TODAY), True),
        (row(day=TODAY - 2 * DAY), True),
        (row(day=TODAY, look_back=None), False),
        (row(day=TODAY, look_back=LookBack(TODAY, TODAY + DAY)), False),
        (row(day=TODAY, look_back=LookBack(TODAY - 3 * DAY, TODAY - 2 * DAY)), False),
        (row(2), False),
        (row(project=2), False),
    ],
)
async def test_a_row_is_known_that_its_project_has_on_one_of_the_days(
    connection: Any, asked: ErrorRow, is_known: bool
) -> None:
    await store_one(connection, row(day=TODAY - DAY, look_back=None))
    others = [row(5), row(6)]
    assert await find_known(connection, [*others, asked]) == ({2} if is_known else set())


async def test_what_a_row_before_it_has_on_another_day_is_known_too(connection: Any) -> None:
    rows = [row(), row(day=TODAY - DAY), row(2)]
    assert await find_known(connection, rows) == {1}


async def test_who_asks_for_the_same_ids_waits_until_the_first_has_ended(connection: Any, database_url: str) -> None:
    await find_known(connection, [row()])
    other = await asyncpg.connect(database_url, server_settings={"lock_timeout": "50"})
    with pytest.raises(asyncpg.LockNotAvailableError):
        await find_known(other, [row()])
    assert await find_known(other, [row(project=2)]) == set()
    await other.close()


async def test_days_ahead_are_noted_once_and_those_that_nobody_keeps_are_forgotten(connection: Any) -> None:
    async def days(project: int) -> list[date]:
        found = await connection.fetch(
            "SELECT day FROM early_days WHERE project_id = $1 ORDER BY day", UUID(int=project)
        )
        return [day for (day,) in found]

    for project in (1, 2):
        await make_project(connection, project)
        old = LookBack(TODAY - 90 * DAY, TODAY - 60 * DAY, TODAY - 60 * DAY)
        await note_early_days(connection, [row(project=project, look_back=old)])
    ahead = [row(event, look_back=AROUND._replace(ahead=TODAY + 3 * DAY)) for event in (1, 2)]
    for _ in range(2):
        await note_early_days(connection, [*ahead, row(3), row(4, look_back=None)])
    assert await days(1) == [TODAY + 3 * DAY]
    assert await days(2) == [TODAY - 60 * DAY]


async def test_early_days_are_those_that_were_read_last_and_unknown_when_that_is_too_long_ago(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, early = make_engine(settings, "test"), EarlyDays()
    assert early.of(UUID(int=1)) is None
    connection = await asyncpg.connect(settings.database_url)
    await make_project(connection, 1)
    await note_early_days(connection, [row(look_back=AROUND._replace(ahead=TODAY + 3 * DAY))])
    await connection.close()
    await early.read(engine)
    assert early.of(UUID(int=1)) == frozenset({TODAY + 3 * DAY})
    assert early.of(UUID(int=2)) == frozenset()
    later = time.monotonic() + TRUSTED_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert early.of(UUID(int=1)) is None
    await engine.dispose()
