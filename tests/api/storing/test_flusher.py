"""A flush is tried again where that may help, a row that cannot be held stands alone, and each row's end is told."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from api.storing import flusher as flushing
from api.storing.flusher import ATTEMPTS, Flusher, Outcome, StoreFailed, match_stored
from common.database import make_engine
from common.settings import Settings
from tests.api.storing.sent import error, stored
from tests.conftest import Service


class Row(NamedTuple):
    """The writer's view of a row, which is its number."""

    name: str
    project_id: UUID = UUID(int=7)
    size_bytes: int = 1


class Store:
    """Fails as it is told, by the first of its failures, or by one of a row."""

    def __init__(self, *failures: Exception, bad: str = "") -> None:
        self.failures = list(failures)
        self.bad = bad
        self.connections: list[Any] = []
        self.sizes: list[int] = []

    async def __call__(self, connection: Any, rows: Sequence[Row]) -> list[Outcome]:
        self.connections.append(connection)
        self.sizes.append(len(rows))
        if self.failures:
            raise self.failures.pop(0)
        if self.bad in [row.name for row in rows]:
            raise asyncpg.DataError("not text")
        return [Outcome.stored] * len(rows)


@pytest.fixture
async def engine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncEngine]:
    monkeypatch.setattr(flushing, "LAST_ATTEMPT_AFTER_SECONDS", 0)
    made = make_engine(settings, "test")
    yield made
    await made.dispose()


ROWS = [Row(str(number)) for number in range(9)]


async def flush(engine: AsyncEngine, settings: Settings, store: Store, rows: Sequence[Row] = ROWS) -> list[Outcome]:
    async with Flusher(engine, settings, store) as flusher:
        return await flusher.store(rows)


@pytest.mark.parametrize("bad", range(9))
async def test_whichever_row_is_bad_is_rejected_alone(engine: AsyncEngine, settings: Settings, bad: int) -> None:
    outcomes = await flush(engine, settings, Store(bad=str(bad)))
    assert outcomes == [Outcome.rejected if number == bad else Outcome.stored for number in range(9)]


@pytest.mark.parametrize("failure", [asyncpg.DeadlockDetectedError("a"), asyncpg.SerializationError("b")])
async def test_what_passes_is_tried_again_on_the_same_connection(
    engine: AsyncEngine, settings: Settings, failure: Exception
) -> None:
    store = Store(failure)
    assert await flush(engine, settings, store) == [Outcome.stored] * 9
    assert store.connections[0] is store.connections[1]


@pytest.mark.parametrize(
    "failure", [OSError("cut"), asyncpg.AdminShutdownError("bye"), asyncpg.InterfaceError("closed")]
)
async def test_what_broke_the_connection_is_tried_again_on_a_new_one(
    engine: AsyncEngine, settings: Settings, failure: Exception
) -> None:
    store = Store(failure)
    assert await flush(engine, settings, store) == [Outcome.stored] * 9
    assert store.connections[0] is not store.connections[1]


@pytest.mark.parametrize(
    ("failure", "attempts"), [(OSError("cut"), ATTEMPTS), (asyncpg.UndefinedTableError("no table"), 1)]
)
async def test_it_fails_with_the_reason_after_as_many_attempts_as_may_help(
    engine: AsyncEngine, settings: Settings, failure: Exception, attempts: int
) -> None:
    store = Store(*[failure] * 10)
    with pytest.raises(StoreFailed, match=f"{type(failure).__name__}: {failure}"):
        await flush(engine, settings, store)
    assert len(store.sizes) == attempts


async def test_a_flusher_that_ends_gives_its_connection_back(engine: AsyncEngine, settings: Settings) -> None:
    await flush(engine, settings, Store())
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with pytest.raises(StoreFailed):
        await flush(engine, settings, Store(asyncpg.UndefinedTableError("no table")))
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


@given(st.lists(st.integers(0, 4)), st.sets(st.integers(0, 6)))
@examples(max_examples=60)
def test_of_keys_that_are_alike_the_first_was_stored(sent: list[int], kept: set[int]) -> None:
    outcomes = match_stored([(key,) for key in sent], [[key] for key in kept])
    for place, key in enumerate(sent):
        is_first = key in kept and key not in sent[:place]
        assert outcomes[place] is (Outcome.stored if is_first else Outcome.duplicate)


async def test_a_connection_that_is_cut_is_replaced_and_nothing_is_stored_twice(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await service.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'mayday-writer_errors/%' AND datname = current_database()"
    )
    assert (await project.send(error(1)))["count"] == 1
    assert await stored(service) == 2


async def test_a_row_that_postgres_cannot_hold_is_rejected_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.execute("ALTER TABLE errors ADD CONSTRAINT odd CHECK (message <> 'odd')")
    monkeypatch.setattr(flushing, "DATA_FAILURES", (*flushing.DATA_FAILURES, asyncpg.CheckViolationError))
    project = await service.project()
    batch = [error(n) for n in range(9)] + [error(message="odd")] + [error(n) for n in range(9)]
    answer = await project.ingest.post("/api/errors/batch", json={"errors": batch})
    assert answer.status_code == 207
    assert answer.json()["count"] == 18
    assert [item["index"] for item in answer.json()["rejected"]] == [9]
    assert await stored(service) == 18
