"""The hot way and the route give the same answers; only the way differs."""

import asyncio
import re

import httpx
import pytest

from api.read import routes
from tests.conftest import Project, Service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed: card declined, and a few more words"}
PATHS = ["/api/errors/recent", "/api/errors/patterns"]


async def ask(project: Project, path: str, **headers: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and bytes as on the wire; the request that RateLimit counts left out."""
    request = project.read.build_request("GET", path, headers={"x-request-id": "same", **headers})
    if "accept-encoding" not in headers:
        del request.headers["accept-encoding"]
    answer = await project.read.send(request, stream=True)
    body = b"".join([piece async for piece in answer.aiter_raw()])
    return answer.status_code, [(k, re.sub(rb"r=\d+;t=\d+", b"", v)) for k, v in answer.headers.raw], body


def by_route(project: Project) -> dict[str, str]:
    """The scheme in another case, which only the route reads."""
    return {"authorization": project.read.headers["authorization"].replace("Bearer", "bearer")}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("coding", [None, "zstd", "br", "gzip", "gzip, deflate, br, zstd"])
@pytest.mark.parametrize("errors", [0, 10])
async def test_both_ways_answer_byte_for_byte_the_same(
    service: Service, path: str, coding: str | None, errors: int
) -> None:
    project = await service.project()
    if errors:
        await project.send(*[ERROR] * errors)
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
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    project = await service.project()
    await project.get(path)

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the route was asked")

    monkeypatch.setattr(routes, "serve", fail)
    assert (await project.read.get(path)).status_code == 200
    assert (await project.read.head(path)).content == b""
    through_the_route: list[httpx.Response] = [
        await project.read.get(path, headers=by_route(project)),
        await project.read.get(path, params={"service": "shop"}),
        await project.admin.get(path),
    ]
    assert [answer.status_code for answer in through_the_route] == [500, 500, 500]
    assert (await project.ingest.get(path)).status_code == 403


async def test_readers_of_a_hot_answer_do_not_wait_for_the_generation(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    await project.get(PATHS[0])

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the route was asked")

    monkeypatch.setattr(routes, "serve", fail)
    trust_seconds = service.state["reads"].trust_seconds
    for _ in range(4):
        await asyncio.sleep(trust_seconds * 0.7)
        assert (await project.read.get(PATHS[0])).status_code == 200
