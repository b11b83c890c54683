"""The read side's promises of speed that can be told without a clock: hits, one flight, 304, and life without Redis."""

import asyncio
import gzip
import json
from typing import Any

import brotli
import pytest

from api.reads.catalogue import Asked
from api.reads.entries import name_recent
from api.reads.parameters import ErrorQuery
from common.cache import Cache, CachedAnswer
from common.compression import zstd
from common.settings import Settings
from tests.conftest import Project, Service, run_service


def error(number: int = 0, **others: Any) -> dict[str, Any]:
    return {"service": "shop", "severity": "error", "message": f"payment {number} failed", **others}


async def source(project: Project, path: str = "/api/errors/recent") -> str:
    return str((await project.read.get(path)).headers["X-Mayday-Cache"])


async def test_a_second_read_is_a_hit_also_in_another_process(service: Service, settings: Settings) -> None:
    project = await service.project()
    await project.send(error())
    await asyncio.sleep(1)
    assert await source(project) == "miss"
    assert await source(project) == "hit"
    async with run_service(settings) as other:
        client = await other.client(project.read.headers["Authorization"].removeprefix("Bearer "))
        assert (await client.get("/api/errors/recent")).headers["X-Mayday-Cache"] == "hit"


async def test_fifty_readers_at_once_cost_one_query(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project = await service.project()
    await project.send(error())
    await project.get("/api/errors/patterns")
    calls = 0
    reads = service.state["reads"]
    make = reads.make

    async def count(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.05)
        return await make(*arguments)

    monkeypatch.setattr(reads, "make", count)
    answers = await asyncio.gather(*[project.get("/api/errors/recent", limit=7) for _ in range(50)])
    assert calls == 1
    assert all(len(answer["errors"]) == 1 for answer in answers)


async def test_an_outdated_copy_is_served_at_once_while_a_new_one_is_made(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    await project.send(error(1))
    await asyncio.sleep(1)
    await project.get("/api/errors/recent")
    reads, release = service.state["reads"], asyncio.Event()
    make = reads.make

    async def wait(*arguments: Any) -> Any:
        await release.wait()
        return await make(*arguments)

    monkeypatch.setattr(reads, "make", wait)
    monkeypatch.setattr(reads, "trust_seconds", 0.0)
    monkeypatch.setattr(reads, "is_recent", lambda _copy: True)
    await service.tools.cache.raise_generation(project.id, "errors")
    await service.execute("UPDATE errors SET message = 'changed'")
    stale = await project.read.get("/api/errors/recent")
    assert stale.headers["X-Mayday-Cache"] == "stale"
    assert stale.json()["errors"][0]["message"] == "payment 1 failed"
    release.set()
    async with asyncio.timeout(5):
        while await source(project) != "hit":
            await asyncio.sleep(0.01)
    assert (await project.get("/api/errors/recent"))["errors"][0]["message"] == "changed"


async def test_an_answer_goes_out_before_the_cache_has_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project = await service.project()
    await project.send(error())
    cache, release = service.state["cache"], asyncio.Event()
    put = cache.put

    async def wait(*arguments: Any) -> None:
        await release.wait()
        await put(*arguments)

    monkeypatch.setattr(Cache, "put", lambda _self, *arguments: wait(*arguments))
    assert await source(project) == "miss"
    assert await source(project) == "hit"
    reads = service.state["reads"]
    [(question, generation)] = reads.puts.under_way
    release.set()
    await reads.close()
    assert await cache.get(question.key(generation), "identity") is not None


async def test_codings_of_two_answers_are_never_taken_for_one(service: Service) -> None:
    project = await service.project()
    await project.send(error())
    await asyncio.sleep(1)
    reads = service.state["reads"]
    question = name_recent(Asked(project.id, ErrorQuery.model_validate({})))
    ours = await project.read.get("/api/errors/recent", headers={"Accept-Encoding": "identity"})
    generation = await reads.generation(question)
    reads.answer_cache.get(question).bodies = {"gzip": ("gzip", b"of ours")}
    await reads.puts.end_all()
    late = CachedAnswer.of(b'{"errors":[]}')  # of another process
    await service.state["cache"].put(question.key(generation), late)
    theirs = await project.read.get("/api/errors/recent", headers={"Accept-Encoding": "identity"})
    assert theirs.json() == {"errors": []}
    assert theirs.headers["ETag"] != ours.headers["ETag"]
    assert set(reads.answer_cache.get(question).bodies) == {"identity"}


@pytest.mark.parametrize(
    ("coding", "unpack"),
    [("gzip", gzip.decompress), ("br", brotli.decompress), ("zstd", zstd.decompress), ("identity", bytes)],
)
async def test_every_coding_says_the_same_under_one_etag(service: Service, coding: str, unpack: Any) -> None:
    project = await service.project()
    await project.send(*[error(n) for n in range(20)])
    plain = await project.read.get("/api/errors/recent", headers={"Accept-Encoding": "identity"})
    request = project.read.build_request("GET", "/api/errors/recent", headers={"Accept-Encoding": coding})
    answer = await project.read.send(request, stream=True)
    raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert json.loads(unpack(raw)) == plain.json()
    assert answer.headers["ETag"] == plain.headers["ETag"]
    assert answer.headers["ETag"].startswith('W/"')
    for one in (answer, plain):
        assert one.headers["Vary"] == "Authorization, X-API-Key, Accept-Encoding"
        assert one.headers["Cache-Control"].startswith("private, max-age=")


@pytest.mark.parametrize("path", ["recent", "patterns", "", "patterns/{pattern}", "{id}"])
async def test_what_the_client_has_is_a_304(service: Service, path: str) -> None:
    project = await service.project()
    await project.send(error())
    await service.run_worker()
    recent = (await project.get("/api/errors/recent"))["errors"][0]
    url = f"/api/errors/{path.format(pattern=recent['pattern_id'], id=recent['id'])}".rstrip("/")
    first = await project.read.get(url)
    assert first.status_code == 200, first.text
    again = await project.read.get(url, headers={"If-None-Match": f'"x", {first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    for header in ("ETag", "Cache-Control"):
        assert again.headers[header] == first.headers[header]
    assert "Accept-Encoding" in again.headers["Vary"]


async def test_without_redis_everything_is_answered_from_postgres(settings: Settings) -> None:
    gone = settings.model_copy(update={"redis_url": "unix:///tmp/there-is-no-such-socket"})
    async with run_service(gone) as service:
        project = await service.project()
        for number in range(3):
            assert (await project.send(error(number)))["count"] == 1
        await service.run_worker()
        assert await source(project) == "bypass"
        assert len((await project.get("/api/errors/recent"))["errors"]) == 3
        assert (await project.get("/api/errors/patterns"))["total"] == 3
        assert (await (await service.client(None)).get("/readyz")).status_code == 200


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"service": "login"}, {1}),
        ({"severity": "critical"}, {2}),
        ({"environment": "staging"}, {3}),
        ({"text": "PAYMENT 4"}, {4}),
        ({"text": "100%"}, {5}),
        ({"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}, set()),
        ({"service": "shop", "severity": "critical"}, {2}),
    ],
)
async def test_filters_let_pass_what_they_say(service: Service, query: dict[str, str], numbers: set[int]) -> None:
    project = await service.project()
    await project.send(
        error(0),
        error(1, service="login"),
        error(2, severity="critical"),
        error(3, environment="staging"),
        error(4),
        error(5, message="disk 100% full 5"),
    )
    found = (await project.get("/api/errors", **query))["errors"]
    assert {int("".join(c for c in item["message"] if c.isdigit())[-1]) for item in found} == numbers
