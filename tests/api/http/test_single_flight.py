"""Who wants the same at the same time waits for one task; what follows begins anew."""

import asyncio

import pytest

from api.http.single_flight import SingleFlight


class Work:
    """Says which run it was, once it may."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()
        self.failures: list[BaseException] = []
        self.flights = SingleFlight[int](self.failures.append)

    async def run(self) -> int:
        self.begun += 1
        number = self.begun
        await self.go_on.wait()
        return number

    async def fail(self) -> int:
        await self.go_on.wait()
        raise OSError("gone")


async def test_all_who_want_the_same_get_what_one_task_brings() -> None:
    work = Work()
    tasks = [work.flights.join("a", work.run) for _ in range(3)]
    assert len(set(tasks)) == 1
    work.go_on.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert work.begun == 1


async def test_what_is_wanted_after_it_ended_begins_anew_and_others_are_others() -> None:
    work = Work()
    work.go_on.set()
    assert await work.flights.join("a", work.run) == 1
    assert [await work.flights.join(key, work.run) for key in ("a", "b")] == [2, 3]
    assert work.flights.under_way == {}


async def test_a_failure_reaches_all_and_is_noted_once_whoever_waits() -> None:
    work = Work()
    tasks = [work.flights.join("a", work.fail) for _ in range(2)]
    work.go_on.set()
    for told in await asyncio.gather(*map(asyncio.shield, tasks), return_exceptions=True):
        assert isinstance(told, OSError)
    assert [str(failure) for failure in work.failures] == ["gone"]
    assert work.flights.under_way == {}


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    work = Work()
    waiting = [asyncio.create_task(wait_for(work)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    work.go_on.set()
    assert await waiting[1] == 1


async def wait_for(work: Work) -> int:
    return await asyncio.shield(work.flights.join("a", work.run))


async def test_a_cancelled_flight_is_no_failure_and_makes_room() -> None:
    work = Work()
    task = work.flights.join("a", work.run)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (work.failures, work.flights.under_way) == ([], {})


async def test_the_end_of_all_is_waited_for_failures_included() -> None:
    work = Work()
    await work.flights.end_all()  # there is none
    good, bad = work.flights.join("a", work.run), work.flights.join("b", work.fail)
    work.go_on.set()
    await work.flights.end_all()
    assert good.done()
    assert bad.done()
    assert len(work.failures) == 1


async def test_what_cannot_begin_raises_to_its_caller_and_leaves_nothing_behind() -> None:
    work = Work()
    with pytest.raises(ZeroDivisionError):
        work.flights.join("a", lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert work.flights.under_way == {}
