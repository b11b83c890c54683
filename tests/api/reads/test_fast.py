"""The hot way and the route give the same answers; only the way differs. Over real sockets: connections answer."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.reads import routes
from api.reads.caching import Reads
from common.settings import Settings
from common.telemetry import metrics
from tests.api.serving import over_sockets, serving
from tests.conftest import Project, Service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed: card declined, and a few more words"}
PATHS = ["/api/errors/recent", "/api/errors/patterns"]


@pytest.fixture
async def project(service: Service, settings: Settings) -> AsyncIterator[Project]:
    """A project that reads over sockets."""
    async with over_sockets(await service.project(), settings) as made:
        yield made


async def ask(project: Project, path: str, **headers: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and bytes as on the wire; the request that RateLimit counts, and the second, left out."""
    request = project.read.build_request("GET", path, headers={"x-request-id": "same", **headers})
    if "accept-encoding" not in headers:
        del request.headers["accept-encoding"]
    answer = await project.read.send(request, stream=True)
    body = b"".join([piece async for piece in answer.aiter_raw()])
    sent = [(name, re.sub(rb"r=\d+;t=\d+", b"", value)) for name, value in answer.headers.raw if name != b"date"]
    return answer.status_code, sent, body


def by_route(project: Project) -> dict[str, str]:
    """The scheme in another case, which only the route reads."""
    return {"authorization": project.read.headers["authorization"].replace("Bearer", "bearer")}


@pytest.fixture
def no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the route was asked")

    monkeypatch.setattr(routes, "serve", fail)


@pytest.mark.parametrize("path", PATHS)
async def test_both_ways_answer_byte_for_byte_the_same(project: Project, path: str) -> None:
    for errors in (0, 10):
        if errors:
            await project.send(*[ERROR] * errors)
            await asyncio.sleep(1.1)
        for coding in (None, "zstd", "br", "gzip", "gzip, deflate, br, zstd"):
            accepted = {} if coding is None else {"accept-encoding": coding}
            await ask(project, path, **accepted)
            routed = await ask(project, path, **accepted, **by_route(project))
            hot = await ask(project, path, **accepted)
            assert hot == routed
            etag = dict(hot[1])[b"etag"].decode()
            known = {"if-none-match": etag, **accepted}
            assert await ask(project, path, **known) == await ask(project, path, **known, **by_route(project))
            assert (await ask(project, path, **known))[0] == 304


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_held_goes_out_without_the_route_and_the_rest_through_it(
    project: Project, path: str, request: pytest.FixtureRequest
) -> None:
    await project.get(path)
    request.getfixturevalue("no_route")
    counted = metrics.REQUESTS.of("GET", path, "200", "lane")._value.get()
    assert (await project.read.get(path)).status_code == 200
    assert metrics.REQUESTS.of("GET", path, "200", "lane")._value.get() == counted + 1
    assert (await project.read.get(path, headers={"x-request-id": "mine"})).headers["x-request-id"] == "mine"
    assert (await project.read.head(path)).content == b""
    assert (await project.ingest.get(path)).status_code == 403
    assert (await project.read.get(path)).status_code == 200
    through_the_route: list[httpx.Response] = [
        await project.read.get(path, headers=by_route(project)),
        await project.read.get(path, params={"service": "shop"}),
        await project.read.request("GET", path, content=b"a body"),
        await project.admin.get(path),
    ]
    assert [answer.status_code for answer in through_the_route] == [500, 500, 500, 500]


async def test_readers_of_a_hot_answer_do_not_wait_for_the_generation(
    project: Project, settings: Settings, request: pytest.FixtureRequest
) -> None:
    await project.get(PATHS[0])
    request.getfixturevalue("no_route")
    for _ in range(4):
        await asyncio.sleep(settings.recent_max_age_seconds / 2 * 0.7)
        assert (await project.read.get(PATHS[0])).status_code == 200


