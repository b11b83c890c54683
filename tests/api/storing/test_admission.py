"""The room for what waits: bounded, and no project can take it from the others."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from api.http.problems import Overloaded
from api.ingest.scheduler import BodyScheduler
from api.storing.admission import Admission, Load
from common.settings import Settings
from tests.conftest import Project, run_service

NOISY, CALM = uuid4(), uuid4()
CALM_REQUESTS = 40
ERROR = {"service": "shop", "severity": "error", "message": "card declined"}


def fill(admission: Admission, load: Load) -> int:
    """Rows that one project gets to hold when it asks until it is refused."""
    before = admission.held.rows
    with pytest.raises(Overloaded):
        ask_without_end(admission, load)
    return admission.held.rows - before


def ask_without_end(admission: Admission, load: Load) -> None:
    while True:
        admission.take(NOISY, load)


@pytest.mark.parametrize("load", [Load(10, 1), Load(1, 100)])
def test_a_project_alone_gets_half_by_rows_or_by_bytes(load: Load) -> None:
    admission = Admission("errors", Load(1_000, 10_000))
    fill(admission, load)
    assert max(admission.held.rows / 1_000, admission.held.size_bytes / 10_000) == pytest.approx(0.5, abs=0.01)


def test_beside_a_project_that_fills_what_it_can_others_find_room() -> None:
    admission = Admission("errors", Load(1_000, 10_000))
    fill(admission, Load(10, 1))
    admission.take(CALM, Load(400, 1))


def test_what_is_given_back_can_be_taken_again() -> None:
    admission = Admission("errors", Load(1_000, 10_000))
    taken = fill(admission, Load(10, 1))
    for _ in range(taken // 10):
        admission.give_back(NOISY, Load(10, 1))
    assert (admission.held, admission.by_project) == (Load(), {})
    assert fill(admission, Load(10, 1)) == taken


def test_no_more_is_held_than_comes_through_in_the_time_that_an_error_may_wait() -> None:
    admission = Admission("errors", Load(20_000, 2**30), wait_seconds=0.5)
    note_flush(admission, held=1_000, waited_seconds=0.5)  # 2,000 a second
    assert fill(admission, Load(10, 1)) == 500
    admission.take(CALM, Load(400, 1))


def test_when_the_pace_falls_others_find_room_still_and_who_filled_it_does_not() -> None:
    admission = Admission("errors", Load(20_000, 2**30), wait_seconds=1.0)
    note_flush(admission, held=8_000, waited_seconds=1.0)
    taken = fill(admission, Load(10, 1))
    for _ in range(20):
        note_flush(admission, held=admission.held.rows, waited_seconds=4.0)
    assert admission.most_rows < taken == admission.held.rows
    for _ in range(10):
        admission.take(CALM, Load(1, 1))
    with pytest.raises(Overloaded):
        admission.take(NOISY, Load(1, 1))


def test_without_a_time_it_is_held_until_memory_ends() -> None:
    """The control."""
    admission = Admission("errors", Load(20_000, 2**30))
    note_flush(admission, held=1_000, waited_seconds=0.5)
    assert fill(admission, Load(10, 1)) == 10_000


def note_flush(admission: Admission, held: int, waited_seconds: float, *, is_behind: bool = True) -> None:
    """A flush ended while so many rows were held, its own among them."""
    admission.hold(CALM, Load(held, 1))
    admission.learn(waited_seconds, is_behind=is_behind)
    admission.give_back(CALM, Load(held, 1))


def test_the_pace_follows_flushes_that_others_wait_behind_and_is_raised_by_any() -> None:
    admission = Admission("errors", Load(20_000, 2**30), wait_seconds=1.0)
    note_flush(admission, 1, 0.01, is_behind=False)
    assert admission.most_rows == 20_000  # a small flush at rest says nothing
    note_flush(admission, 1_000, 1.0)
    assert admission.most_rows == 1_000
    note_flush(admission, 1, 1.0, is_behind=False)
    assert admission.most_rows == 1_000
    for _ in range(20):
        note_flush(admission, 1_000, 0.1, is_behind=False)
    assert admission.most_rows == pytest.approx(10_000, rel=0.01)


def test_what_was_reserved_is_held_until_it_is_settled_or_given_up() -> None:
    admission = Admission("errors", Load(1_000, 10_000))
    with admission.reserve(NOISY, Load(300, 100), 0.0) as place:
        assert admission.held == Load(300, 100)
        admission.complete(place, Load(290, 80))
    assert admission.held == Load(290, 80)
    admission.give_back(NOISY, Load(290, 80))
    with pytest.raises(ZeroDivisionError), admission.reserve(NOISY, Load(300, 100), 0.0):
        _ = 1 / 0
    assert (admission.held, admission.by_project) == (Load(), {})


async def test_batches_whose_rows_are_being_made_hold_room_already(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits for Postgres, and still no more are let in than there is room for."""
    made, make_each = asyncio.Event(), BodyScheduler.make_each

    async def make_later(mine: BodyScheduler, *arguments: Any) -> list[Any]:
        await made.wait()
        return await make_each(mine, *arguments)

    monkeypatch.setattr(BodyScheduler, "make_each", make_later)
    small = settings.model_copy(update={"writer_buffer_max_errors": 100})
    async with run_service(small) as service:
        project = await service.project()
        batch = {"errors": [ERROR] * 30}
        sent = [asyncio.create_task(project.ingest.post("/api/errors/batch", json=batch)) for _ in range(6)]
        async with asyncio.timeout(10):
            while sum(task.done() for task in sent) < 4:
                await asyncio.sleep(0.01)
        made.set()
        statuses = sorted([(await task).status_code for task in sent])
    assert statuses == [201, 201, 503, 503, 503, 503]


async def test_a_well_behaved_project_is_never_refused_beside_a_noisy_one(settings: Settings) -> None:
    small = settings.model_copy(update={"writer_buffer_max_errors": 100, "writer_flushers": 1})
    async with run_service(small) as service:
        noisy, calm = await service.project("noisy"), await service.project("calm")
        told: list[int] = []
        noise = [asyncio.create_task(send_on(noisy, told)) for _ in range(6)]
        statuses = [(await calm.ingest.post("/api/errors/log", json=ERROR)).status_code for _ in range(CALM_REQUESTS)]
        for task in noise:
            task.cancel()
        await asyncio.gather(*noise, return_exceptions=True)
        assert statuses == [201] * CALM_REQUESTS
        assert told.count(503) > 0  # so it was noisy


async def send_on(project: Project, told: list[int]) -> None:
    """Never stops; pauses only so that the others of this process get their turn."""
    while True:
        answer = await project.ingest.post("/api/errors/batch", json={"errors": [ERROR] * 30})
        told.append(answer.status_code)
        await asyncio.sleep(0.02)
