"""Whatever Redis holds or answers, a reader gets the project's own answer or is served from Postgres; the others are not
touched."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from api.access.quotas import SHARE_SECONDS
from common.cache import Cache, CachedAnswer, CacheUnavailable
from common.cache.sealing import seal, unseal
from common.settings import Settings
from common.telemetry import metrics
from tests.conftest import Project, Service, run_service

IS_LONG = os.environ.get("MAYDAY_TEST_ATTACKS") == "long"
ATTACK = settings(
    max_examples=1_000 if IS_LONG else 40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PATHS = ("/api/errors/recent", "/api/errors/patterns")
HEADERS = {"Accept-Encoding": "gzip"}
Poison = Callable[[Any, bytes], None]


def error(message: str) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": f"{message} " * 100}  # large enough to be compressed


def each_value(redis: Any, key: bytes, change: Callable[[bytes], bytes]) -> None:
    """Change every value at the key, whatever kind it is of."""
    if redis.type(key) == b"hash":
        for field, value in redis.hgetall(key).items():
            redis.hset(key, field, change(value))
    else:
        redis.set(key, change(redis.get(key)))


def each_by(change: Callable[[bytes], bytes]) -> Poison:
    return lambda redis, key: each_value(redis, key, change)


def only(field: bytes, value: bytes) -> Poison:
    def poison(redis: Any, key: bytes) -> None:
        if redis.type(key) == b"hash":
            redis.hset(key, field, value)
        else:
            redis.set(key, value)

    return poison


def instead(command: str, *arguments: Any) -> Poison:
    def poison(redis: Any, key: bytes) -> None:
        redis.delete(key)
        redis.execute_command(command, key, *arguments)

    return poison


POISONS: dict[str, Poison] = {
    "not UTF-8": each_by(lambda _: b"\xff\xfe\xfd"),
    "ETag not UTF-8": only(b"etag", b'W/"\xff"'),
    "ETag of two lines": only(b"etag", b'W/"0123456789abcdef01234567"\r\nX-Planted: yes'),
    "another ETag": only(b"etag", b'W/"0123456789abcdef01234567"'),
    "cut": each_by(lambda value: value[:-1]),
    "cut in half": each_by(lambda value: value[: len(value) // 2]),
    "longer": each_by(lambda value: value + b" "),
    "empty": each_by(lambda _: b""),
    "one bit": each_by(lambda value: value[:-2] + bytes([value[-2] ^ 0x80]) + value[-1:] if len(value) > 1 else b"x"),
    "huge": only(b"gzip", b"x" * 100_000),
    "a huge ETag": only(b"etag", b"x" * 100_000),
    "a list": instead("RPUSH", "a", "b"),
    "a set": instead("SADD", "a"),
    "a number": instead("SET", "7"),
    "text": instead("SET", "hello"),
    "another hash": instead("HSET", "etag", "x", "identity", "{}", "gzip", "{}"),
}


def forget(service: Service) -> None:
    """Have the process know nothing but what Redis holds."""
    reads = service.state["reads"]
    reads.generations.clear()
    for question in list(reads.answer_cache.by_question):
        reads.answer_cache.forget(reads.answer_cache.by_question.pop(question))


@asynccontextmanager
async def another_process(settings: Settings, project: Project) -> AsyncIterator[httpx.AsyncClient]:
    """A reader of a process that holds no copies."""
    async with run_service(settings) as other:
        yield await other.client(project.read.headers["Authorization"].removeprefix("Bearer "))


async def fill(service: Service, *names: str) -> list[Project]:
    """Projects whose answers are in the cache."""
    projects = [await service.project(name) for name in names]
    for project, name in zip(projects, names, strict=True):
        await project.send(error(f"of {name}"))
    await service.run_worker()
    await asyncio.sleep(1.1)  # writes of a moment ago have raised the generations
    for project in projects:
        for path in PATHS:
            await project.read.get(path, headers=HEADERS)
    await service.state["reads"].puts.end_all()
    return projects


async def read_all(client: httpx.AsyncClient) -> list[Any]:
    answers = [await client.get(path, headers=HEADERS) for path in PATHS]
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert all("X-Planted" not in answer.headers for answer in answers)
    recent, patterns = (answer.json() for answer in answers)
    return [recent["errors"], patterns["patterns"]]


def broken() -> float:
    return float(metrics.CACHE_CALLS.of("broken")._value.get())


async def test_rubbish_in_redis_is_a_miss_and_is_written_anew(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.cache.LARGEST_BYTES", 90_000)
    projects = await fill(service, "one", "two")
    told = [await read_all(project.read) for project in projects]
    reads = service.state["reads"]
    with Redis.from_url(settings.redis_url) as redis:
        for name, poison in POISONS.items():
            before = broken()
            keys = redis.keys("mayday:*")
            assert len(keys) >= 8
            for key in keys:
                poison(redis, key)
            forget(service)
            for project, theirs in zip(projects, told, strict=True):
                assert await read_all(project.read) == theirs, name
            assert broken() > before or name == "empty"
            assert service.state["cache"].left_alone_until == 0.0
            await reads.puts.end_all()
            forget(service)
            sources = [(await projects[0].read.get(path, headers=HEADERS)).headers["X-Mayday-Cache"] for path in PATHS]
            assert sources == ["hit", "hit"], f"{name}: what was broken has been mended"


async def test_the_answer_of_another_project_is_no_answer(service: Service, settings: Settings) -> None:
    one, two = await fill(service, "one", "two")
    told = await read_all(one.read)
    with Redis.from_url(settings.redis_url) as redis:
        for key in redis.keys(f"mayday:{{{one.id}}}:answer:*"):
            kind = key.split(b":")[3]
            for theirs in redis.keys(f"mayday:{{{two.id}}}:answer:{kind.decode()}:*"):
                redis.copy(theirs, key, replace=True)
    async with another_process(settings, one) as reader:
        assert await read_all(reader) == told


@ATTACK
@given(seed=st.integers(0, 2**32), data=st.data())
async def test_any_change_of_an_entry_is_a_miss(settings: Settings, seed: int, data: st.DataObject) -> None:
    """Of one entry of real Redis: the answer as it was put, or none."""
    cache = Cache.connect(settings)
    try:
        answer, key = CachedAnswer.of(random.Random(seed).randbytes(600)), f"mayday:{{one}}:answer:{seed}"
        await cache.put(key, answer)
        field = data.draw(st.sampled_from([b"etag", b"identity", b"gzip"]))
        redis: Any = cache.redis
        kept = await redis.hget(key, field)
        changed = data.draw(st.one_of(st.binary(max_size=40), mutations(kept)))
        await redis.hset(key, field, changed)
        found = await cache.get(key, "gzip")
        whole, plain = ((answer.etag, coding, answer.bodies[coding]) for coding in ("gzip", "identity"))
        allowed = (whole,) if changed == kept or field == b"identity" else (None, plain)
        assert found in allowed
    finally:
        await cache.close()


@st.composite
def mutations(draw: st.DrawFn, value: bytes) -> bytes:
    """The value with a piece replaced."""
    start = draw(st.integers(0, len(value)))
    end = draw(st.integers(start, min(len(value), start + 8)))
    return value[:start] + draw(st.binary(max_size=8)) + value[end:]


@given(st.binary(max_size=60), st.sampled_from(["a", "b"]), st.sampled_from(["identity", "gzip"]))
def test_a_body_is_opened_only_where_it_was_sealed_for(body: bytes, key: str, coding: Any) -> None:
    etag = CachedAnswer.of(body).etag
    sealed = seal("a", "identity", etag, body)
    is_same = (key, coding) == ("a", "identity")
    assert unseal(key, coding, [etag.encode(), sealed]) == ((etag, body) if is_same else None)


@given(st.recursive(st.none() | st.integers() | st.binary() | st.text() | st.floats(), st.lists, max_leaves=5))
def test_whatever_redis_answers_is_no_answer(found: Any) -> None:
    assert unseal("a", "gzip", found) is None


async def test_a_broken_counter_of_one_project_leaves_the_quotas_of_others_alone(settings: Settings) -> None:
    few = settings.model_copy(update={"limit_key_requests": 4, "limit_project_requests": 100})
    async with run_service(few) as one, run_service(few) as other:
        projects = [await one.project(name) for name in ("broken", "sound")]
        for project in projects:
            await project.read.get("/api/errors")
        await asyncio.sleep(3 * SHARE_SECONDS)
        with Redis.from_url(settings.redis_url) as redis:
            keys = redis.keys(f"mayday:{{{projects[0].id}}}:used:*")
            assert keys
            for number, key in enumerate(keys):
                redis.set(key, "rubbish") if number % 2 else (redis.delete(key), redis.rpush(key, "a"))
        for project in projects:
            for _ in range(3):
                await project.read.get("/api/errors")
        await asyncio.sleep(3 * SHARE_SECONDS)
        for project in projects:
            key = project.read.headers["Authorization"].removeprefix("Bearer ")
            reader = await other.client(key)
            statuses = []
            for _ in range(6):
                statuses.append((await reader.get("/api/errors")).status_code)
                await asyncio.sleep(SHARE_SECONDS)
            assert 429 in statuses, "both processes know of the requests of each other again"
        assert one.state["cache"].left_alone_until == 0.0


RUBBISH = [
    b"+OK\r\n", b":7\r\n", b"$-1\r\n", b"*0\r\n", b"*-1\r\n", b"$5\r\nhello\r\n", b"*2\r\n$1\r\nx\r\n:1\r\n", b"-\xff\r\n",
    b"-ERR no\r\n", b"-WRONGTYPE no\r\n", b":x\r\n", b"$x\r\n", b"$99999999999\r\nabc", b"*1000000\r\n", b"\x00\xff\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*1\r\n" * 2_000, b"_\r\n", b"%1\r\n+a\r\n+b\r\n", b"",
]  # fmt: skip


async def test_a_server_that_is_no_redis_is_a_cache_that_is_away(service: Service, settings: Settings) -> None:
    spoken = b""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while spoken and await reader.read(65_536):
            writer.write(spoken * 8)
        writer.close()

    [project] = await fill(service, "one")
    told = await read_all(project.read)
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    strange = settings.model_copy(update={"cache_url": f"redis://127.0.0.1:{port}/0"})
    try:
        async with run_service(strange) as other:
            other.state["cache"].retry_seconds = 0.001
            reader = await other.client(project.read.headers["Authorization"].removeprefix("Bearer "))
            for spoken in RUBBISH:
                forget(other)
                for _ in range(2):
                    assert await read_all(reader) == told, spoken
                with pytest.raises(CacheUnavailable):
                    await other.state["cache"].generation(project.id, "errors")
    finally:
        server.close()
        await server.wait_closed()
