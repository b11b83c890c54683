"""A start looks at all that it stands on, and none of that but the schema keeps it from serving."""

import asyncio

from structlog.testing import capture_logs

from api.status.starting import start
from common.database import make_engine
from common.settings import Settings


async def test_a_start_tells_what_is_wrong_and_goes_on(settings: Settings) -> None:
    wrong = settings.model_copy(update={"cache_url": "unix:///nowhere/redis.sock"})
    gone = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/x"})
    reached, unreached = make_engine(settings, "test"), make_engine(gone, "test")
    with capture_logs() as lines:
        await start([reached, unreached], wrong)
    events = [line["event"] for line in lines]
    assert events[-1] == "api_started"
    assert "redis_not_reached" in events
    for engine in (reached, unreached):
        await engine.dispose()


async def test_without_its_schema_a_process_waits_and_says_what_for(empty_database_url: str, redis_url: str) -> None:
    settings = Settings.load(database_url=empty_database_url, redis_url=redis_url)
    engine = make_engine(settings, "test")
    with capture_logs() as lines:
        task = asyncio.create_task(start([engine], settings))
        async with asyncio.timeout(10):
            while not lines:
                await asyncio.sleep(0.01)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])
    assert [line["event"] for line in lines] == ["waiting_for_database"]
    assert "./mayday migrate" in lines[0]["problem"]
    await engine.dispose()