async def test_readers_of_what_is_outdated_wait_for_neither_the_cache_nor_a_new_answer(
    project: Project, service: Service, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    first = await project.get(PATHS[0])
    release, looks = asyncio.Event(), 0
    find = Reads.find

    async def wait(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        await release.wait()
        return await find(*arguments)

    async def read_until(source: str) -> httpx.Response:
        async with asyncio.timeout(10):
            while (answer := await project.read.get(PATHS[0])).headers["x-mayday-cache"] != source:
                await asyncio.sleep(0.05)
        return answer

    monkeypatch.setattr(Reads, "find", wait)
    monkeypatch.setattr(Reads, "is_recent", lambda *_: True)
    # a process that stands still for a second, as on a slow machine, goes on trusting what it knew before
    monkeypatch.setattr(Reads, "trust_seconds", property(lambda _: 4.0, lambda *_: None), raising=False)
    await project.send(ERROR)
    await service.tools.cache.raise_generation(project.id, "errors")
    request.getfixturevalue("no_route")
    assert (await read_until("stale")).json() == first
    assert (await read_until("stale")).json() == first
    assert looks == 1
    release.set()
    assert len((await read_until("hit")).json()["errors"]) == len(first["errors"]) + 1


async def test_requests_in_one_packet_are_answered_in_their_order(project: Project) -> None:
    await project.get(PATHS[0])
    authorization = project.read.headers["authorization"]

    def line(path: str, number: int, more: str = "") -> str:
        return (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nX-Request-ID: {number}\r\n{more}\r\n"
        )

    paths = [PATHS[0], PATHS[0], "/livez", PATHS[0], "/livez", PATHS[0]]
    sent = "".join(line(path, number) for number, path in enumerate(paths)) + line(PATHS[0], 6, "Connection: close\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(str(project.read.base_url)).port)
    writer.write(sent.encode())
    told = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert re.findall(rb"(?i)x-request-id: (\d)", told) == [b"%d" % number for number in range(7)]
    assert told.count(b"HTTP/1.1 200 OK") == 7


async def test_a_request_that_comes_again_is_answered_as_it_was_and_is_nothing_else_in_another_place(
    project: Project,
) -> None:
    """The connection knows it by its bytes; those mean something else in a body, and behind half a request."""
    await project.get(PATHS[0])
    authorization = project.read.headers["authorization"]
    again = f"GET {PATHS[0]} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\n\r\n".encode()
    post = f"POST /api/errors/log HTTP/1.1\r\nHost: x\r\nContent-Length: {len(again)}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(str(project.read.base_url)).port)

    async def ask(*pieces: bytes) -> tuple[int, bytes]:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.02)
        told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        found = re.search(rb"content-length: (\d+)", told)
        return int(told.split()[1]), await reader.readexactly(int(found[1])) if found else b""

    first = await ask(again)
    assert [await ask(again) for _ in range(3)] == [first] * 3
    assert (await ask(b"\r\n", again)) == first
    assert (await ask(again[:30], again[30:])) == first
    # as a body, whose request is answered before it is whole and then after it
    assert (await ask(f"{post}\r\n".encode()))[0] == 401
    writer.write(again)
    assert (await ask(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"))[1] == b'{"status":"ok"}'
    assert (await ask(f"{post}Authorization: {authorization}\r\n\r\n".encode(), again))[0] == 403
    assert await ask(again) == first
    # behind the beginning of a request: the header X has the first line of this one as its value
    status, body = await ask(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", again.replace(b"Host: x\r\n", b""))
    assert (status, body) == (200, b'{"status":"ok"}')
    writer.close()


async def test_a_client_that_does_not_read_gets_no_more_than_the_buffer_holds(project: Project) -> None:
    """Answers wait in the server's memory only up to its high-water mark, whatever a client asks for in one go."""
    await project.get(PATHS[0])
    request = (
        f"GET {PATHS[0]} HTTP/1.1\r\nHost: x\r\nAuthorization: {project.read.headers['authorization']}\r\n\r\n"
    ).encode()
    counted = metrics.REQUESTS.of("GET", PATHS[0], "200", "lane")._value.get()
    _reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(str(project.read.base_url)).port, limit=1_024)
    requests = 40_000
    sending = asyncio.create_task(send(writer, request, requests))
    await asyncio.sleep(1)
    answered = metrics.REQUESTS.of("GET", PATHS[0], "200", "lane")._value.get() - counted
    assert 0 < answered < requests / 2
    sending.cancel()
    writer.transport.abort()


async def send(writer: asyncio.StreamWriter, request: bytes, times: int) -> None:
    for _ in range(times // 100):
        writer.write(request * 100)
        await writer.drain()


async def test_a_quota_holds_for_hot_answers_too(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.access.quotas.clock", lambda: 1_000_000.0)  # so that no window ends meanwhile
    made = await service.project()
    async with (
        serving(settings.model_copy(update={"limit_key_requests": 5})) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=made.read.headers, trust_env=False) as client,
    ):
        statuses = [(await client.get(PATHS[0])).status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
