"""What runs beside the requests begins with them, ends with them, and does not fail in silence."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from api.status.background import in_background


async def test_work_runs_while_the_body_does_and_is_ended_with_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with in_background(work(), "watch"):
        await begun.wait()
        assert "watch" in {task.get_name() for task in asyncio.all_tasks()}
    assert ended.is_set()
    assert "watch" not in {task.get_name() for task in asyncio.all_tasks()}


async def run_beside(work: Coroutine[Any, Any, None], error: Exception | None = None) -> None:
    """A body that lets the work run and then raises the error, if there is one."""
    async with in_background(work, "watch"):
        for _ in range(3):
            await asyncio.sleep(0)
        if error:
            raise error


async def test_what_the_work_raised_is_raised_at_its_end() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("of mine")

    with pytest.raises(ZeroDivisionError, match="of mine"):
        await run_beside(fail())


async def test_work_that_was_done_before_is_no_failure_and_what_the_body_raises_goes_on() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    await run_beside(work())
    assert done.is_set()
    with pytest.raises(KeyError, match="of the body"):
        await run_beside(work(), KeyError("of the body"))
