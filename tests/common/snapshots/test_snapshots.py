"""A snapshot is kept unless a later one is, and reaches readers whether or not the cache is there."""

from datetime import timedelta
from typing import Any

from common.cache import Cache
from common.settings import Settings
from common.snapshots import WINDOWS_HOURS, load_snapshot, publish_snapshots, store_snapshot
from common.snapshots.composing import compute_snapshot
from tests.conftest import Service


async def test_an_answer_that_was_computed_earlier_does_not_take_the_place_of_a_later_one(service: Service) -> None:
    project = await service.project()
    later = await compute_snapshot(service.tools.engine, project.id, 24, service.settings)
    earlier = later.model_copy(update={"computed_at": later.computed_at - timedelta(seconds=1), "total": 99})
    async with service.tools.engine.begin() as connection:
        kept = await store_snapshot(connection, project.id, 24, later)
        assert kept == (later.computed_at, later.model_dump_json().encode())
        assert await store_snapshot(connection, project.id, 24, earlier) == kept
        assert await load_snapshot(connection, project.id, 24) == kept[1]
        newer = earlier.model_copy(update={"computed_at": later.computed_at + timedelta(seconds=1)})
        assert b'"total":99' in (await store_snapshot(connection, project.id, 24, newer))[1]


async def test_snapshots_of_one_project_and_window_are_no_others(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    answer = await compute_snapshot(service.tools.engine, project.id, 24, service.settings)
    async with service.tools.engine.begin() as connection:
        await store_snapshot(connection, project.id, 24, answer)
        assert await load_snapshot(connection, project.id, 1) is None
        assert await load_snapshot(connection, other.id, 24) is None


async def test_without_a_cache_every_window_is_kept_in_postgres(service: Service) -> None:
    project = await service.project()
    away = Cache.connect(Settings.load(redis_url="unix:///nowhere/redis.sock"))
    await publish_snapshots(service.tools.engine, away, project.id, service.settings)
    kept = await service.execute("SELECT window_hours FROM snapshots ORDER BY 1")
    assert [row.window_hours for row in kept] == list(WINDOWS_HOURS)
    await away.close()


async def test_only_the_windows_that_are_due_are_computed_and_all_are_published(service: Service) -> None:
    project, cache = await service.project(), service.tools.cache
    await publish_snapshots(service.tools.engine, cache, project.id, service.settings)
    before = {row.window_hours: row.computed_at for row in await list_kept(service)}
    generations = [await cache.generation(project.id, topic) for topic in ("patterns", "errors")]
    await publish_snapshots(service.tools.engine, cache, project.id, service.settings, [1])
    after = {row.window_hours: row.computed_at for row in await list_kept(service)}
    assert [hours for hours in WINDOWS_HOURS if after[hours] > before[hours]] == [1]
    raised = [await cache.generation(project.id, topic) for topic in ("patterns", "errors")]
    assert not set(raised) & set(generations)
    answers = [key async for key in cache.redis.scan_iter(f"*:answer:patterns:{raised[0]}:*")]
    assert len(answers) == len(WINDOWS_HOURS)


async def list_kept(service: Service) -> list[Any]:
    return await service.execute("SELECT window_hours, computed_at FROM snapshots")
