"""The hot way and the route take errors alike; only the way differs. Over real sockets: connections answer."""

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.access.keys import KeyRing
from api.http import connection as connections
from api.storing.flusher import Flusher, Outcome
from common.settings import Settings
from common.telemetry import metrics
from tests.api.ingest.sending import ERROR, EVENT_ID, Raw, by_route, count_stored, post
from tests.api.serving import serving
from tests.conftest import Project, Service

SECRET = ERROR | {"message": "login failed password=hunter2"}
BODIES: list[tuple[str, Any]] = [
    ("batch", {"errors": [ERROR | {"event_id": EVENT_ID}]}),
    ("batch", {"errors": [ERROR, SECRET, {"service": "x"}, 7]}),
    ("batch", {"errors": [{"service": "x"}] * 40}),
    ("batch", {"errors": []}),
    ("batch", {"errors": [ERROR] * 1_001}),
    ("batch", "no list"),
    ("log", SECRET | {"event_id": EVENT_ID}),
    ("log", {"service": "x"}),
    ("log", {"service": "x" * 300, "severity": "x", "message": ""}),
    ("log", [1]),
]
CODINGS = ["identity", "gzip", "gzip, deflate, br, zstd"]


async def test_both_ways_answer_byte_for_byte_the_same(project: Project) -> None:
    for name, document in BODIES:
        body = json.dumps(document).encode()
        await post(project, name, body)  # so that what has an id is a duplicate both times
        for coding in CODINGS:
            accept = {"accept-encoding": coding}
            hot = await post(project, name, body, **accept)
            assert hot == await post(project, name, body, **accept, **by_route(project)), document


async def test_both_ways_read_the_type_alike(project: Project) -> None:
    for name in ("batch", "log"):
        for sent in ("text/plain", "application/x-ndjson", "application/JSON; charset=utf-8"):
            typed = {"content-type": sent}
            hot = await post(project, name, b"{}", **typed)
            assert hot == await post(project, name, b"{}", **typed, **by_route(project)), sent


@pytest.mark.parametrize("quotas", [{"limit_key_requests": 4}])
async def test_both_ways_run_on_the_same_quota(project: Project) -> None:
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert (await post(project, "log", body, **by_route(project)))[0] == 201
    assert (await post(project, "log", body))[0] == 201
    hot, routed = await post(project, "log", body), await post(project, "log", body, **by_route(project))
    assert hot[0] == routed[0] == 429
    assert [name for name, _ in hot[1]] == [name for name, _ in routed[1]]


async def test_a_known_key_does_without_the_route_and_everything_else_takes_it(
    project: Project, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("no_route")
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert (await post(project, "batch", b'{"errors": [%s]}' % body))[0] == 201
    through_the_route = [
        await post(project, "log", body, **by_route(project)),
        await post(project, "log", body, **{"x-api-key": project.ingest.headers["authorization"].partition(" ")[2]}),
        await post(project, "log", body, origin="https://pages.example"),
        await post(project, "log", body, connection="close"),
        await post(project, "log", gzip.compress(body), **{"content-encoding": "gzip"}),
        await post(project, "log", body + b" " * 300_000),
    ]
    assert [answer[0] for answer in through_the_route] == [503] * 6
    chunked = await project.ingest.post("/api/errors/log", content=in_pieces(body))
    assert chunked.status_code == 503


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body[:10]
    yield body[10:]


async def test_a_key_that_may_only_read_is_refused(project: Project) -> None:
    await project.get("/api/errors/recent")
    answer: httpx.Response = await project.read.post("/api/errors/log", json=ERROR)
    assert answer.status_code == 403


async def test_what_is_taken_is_counted_under_its_route(project: Project) -> None:
    counted = metrics.REQUESTS.of("POST", "/api/errors/log", "201", "lane")._value.get()
    timed = metrics.REQUEST_DURATION.of("POST", "/api/errors/log")._sum.get()
    read = metrics.BODY_BYTES.of("unpacked")._value.get()
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert metrics.REQUESTS.of("POST", "/api/errors/log", "201", "lane")._value.get() == counted + 1
    assert metrics.REQUEST_DURATION.of("POST", "/api/errors/log")._sum.get() > timed
    assert metrics.BODY_BYTES.of("unpacked")._value.get() == read + len(body)


async def test_requests_in_one_packet_are_answered_in_their_order(raw: Raw, service: Service) -> None:
    await raw.send(b"".join(raw.log(number) for number in range(5)) + raw.log(5, "Connection: close\r\n"))
    told = await asyncio.wait_for(raw.reader.read(), 10)
    assert re.findall(rb"x-request-id: (\d)", told) == [b"%d" % number for number in range(6)]
    assert told.count(b"HTTP/1.1 201 Created") == 6
    assert await count_stored(service) == 7


async def test_errors_with_the_head_of_those_before_do_without_the_parser_and_mean_something_else_in_another_place(
    raw: Raw, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(message: str) -> bytes:
        return raw.log(body=json.dumps(ERROR | {"message": message}))

    await raw.send(log("first"))
    assert (await raw.answer())[0] == 201
    with monkeypatch.context() as unread:
        unread.setattr(connections, "read_head", lambda *_: 1 / 0)
        for message in ("second", "a third that is longer"):
            await raw.send(log(message))
            assert (await raw.answer())[0] == 201
    await raw.send(log("in"), log("a row") + log("at once"))
    await raw.send(log("in pieces")[:-5], log("in pieces")[-5:])
    assert [(await raw.answer())[0] for _ in range(4)] == [201] * 4
    # as the end of a body
    inner = log("inner").decode()
    outer = raw.log(body=json.dumps(ERROR | {"message": "outer"}) + "\n" + inner)
    await raw.send(outer[: -len(inner)], outer[-len(inner) :])
    assert (await raw.answer())[0] == 422
    # behind the beginning of a request
    await raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", log("behind").replace(b"Host: x\r\n", b""))
    assert (await raw.answer())[2] == b'{"status":"ok"}'
    stored = {message for [message] in await service.execute("SELECT message FROM errors")}
    assert stored == {
        *(ERROR["message"], "first", "second", "a third that is longer"),
        *("in", "a row", "at once", "in pieces"),
    }


async def test_a_connection_is_kept_from_its_last_answer_on(service: Service, settings: Settings) -> None:
    made = await service.project()
    async with serving(settings, keep_alive_seconds=1) as port:
        raw = Raw(made.ingest.headers["authorization"])
        await raw.connect(port)
        for _ in range(7):
            await raw.send(raw.log())
            assert (await raw.answer())[0] == 201
            answered = time.monotonic()
            await asyncio.sleep(0.25)
        assert await asyncio.wait_for(raw.reader.read(), 10) == b""
        assert time.monotonic() - answered > 0.9
        raw.writer.close()


async def test_errors_with_the_head_of_those_before_need_a_key_that_is_still_known(
    raw: Raw, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 201
    monkeypatch.setattr(KeyRing, "recall", lambda *_: None)
    monkeypatch.setattr(KeyRing, "find", forget)
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 401


async def forget(*_: object) -> None:
    """Postgres knows no such key."""


async def test_what_postgres_cannot_hold_is_a_422(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reject(_: object, rows: list[Any]) -> list[Outcome]:
        return [Outcome.rejected for _ in rows]

    monkeypatch.setattr(Flusher, "store", reject)
    body = json.dumps(ERROR).encode()
    hot = await post(project, "log", body)
    assert hot == await post(project, "log", body, **by_route(project))
    assert hot[0] == 422
