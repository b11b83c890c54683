"""The cache keeps answers under their generation, is believed only where it can be, and is never in the way."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from common.cache import LARGEST_BYTES, TTL_SECONDS, Cache, CachedAnswer, CacheUnavailable, answer_key, generation_key
from common.cache.sealing import make_etag
from common.settings import Settings

PROJECT, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def cache(redis_url: str) -> AsyncIterator[Cache]:
    made = Cache.connect(Settings.load(redis_url=redis_url))
    yield made
    await made.close()


async def test_a_generation_is_one_for_all_until_it_is_raised_and_for_its_topic_alone(cache: Cache) -> None:
    first = await cache.generation(PROJECT, "errors")
    patterns, others = await cache.generation(PROJECT, "patterns"), await cache.generation(OTHER, "errors")
    assert len({first, patterns, others}) == 3
    assert await cache.generation(PROJECT, "errors") == first
    await cache.raise_generation(PROJECT, "errors")
    assert await cache.generation(PROJECT, "errors") != first
    assert await cache.generation(PROJECT, "patterns") == patterns
    assert await cache.generation(OTHER, "errors") == others


@pytest.mark.parametrize("broken", ["", "x" * 31, "x" * 10_000])
async def test_a_generation_that_is_none_is_made_anew(cache: Cache, broken: str) -> None:
    await cache.redis.set(generation_key(PROJECT, "errors"), broken)
    made = await cache.generation(PROJECT, "errors")
    assert len(made) == 32
    assert await cache.generation(PROJECT, "errors") == made


async def test_a_key_that_holds_another_kind_of_value_is_written_anew_and_the_cache_is_not_left_alone(
    cache: Cache,
) -> None:
    await cache.redis.hset(generation_key(PROJECT, "errors"), "x", "y")  # type: ignore[misc]
    assert len(await cache.generation(PROJECT, "errors")) == 32
    await cache.redis.set("answer", "x")
    assert await cache.get("answer", "gzip") is None
    assert cache.left_alone_until == 0


async def test_an_answer_comes_in_the_coding_that_is_asked_for_or_plain_where_it_is_small(cache: Cache) -> None:
    small, large = CachedAnswer.of(b"{}"), CachedAnswer.of(b"[" + b"1," * 500 + b"1]")
    await cache.put("small", small)
    await cache.put("large", large)
    assert await cache.get("small", "br") == (small.etag, "identity", b"{}")
    assert await cache.get("large", "br") == (large.etag, "br", large.bodies["br"])
    assert await cache.get("nowhere", "br") is None
    assert 0 < await cache.redis.ttl("small") <= TTL_SECONDS


async def test_an_answer_that_is_too_large_stays_in_its_process(cache: Cache) -> None:
    body = b" " * (LARGEST_BYTES + 1)
    await cache.put("large", CachedAnswer(make_etag(body), {"identity": body}))
    assert not await cache.redis.exists("large")


async def test_what_is_published_is_there_when_its_generation_begins(cache: Cache) -> None:
    answer = CachedAnswer.of(b"{}")
    await cache.publish(PROJECT, "patterns", [("patterns", {"window_hours": hours}, answer) for hours in (1, 24)])
    generation = await cache.generation(PROJECT, "patterns")
    for hours in (1, 24):
        assert await cache.get(answer_key(PROJECT, generation, "patterns", window_hours=hours), "identity")


async def test_counters_add_up_and_one_that_is_none_begins_anew(cache: Cache) -> None:
    await cache.redis.set("text", "x")
    await cache.redis.set("negative", -5)
    amounts = [("good", 3), ("text", 1), ("negative", 1)]
    assert await cache.add(amounts, 60) == [3, None, None]
    assert await cache.add(amounts, 60) == [6, 1, 1]
    assert 0 < await cache.redis.ttl("good") <= 60


async def test_a_redis_that_failed_is_left_alone_for_a_moment() -> None:
    cache = replace(Cache.connect(Settings.load(redis_url="unix:///nowhere/redis.sock")), retry_seconds=60)
    with pytest.raises(CacheUnavailable, match="did not answer"):
        await cache.raise_generation(PROJECT, "errors")
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(CacheUnavailable, match="left alone"):
            await cache.raise_generation(PROJECT, "errors")
    assert time.monotonic() < cache.left_alone_until
    assert cache.left_alone_until - started < 60
    await cache.close()


def test_the_place_of_an_answer_is_told_by_all_that_was_asked_and_not_by_its_order() -> None:
    place = answer_key(PROJECT, "g", "recent", limit=20, service="a")
    assert place == answer_key(PROJECT, "g", "recent", service="a", limit=20, severity=None)
    others = [
        answer_key(OTHER, "g", "recent", limit=20, service="a"),
        answer_key(PROJECT, "h", "recent", limit=20, service="a"),
        answer_key(PROJECT, "g", "patterns", limit=20, service="a"),
        answer_key(PROJECT, "g", "recent", limit=2, service="a"),
        answer_key(PROJECT, "g", "recent", limit=20, service="a&severity='error'"),
        answer_key(PROJECT, "g", "recent", limit=20, service="a", severity="error"),
    ]
    assert len({place, *others}) == 7
    assert answer_key(PROJECT, "g", "recent", service="\ud800")
