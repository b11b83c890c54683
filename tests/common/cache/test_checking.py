"""Cache and queue are two roles: on servers of their own each holds its own, and a start says what is wrong with one."""

import asyncio
from collections.abc import Iterator

import pytest
from redis import Redis
from structlog.testing import capture_logs

from cli.embedded import start_servers, temporary_home
from common.cache.checking import check_redis
from common.settings import Settings
from tests.conftest import run_service
from tests.worker.test_main import running_worker, until

NOWHERE = "unix:///nowhere/redis.sock"


@pytest.fixture(scope="module")
def queue_url() -> Iterator[str]:
    """A second Valkey."""
    with (
        temporary_home() as home,
        start_servers(home, has_postgres=False) as servers,
    ):
        yield servers.redis_url


async def test_on_servers_of_their_own_answers_are_in_the_cache_and_jobs_in_the_queue(
    settings: Settings, queue_url: str
) -> None:
    apart = settings.model_copy(update={"queue_url": queue_url, "fold_every_seconds": 1})
    cache: Redis = Redis.from_url(apart.redis_url)
    queue: Redis = Redis.from_url(queue_url)
    with cache, queue:
        queue.flushall()
        queue.config_resetstat()
        async with run_service(apart) as service, running_worker(apart):
            project = await service.project()
            await project.send({"service": "shop", "severity": "error", "message": "disk full"})
            await until(lambda: ticked(queue))
            await until(lambda: has_patterns(service.execute))
            await project.get("/api/errors/recent")
            assert (await project.read.get("/api/errors/recent")).headers["X-Mayday-Cache"] == "hit"
        cached, queued = set(cache.scan_iter()), set(queue.scan_iter())
        assert [key for key in cached if b":answer:" in key]
        assert [key for key in cached if b"arq" in key or b"jobs" in key] == []
        assert [key for key in queued if b":answer:" in key or b":generation:" in key] == []


async def ticked(queue: Redis) -> bool:
    """Whether arq put a job into the queue."""
    return "cmdstat_zadd" in dict(queue.info("commandstats"))  # type: ignore[arg-type]


async def has_patterns(execute: object) -> bool:
    return bool(await execute("SELECT 1 FROM patterns"))  # type: ignore[operator]


@pytest.mark.parametrize(("role", "words"), [("cache", "reads come from Postgres"), ("queue", "triggers its jobs")])
async def test_a_start_names_the_redis_that_does_not_answer(settings: Settings, role: str, words: str) -> None:
    wrong = settings.model_copy(update={f"{role}_url": NOWHERE})
    with capture_logs() as lines:
        await check_redis(wrong, role)  # type: ignore[arg-type]
        await check_redis(settings, role)  # type: ignore[arg-type]
    [line] = lines
    assert (line["event"], line["setting"]) == ("redis_not_reached", f"MAYDAY_{role.upper()}_URL")
    assert words in line["problem"]


async def test_a_start_warns_of_a_queue_that_may_evict(settings: Settings, queue_url: str) -> None:
    apart = settings.model_copy(update={"queue_url": queue_url})
    with Redis.from_url(queue_url) as queue, capture_logs() as lines:
        await check_redis(apart, "queue")  # the embedded one has volatile-ttl
        queue.config_set("maxmemory", 0)
        queue.config_set("maxmemory-policy", "allkeys-lru")
        await check_redis(apart, "queue")  # without a limit nothing is evicted
        queue.config_set("maxmemory", "50mb")
        await check_redis(apart, "queue")
        queue.config_set("maxmemory-policy", "noeviction")
        await check_redis(apart, "queue")
    assert [(line["event"], line["policy"]) for line in lines] == [("queue_may_evict", "allkeys-lru")]


async def test_a_start_that_is_stopped_leaves_no_connection_open(settings: Settings, queue_url: str) -> None:
    apart = settings.model_copy(update={"queue_url": queue_url})
    with Redis.from_url(queue_url) as queue:
        before = len(queue.client_list())
        for steps in range(60):  # one of them falls into the close
            check = asyncio.create_task(check_redis(apart, "queue"))
            for _ in range(steps):
                await asyncio.sleep(0)
            check.cancel()
            await asyncio.wait([check])
        async with asyncio.timeout(5):
            while len(queue.client_list()) > before:
                await asyncio.sleep(0.01)
