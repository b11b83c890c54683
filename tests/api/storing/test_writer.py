"""The writer: acknowledged after the commit, bounded, and alive after what goes wrong."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from api.storing import flusher as flushing
from api.storing import writer
from api.storing.admission import Load
from api.storing.errors import COPY_FROM_ROWS
from api.storing.writer import FLUSH_BESIDE_REQUESTS, FLUSH_BESIDE_ROWS
from common.settings import Settings
from tests.conftest import Service, run_service


def error(number: int = 0, **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": f"payment {number} failed", **others}


async def stored(service: Service) -> int:
    [[count]] = await service.execute("SELECT count(*) FROM errors")
    return int(count)


async def test_an_acknowledged_error_is_seen_by_another_connection_at_once(service: Service) -> None:
    project = await service.project()
    for number in range(1, 20):
        await project.send(error(number))
        assert await stored(service) == number


async def test_the_check_above_fails_when_the_answer_comes_before_the_commit(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same look, with the protection taken away."""

    async def acknowledge_first(_flusher: Any, rows: list[Any]) -> list[flushing.Outcome]:
        return [flushing.Outcome.stored] * len(rows)

    monkeypatch.setattr(flushing.Flusher, "store", acknowledge_first)
    project = await service.project()
    await project.send(error())
    assert await stored(service) == 0


