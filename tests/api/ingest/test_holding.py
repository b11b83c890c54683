"""Requests that wait: until there is room, until they are stored, and never more of them than are set."""

import asyncio
import time
from typing import Any, cast
from uuid import uuid4

import pytest

from api.http.problems import Overloaded, Unavailable
from api.ingest.holding import Hold, Holding
from api.storing.flusher import Outcome
from api.storing.writer import Writer

PROJECT = uuid4()


class Full:
    """A writer that is full for a while."""

    def __init__(self, times: int) -> None:
        self.times = times

    def refuse_when_full(self, _project_id: object) -> None:
        self.times -= 1
        if self.times >= 0:
            raise Overloaded("full")


def full(times: int) -> Writer[Any]:
    return cast("Writer[Any]", Full(times))


def done(result: list[Outcome] | Exception) -> "asyncio.Future[list[Outcome]]":
    future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


async def test_a_hold_waits_until_there_is_room_and_no_longer_than_it_may() -> None:
    await Hold(time.monotonic() + 5).until_room(full(2), PROJECT)
    with pytest.raises(Overloaded):
        await Hold(time.monotonic() + 0.15).until_room(full(1_000), PROJECT)
    with pytest.raises(Overloaded):
        await Hold(0.0).until_room(full(1), PROJECT)


async def test_rows_that_were_not_taken_are_given_again() -> None:
    given: list[int] = []

    async def again() -> "asyncio.Future[list[Outcome]]":
        given.append(1)
        return done([Outcome.stored] if len(given) == 2 else Unavailable("away"))

    outcomes = await Hold(time.monotonic() + 5).until_stored(done(Unavailable("away")), again)
    assert (outcomes, len(given)) == ([Outcome.stored], 2)
    with pytest.raises(Unavailable):
        await Hold(0.0).until_stored(done(Unavailable("away")), again)


async def test_no_more_wait_than_are_set() -> None:
    holding = Holding(1)
    with holding.begin(5) as first, holding.begin(5) as second:
        assert (first.is_over, second.is_over) == (False, True)
    with holding.begin(5) as third:
        assert not third.is_over
