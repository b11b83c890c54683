"""A new failure is among the patterns right after the fold that counts it, and a storm of them takes its share and no more."""

import asyncio
import json
from collections import Counter

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.worker.running import find_patterns, fold_deltas
from tests.worker.stored import OTHER_PROJECT, PROJECT, now_errors, scalar, store
from worker.counting.arrivals import find_arrival, list_with_arrivals, note_arrival, note_published, rest
from worker.grouping.patterns import update_patterns
from worker.jobs import Tools, run_steps, take_guard
from worker.schedule import PATTERNS, arrival_steps, publish_arrivals

BODY = "SELECT body FROM snapshots WHERE project_id = :project_id AND window_hours = :window"


async def publish(tools: Tools) -> Counter[str]:
    """One run of the job."""
    return await run_steps(tools, arrival_steps(tools.settings))


async def titles(engine: AsyncEngine, window: int = 24) -> set[str]:
    body = await scalar(engine, BODY, project_id=PROJECT, window=window)
    assert isinstance(body, bytes)
    return {pattern["title"] for pattern in json.loads(body)["patterns"]}


async def end_rest(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE arrivals SET rests_until = now()"))


async def test_a_new_failure_is_published_after_its_fold_without_a_run_of_patterns(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    await find_patterns(tools.engine, tools.cache, tools.settings)
    await store(tools.engine, now_errors("no route to host"))
    await fold_deltas(tools.engine, 48)
    assert (await publish(tools))["published"] == 1
    for window in (1, 6, 24):
        assert await titles(tools.engine, window) == {"disk full", "no route to host"}


async def test_what_is_known_already_causes_no_run(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    await publish(tools)
    await end_rest(tools.engine)
    await store(tools.engine, now_errors("disk full", "disk full"))
    await fold_deltas(tools.engine, 48)
    assert await publish(tools) == Counter()


async def test_a_run_of_patterns_leaves_nothing_to_publish(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    assert await list_with_arrivals(tools.engine) == [PROJECT]
    await find_patterns(tools.engine, tools.cache, tools.settings)
    assert await list_with_arrivals(tools.engine) == []


async def test_what_comes_while_a_run_is_under_way_is_published_by_the_next(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await note_arrival(connection, PROJECT)
    came_at = await find_arrival(engine, PROJECT)
    async with engine.begin() as fold:
        await note_arrival(fold, PROJECT)  # dated before the run ends, and committed after it
        publishing = asyncio.create_task(note_published(engine, PROJECT, came_at))
        await asyncio.sleep(0.1)
    await publishing
    assert await list_with_arrivals(engine) == [PROJECT]


async def test_a_project_rests_nine_times_as_long_as_its_run_took(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = 0.2

    async def take_a_while(engine: AsyncEngine, project_id: object) -> int:
        await asyncio.sleep(slow)
        return await update_patterns(engine, PROJECT)

    monkeypatch.setattr("worker.schedule.update_patterns", take_a_while)
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    await publish(tools)
    await store(tools.engine, now_errors("no route to host"))
    await fold_deltas(tools.engine, 48)
    assert await publish(tools) == Counter()
    rests = await scalar(tools.engine, "SELECT extract(epoch FROM rests_until - now())::float FROM arrivals")
    assert isinstance(rests, float)
    assert rests > 9 * slow / 2
    await end_rest(tools.engine)
    assert (await publish(tools))["published"] == 1
    assert "no route to host" in await titles(tools.engine)


async def test_a_run_that_takes_too_long_is_given_up_and_left_to_the_job(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_engine: AsyncEngine, _project_id: object) -> int:
        await asyncio.sleep(60)
        return 0

    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    with monkeypatch.context() as patched:
        patched.setattr("worker.schedule.update_patterns", hang)
        assert (await publish_arrivals(tools, PROJECT, seconds=0.1)).counts == {"given_up": 1}
    assert await list_with_arrivals(tools.engine) == []
    await find_patterns(tools.engine, tools.cache, tools.settings)
    assert await titles(tools.engine) == {"disk full"}


async def test_one_that_fails_is_tried_again_later_and_keeps_no_other_waiting(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail_one(engine: AsyncEngine, project_id: object) -> int:
        if project_id == OTHER_PROJECT:
            raise ValueError("cannot be clustered")
        return await update_patterns(engine, PROJECT)

    monkeypatch.setattr("worker.schedule.update_patterns", fail_one)
    await store(tools.engine, now_errors("disk full") + now_errors("odd", project_id=OTHER_PROJECT))
    await fold_deltas(tools.engine, 48)
    with pytest.raises(Exception, match="1 failed and 1 went well"):
        await publish(tools)
    assert await titles(tools.engine) == {"disk full"}
    assert await list_with_arrivals(tools.engine) == []
    await end_rest(tools.engine)
    assert await list_with_arrivals(tools.engine) == [OTHER_PROJECT]


async def test_while_the_projects_patterns_are_found_it_is_left_to_the_next_fold(tools: Tools) -> None:
    await store(tools.engine, now_errors("disk full"))
    await fold_deltas(tools.engine, 48)
    async with tools.engine.begin() as run:
        assert await take_guard(run, f"{PATTERNS}:{PROJECT}", 60)
        assert (await publish(tools))["busy"] == 1
    assert (await publish(tools))["published"] == 1


async def test_a_rest_of_a_clock_that_was_set_back_is_none(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await note_arrival(connection, PROJECT)
    await rest(engine, PROJECT, 7_200)
    assert await list_with_arrivals(engine) == [PROJECT]
    await rest(engine, PROJECT, 300)
    assert await list_with_arrivals(engine) == []
