"""Redis behind Sentinels: a failover needs no restart."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from common.cache import Cache, CacheUnavailable
from common.settings import Settings
from tests.failover.sentinels import FAILOVER_SECONDS, run_sentinels
from worker.main import queue_redis


async def test_cache_and_queue_follow_the_primary(tmp_path: Path) -> None:
    project_id = uuid4()
    async with run_sentinels(tmp_path) as sentinels:
        settings = Settings.load(redis_url=sentinels.url)
        cache, queue = replace(Cache.connect(settings), retry_seconds=0.1), queue_redis(settings)
        before = await cache.generation(project_id, "errors")
        await queue.zadd("queue", {"job": 1})
        (await sentinels.primary()).kill()
        with pytest.raises(CacheUnavailable):
            await cache.generation(project_id, "errors")
        async with asyncio.timeout(FAILOVER_SECONDS):
            while True:
                with suppress(CacheUnavailable):
                    await cache.raise_generation(project_id, "errors")
                    break
                await asyncio.sleep(0.1)
        assert await cache.generation(project_id, "errors") != before
        await queue.zadd("queue", {"job": 2})
        assert await queue.zscore("queue", "job") == 2
        await cache.close()
        await queue.aclose()
        await queue.connection_pool.disconnect()
