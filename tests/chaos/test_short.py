"""The short form of the chaos run: a fault of each kind, a minute in all. `./mayday test chaos` is the long one."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.stack import Stack, run_stack, temporary_folder


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    with temporary_folder() as folder:
        async with run_stack(folder) as running:
            yield running


async def test_nothing_acknowledged_is_lost_or_stored_twice(stack: Stack) -> None:
    async with stack.traffic():
        stack.stores.database.commits_to_cut = 3
        await stack.apis[0].kill()
        await stack.heal()
        await stack.stores.postgres.crash()
        await stack.stores.postgres.start()
        await stack.heal()
    verdict = await stack.verdict()
    assert stack.stores.database.commits_cut == 3
    assert verdict.is_clean, verdict
    assert verdict.acknowledged == verdict.attempts > 0
    assert await stack.find_wrong_sums() == []
