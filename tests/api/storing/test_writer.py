"""The writer: acknowledged after the commit, bounded, and alive after what goes wrong."""

import asyncio
from typing import Any

import pytest

from api.storing import flusher as flushing
from api.storing import writer
from api.storing.admission import Load
from api.storing.writer import FLUSH_BESIDE_REQUESTS, FLUSH_BESIDE_ROWS
from common.settings import Settings
from tests.api.storing.sent import error, stored
from tests.conftest import Service, run_service


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


async def test_what_came_while_a_flush_was_under_way_is_written_after_it(service: Service) -> None:
    """Also when it is too little for a flush beside it, and when several flushers rest."""
    project = await service.project()
    answers = await asyncio.gather(*[project.ingest.post("/api/errors/log", json=error(n)) for n in range(50)])
    assert {answer.status_code for answer in answers} == {201}
    assert await stored(service) == 50
