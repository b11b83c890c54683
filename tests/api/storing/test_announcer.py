"""The announcer: every project with new errors gets a new generation, outages included."""

import asyncio
from uuid import UUID, uuid4

from api.storing.announcer import Announcer
from common.cache import Cache, CacheUnavailable
from common.settings import Settings


async def test_what_was_written_during_an_outage_is_announced_after_it_without_another_write(
    settings: Settings,
) -> None:
    cache = Cache.connect(settings)
    project_id = uuid4()
    before = await cache.generation(project_id, "errors")
    is_away = True

    class Flaky:
        """The cache, which is away at first."""

        async def raise_generation(self, project_id: UUID, _topic: str) -> None:
            if is_away:
                raise CacheUnavailable("away")
            await cache.raise_generation(project_id, "errors")

    async with Announcer(Flaky(), max_age_seconds=0.05) as announcer:  # type: ignore[arg-type]
        announcer.announce([project_id])
        await asyncio.sleep(0.1)
        assert await cache.generation(project_id, "errors") == before
        is_away = False
        async with asyncio.timeout(5):
            while await cache.generation(project_id, "errors") == before:
                await asyncio.sleep(0.01)
    await cache.close()


async def test_closing_announces_what_is_left(settings: Settings) -> None:
    cache = Cache.connect(settings)
    project_id = uuid4()
    before = await cache.generation(project_id, "errors")
    async with Announcer(cache, max_age_seconds=60) as announcer:
        announcer.announce([project_id])
    assert await cache.generation(project_id, "errors") != before
    await cache.close()