async def test_one_flush_that_hangs_does_not_hold_up_the_next_error(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, hangs, release = flushing.Flusher.store, asyncio.Event(), asyncio.Event()

    async def hang_once(flusher: Any, rows: list[Any]) -> list[flushing.Outcome]:
        if not hangs.is_set():
            hangs.set()
            await release.wait()
        return await store(flusher, rows)

    monkeypatch.setattr(flushing.Flusher, "store", hang_once)
    project = await service.project()
    first = asyncio.create_task(project.send(error(1)))
    await hangs.wait()
    for number in (2, 3):
        async with asyncio.timeout(5):
            await project.send(error(number))
    assert not first.done()
    release.set()
    await first
    assert await stored(service) == 3


@pytest.mark.parametrize(
    ("requests", "size"), [(FLUSH_BESIDE_REQUESTS, 1), (2, FLUSH_BESIDE_ROWS // 2)], ids=["requests", "rows"]
)
async def test_many_that_wait_are_written_beside_a_flush_that_is_under_way(
    service: Service, monkeypatch: pytest.MonkeyPatch, requests: int, size: int
) -> None:
    store, hangs, release = flushing.Flusher.store, asyncio.Event(), asyncio.Event()
    flushes: list[int] = []

    async def hang_once(flusher: Any, rows: list[Any]) -> list[flushing.Outcome]:
        flushes.append(len(rows))
        if not hangs.is_set():
            hangs.set()
            await release.wait()
        return await store(flusher, rows)

    monkeypatch.setattr(flushing.Flusher, "store", hang_once)
    monkeypatch.setattr(writer, "FLUSH_BESIDE_SECONDS", 60)
    project = await service.project()
    first = asyncio.create_task(project.send(error()))
    await hangs.wait()
    async with asyncio.timeout(10):
        await asyncio.gather(*[project.send(*map(error, range(n * size, (n + 1) * size))) for n in range(requests)])
    assert flushes == [1, requests * size]
    assert not first.done()
    release.set()
    await first
    assert await stored(service) == 1 + requests * size


async def test_what_waits_is_shared_by_the_flushers(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    store, release = flushing.Flusher.store, asyncio.Event()
    flushes: list[int] = []

    async def hang_at_first(flusher: Any, rows: list[Any]) -> list[flushing.Outcome]:
        flushes.append(len(rows))
        await release.wait()
        return await store(flusher, rows)

    monkeypatch.setattr(flushing.Flusher, "store", hang_at_first)
    monkeypatch.setattr(writer, "FLUSH_BESIDE_SECONDS", 60)
    project = await service.project()
    held, sizes = service.state["writer"], [1, *[FLUSH_BESIDE_ROWS // 2] * 8]
    sending = []
    async with asyncio.timeout(20):
        for number, size in enumerate(sizes):
            batch = [error(1_000 * number + place) for place in range(size)]
            sending.append(asyncio.create_task(project.send(*batch)))
            while sum(flushes) + held.waiting_rows < sum(sizes[: number + 1]):
                await asyncio.sleep(0.01)
    release.set()
    await asyncio.gather(*sending)
    assert flushes[:3] == [1, FLUSH_BESIDE_ROWS, 3 * FLUSH_BESIDE_ROWS // 2]
    assert sum(flushes) == sum(sizes) == await stored(service)


async def test_more_than_the_buffer_holds_is_refused_with_a_time_to_come_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, reached, release = flushing.Flusher.store, asyncio.Event(), asyncio.Event()

    async def hang(flusher: Any, rows: list[Any]) -> list[flushing.Outcome]:
        reached.set()
        await release.wait()
        return await store(flusher, rows)

    monkeypatch.setattr(flushing.Flusher, "store", hang)
    small = settings.model_copy(update={"writer_buffer_max_errors": 100, "writer_flushers": 1})
    async with run_service(small) as service:
        project = await service.project()
        batch = {"errors": [error(n) for n in range(60)]}
        taken = asyncio.create_task(project.ingest.post("/api/errors/batch", json=batch))
        await reached.wait()
        refused = await asyncio.gather(*[project.ingest.post("/api/errors/batch", json=batch) for _ in range(7)])
        assert {(answer.status_code, answer.headers["Retry-After"]) for answer in refused} == {(503, "1")}
        release.set()
        assert (await taken).status_code == 201
        assert await stored(service) == 60
        writer = service.state["writer"]
        assert (writer.admission.held, writer.admission.by_project) == (Load(), {})


async def test_a_batch_larger_than_the_buffer_is_taken_when_nothing_waits(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"writer_buffer_max_errors": 10})) as service:
        project = await service.project()
        assert (await project.send(*[error(n) for n in range(20)]))["count"] == 20


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


async def test_what_waits_when_the_process_stops_is_written(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"writer_flushers": 1})) as service:
        project = await service.project()
        await project.send(error())
        batches = [asyncio.create_task(project.send(*[error(n) for n in range(50)])) for _ in range(10)]
        async with asyncio.timeout(10):
            while service.state["writer"].waiting_rows == 0:
                await asyncio.sleep(0)
        in_flight = service.state["writer"].waiting_rows
    answers = await asyncio.gather(*batches, return_exceptions=True)
    counted = sum(answer["count"] for answer in answers if isinstance(answer, dict))
    async with run_service(settings) as service:
        assert await stored(service) == 1 + counted
        assert counted >= in_flight > 0


async def test_counts_in_deltas_are_those_of_the_rows_that_were_stored(service: Service) -> None:
    project = await service.project()
    ids = [f"00000000-0000-4000-8000-{n:012d}" for n in range(30)]
    await project.send(*[error(n, event_id=ids[n]) for n in range(20)])
    await project.send(*[error(n, event_id=ids[n]) for n in range(10, 30)])
    [[counted]] = await service.execute("SELECT sum(count) FROM deltas")
    assert counted == await stored(service) == 30


DELTAS_OF_ROWS = """
SELECT date_bin('5 minutes', occurred_at, '2000-01-01Z'), fingerprint, service, severity, coalesce(environment, ''),
       count(*), min(occurred_at), max(occurred_at)
FROM errors GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
DELTAS = """
SELECT bucket, fingerprint, service, severity, environment, sum(count), min(first_seen), max(last_seen)
FROM deltas GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""


async def test_many_rows_are_copied_and_counted_as_few_are(service: Service) -> None:
    project = await service.project()
    now = datetime.now(UTC)
    errors = [
        error(n % 7, timestamp=(now - timedelta(seconds=3 * n)).isoformat(), environment=("a", "b", None)[n % 3])
        for n in range(3 * COPY_FROM_ROWS)
    ]
    assert (await project.send(*errors))["count"] == len(errors)
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)


@pytest.mark.parametrize("half", [10, COPY_FROM_ROWS])
async def test_a_batch_that_was_stored_in_part_is_stored_and_counted_once(service: Service, half: int) -> None:
    project = await service.project()
    ids = [f"00000000-0000-4000-8000-{n:012d}" for n in range(2 * half)]
    stamp = datetime.now(UTC).isoformat()
    errors = [error(event_id=event_id, timestamp=stamp) for event_id in ids]
    await project.send(*errors[:half])
    answer = await project.send(*errors, errors[0])
    assert (answer["count"], answer["duplicates"]) == (half, half + 1)
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)
    [[counted]] = await service.execute("SELECT sum(count) FROM deltas")
    assert counted == await stored(service) == 2 * half


async def test_errors_that_come_one_by_one_are_stored_and_counted_once(service: Service) -> None:
    project = await service.project()
    stamp = datetime.now(UTC).isoformat()
    alone = error(event_id="00000000-0000-4000-8000-000000000001", timestamp=stamp)
    sent = [alone, alone, error(environment="a", context={"a": [1]}), error(stack_trace="x", tags={"b": "c"}), error()]
    answers = [await project.ingest.post("/api/errors/log", json=one) for one in sent]
    assert [answer.json()["outcome"] for answer in answers] == ["stored", "duplicate", "stored", "stored", "stored"]
    assert await service.execute(DELTAS) == await service.execute(DELTAS_OF_ROWS)
    assert await stored(service) == 4


async def test_what_came_while_a_flush_was_under_way_is_written_after_it(service: Service) -> None:
    """Also when it is too little for a flush beside it, and when several flushers rest."""
    project = await service.project()
    answers = await asyncio.gather(*[project.ingest.post("/api/errors/log", json=error(n)) for n in range(50)])
    assert {answer.status_code for answer in answers} == {201}
    assert await stored(service) == 50
