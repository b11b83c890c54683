"""An error that is sent again with its id is stored once, whatever the clock says at each try."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import uuid_utils.compat

from api.ingest.rows import RequestContext, make_row
from api.ingest.schemas import ErrorIn
from api.ingest.times import Times
from api.storing.errors import store_errors
from api.storing.flusher import Outcome
from api.storing.other_days import LIST_EARLY_DAYS
from api.storing.rows import ErrorRow
from api.storing.scheduler import Scheduler
from common.database.clock import CLOCK
from common.settings import Settings
from tests.conftest import Project, Service

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NEVER = datetime(2099, 1, 1, tzinfo=UTC)

# What is sent at each of two tries (None: no time), and when.
Case = tuple[datetime | None, datetime, datetime | None, datetime]
SAME: dict[str, tuple[datetime | None, datetime, datetime]] = {
    "a time that becomes too old": (MIDNIGHT - 29 * DAY, MIDNIGHT + DAY - SECOND, MIDNIGHT + DAY + 2 * SECOND),
    "a time that became too old at noon": (MIDNIGHT - 30 * DAY + 12 * HOUR, MIDNIGHT + 12 * HOUR, MIDNIGHT + 13 * HOUR),
    "a time that is too old, days later": (MIDNIGHT - 90 * DAY, MIDNIGHT - 5 * DAY, MIDNIGHT + HOUR),
    "a time ahead, on both sides of midnight": (MIDNIGHT + 20 * MINUTE, MIDNIGHT - MINUTE, MIDNIGHT + MINUTE),
    "a time ahead that has come nearer by midnight": (MIDNIGHT + 11 * MINUTE, MIDNIGHT - MINUTE, MIDNIGHT + 2 * MINUTE),
    "a time that is just no more too far ahead": (MIDNIGHT + 5 * MINUTE, MIDNIGHT - 6 * MINUTE, MIDNIGHT - 4 * MINUTE),
    "a time ahead that is past": (MIDNIGHT + 20 * MINUTE, MIDNIGHT - MINUTE, MIDNIGHT + 12 * HOUR),
    "a time days ahead that is past": (MIDNIGHT + 3 * DAY + 9 * HOUR, MIDNIGHT - HOUR, MIDNIGHT + 3 * DAY + 10 * HOUR),
    "a time years ahead, days later": (NEVER, MIDNIGHT - 5 * DAY, MIDNIGHT + HOUR),
    "no time, before and after midnight": (None, MIDNIGHT - SECOND, MIDNIGHT + SECOND),
    "no time, by a clock that is over midnight first": (None, MIDNIGHT + SECOND, MIDNIGHT - SECOND),
    "no time, days later": (None, MIDNIGHT - 20 * DAY, MIDNIGHT + HOUR),
}
CASES: dict[str, Case] = {name: (sent, first, sent, second) for name, (sent, first, second) in SAME.items()} | {
    "a time taken anew at the try after midnight": (
        MIDNIGHT - 5 * SECOND, MIDNIGHT + MINUTE, MIDNIGHT + 5 * SECOND, MIDNIGHT + HOUR),
    "a time taken anew, the later one first": (
        MIDNIGHT + 5 * SECOND, MIDNIGHT + MINUTE, MIDNIGHT - 5 * SECOND, MIDNIGHT + HOUR),
    "a time, then none days later": (MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY, None, MIDNIGHT + HOUR),
}  # fmt: skip


def make_error(event_id: UUID, at: datetime | None) -> dict[str, Any]:
    error = {"service": "shop", "severity": "error", "message": "card declined", "event_id": str(event_id)}
    return error if at is None else error | {"timestamp": at.isoformat()}


async def count_stored(service: Service, event_id: UUID) -> tuple[int, int]:
    """Rows with the id, and errors that were counted in all."""
    [(rows,)] = await service.execute("SELECT count(*) FROM errors WHERE event_id = :id", id=event_id)
    [(counted,)] = await service.execute("SELECT coalesce(sum(count), 0) FROM deltas")
    return rows, counted


async def send_at(service: Service, monkeypatch: pytest.MonkeyPatch, now: datetime, path: str, sent: Any) -> Any:
    """The answer to what is sent at a moment, the early days having been looked at."""
    await service.state["pipeline"].early_days.read(service.tools.engine)
    project = await service.project()
    with monkeypatch.context() as patch:
        patch.setattr(CLOCK, "now", lambda: now)
        answer = await project.ingest.post(path, json=sent)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("case", CASES)
async def test_a_single_error_tried_twice_is_stored_and_counted_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    sent, first, sent_again, second = CASES[case]
    event_id = uuid4()
    told = await send_at(service, monkeypatch, first, "/api/errors/log", make_error(event_id, sent))
    again = await send_at(service, monkeypatch, second, "/api/errors/log", make_error(event_id, sent_again))
    assert (told["outcome"], again["outcome"]) == ("stored", "duplicate")
    assert await count_stored(service, event_id) == (1, 1)


@pytest.mark.parametrize("size", [3, 150])
@pytest.mark.parametrize("case", CASES)
async def test_a_batch_tried_twice_among_new_errors_is_stored_and_counted_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, case: str, size: int
) -> None:
    sent, first, sent_again, second = CASES[case]
    ids = [uuid4() for _ in range(size)]
    for at, time, news in ((first, sent, 0), (second, sent_again, 2)):
        batch = [make_error(event_id, time) for event_id in ids] + [make_error(uuid4(), at) for _ in range(news)]
        answer = await send_at(service, monkeypatch, at, "/api/errors/batch", {"errors": batch})
        assert (answer["count"], answer["duplicates"]) == ((size, 0) if not news else (news, size))
    assert await count_stored(service, ids[0]) == (1, size + 2)


async def test_one_id_twice_in_one_batch_on_two_days_is_stored_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = uuid4()
    batch = [make_error(event_id, MIDNIGHT - SECOND), make_error(event_id, None), make_error(event_id, NEVER)]
    answer = await send_at(service, monkeypatch, MIDNIGHT + HOUR, "/api/errors/batch", {"errors": batch})
    assert (answer["count"], answer["duplicates"]) == (1, 2)
    assert await count_stored(service, event_id) == (1, 1)


async def test_the_id_of_another_project_hinders_nobody(service: Service) -> None:
    event_id = uuid4()
    for name in ("one", "two"):
        project = await service.project(name)
        answer = await project.ingest.post("/api/errors/log", json=make_error(event_id, None))
        assert answer.json()["outcome"] == "stored"


async def test_an_error_without_an_id_or_at_a_plain_time_is_looked_for_nowhere(service: Service) -> None:
    now = MIDNIGHT + 12 * HOUR
    frame = RequestContext(service_id(), now, Times.at(now, Settings()), Settings())
    plain = [
        make_error(uuid4(), now - SECOND), make_error(uuid4(), now + 5 * MINUTE), make_error(uuid4(), now - 9 * DAY),
        {"service": "s", "severity": "error", "message": "no id"},
        {"service": "s", "severity": "error", "message": "no id", "timestamp": NEVER.isoformat()},
    ]  # fmt: skip
    assert [make_row(ErrorIn.model_validate(error), frame).look_back for error in plain] == [None] * len(plain)


def service_id() -> UUID:
    return UUID(int=7)


async def test_when_early_days_are_not_known_every_error_is_looked_for(service: Service) -> None:
    """A process that could not read them for a while must not take a time for plain that was ahead before."""
    pipeline = service.state["pipeline"]
    pipeline.early_days.read_at = -1e9
    assert pipeline.early_days.of(service_id()) is None
    now = MIDNIGHT + 12 * HOUR
    frame = RequestContext(service_id(), now, Times.at(now, Settings(), None), Settings())
    assert make_row(ErrorIn.model_validate(make_error(uuid4(), now)), frame).look_back is not None


async def test_days_ahead_are_noted_once_and_forgotten_with_their_errors(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first in (MIDNIGHT - 60 * DAY, MIDNIGHT - 60 * DAY + HOUR, MIDNIGHT + HOUR):
        batch = {"errors": [make_error(uuid4(), first + 2 * DAY), make_error(uuid4(), NEVER)]}
        await send_at(service, monkeypatch, first, "/api/errors/batch", batch)
    async with service.tools.engine.connect() as connection:
        days = [row.day for row in await connection.execute(LIST_EARLY_DAYS)]
    assert days == [(MIDNIGHT + 2 * DAY).date()]


@pytest.fixture
async def pair(service: Service) -> AsyncIterator[list[Any]]:
    """Two connections of writers of their own."""
    connections = [await asyncpg.connect(service.settings.database_url) for _ in range(2)]
    yield connections
    for connection in connections:
        await connection.close()


async def store_both(pair: Sequence[Any], batches: Sequence[Sequence[ErrorRow]]) -> list[list[Outcome]]:
    turns = Scheduler()
    return list(await asyncio.gather(*(
        store_errors(turns, connection, rows) for connection, rows in zip(pair, batches, strict=True)
    )))  # fmt: skip


RACES = [case for case in CASES if "past" not in case and "days later" not in case]


@pytest.mark.parametrize("size", [1, 4, 120])
@pytest.mark.parametrize("case", RACES)
async def test_two_processes_that_store_an_id_at_once_on_two_days_store_it_once(
    service: Service, pair: list[Any], case: str, size: int
) -> None:
    project: Project = await service.project()
    settings = Settings()
    sent, first, sent_again, second = CASES[case]
    frames = [RequestContext(project.id, now, Times.at(now, settings), settings) for now in (first, second)]
    rounds = 40 if size < 100 else 8
    for number in range(rounds):
        ids = [uuid_utils.compat.uuid4() for _ in range(size)]
        batches = [
            [make_row(ErrorIn.model_validate(make_error(event_id, at)), frame) for event_id in ids]
            for frame, at in zip(frames, (sent, sent_again), strict=True)
        ]
        if number % 2:
            batches.reverse()
        told = await store_both(pair, batches)
        assert [sorted(both) for both in zip(*told, strict=True)] == [[Outcome.duplicate, Outcome.stored]] * size
    [(rows,)] = await service.execute("SELECT count(*) FROM errors")
    [(counted,)] = await service.execute("SELECT sum(count) FROM deltas")
    assert rows == counted == rounds * size
