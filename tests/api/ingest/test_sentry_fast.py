"""Envelopes are answered by the connection as by the routes, byte for byte, and none is taken there that it cannot be sure of."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from api.ingest.sentry_fast import Turns
from common.settings import Settings
from tests.api.access.test_dsn import dsn_key, number_of
from tests.api.ingest.receivers.sentry.test_envelope import RIGHT, WRONG
from tests.api.ingest.test_sentry_routes import BODY, CODINGS, ID, Sender, envelope
from tests.attacks.test_lane_and_routes import BothWays, counted, request
from tests.conftest import Service, run_service
from tests.listening import listening

BOMB = zlib.compress(b"\0" * (40 * 2**20), 9)
LONG = envelope(("event", json.dumps({"message": "m", "extra": {"x": "y" * 300_000}}).encode()), event_id=ID)
FIRST = envelope(("event", BODY), event_id=ID)


async def ways(service: Service, lane: int, routes: int) -> tuple[BothWays, bytes, bytes]:
    """Both ways, the target of the project's envelopes, and the line with its key."""
    project = await service.project()
    auth = f"X-Sentry-Auth: Sentry sentry_version=7, sentry_key={dsn_key(project)}"
    return (
        BothWays(lane, routes, {}),
        b"/api/%d/envelope/" % await number_of(service, project),
        auth.encode(),
    )


Ways = tuple[BothWays, bytes, bytes]


@pytest.fixture
async def both(service: Service) -> AsyncIterator[Ways]:
    async with (
        listening(service.app, service.state) as lane,
        listening(service.app, service.state | {"fast_lane": {}}) as routes,
    ):
        opened = await ways(service, lane, routes)
        await opened[0].tell(
            routes, request(b"POST", opened[1], opened[2], body=FIRST)
        )  # its key is known from here on
        yield opened


def packed(body: bytes, coding: str, *lines: bytes) -> tuple[list[bytes], bytes]:
    return [*lines, *([b"Content-Encoding: " + coding.encode()] if coding else [])], CODINGS[coding](body)


async def test_every_framing_is_answered_the_same_packed_and_not(both: Ways) -> None:
    opened, target, auth = both
    bodies = [*(sent for sent, _ in RIGHT.values()), *WRONG.values(), LONG, FIRST, FIRST.replace(b"event", b"span")]
    codings = ["", *list(CODINGS)[1:]]
    sent = []
    for number, body in enumerate(bodies):
        # an event that has no id gets another one each time, which the comparison leaves out
        lines, whole = packed(body, codings[number % len(codings)], auth)
        sent.append(request(b"POST", target, *lines, body=whole))
    taken = counted("lane")
    assert await opened.differ(sent) == []
    assert counted("lane") - taken >= 2 * (len(bodies) - 2)


async def test_what_is_odd_is_answered_the_same(both: Ways) -> None:
    opened, target, auth = both
    other = auth[:-4] + b"0000"
    lines_and_bodies: list[tuple[list[bytes], bytes]] = [
        ([auth, b"Content-Encoding: deflate"], BOMB),
        ([auth, b"Content-Encoding: gzip"], b"no gzip"),
        ([auth, b"Content-Encoding: gzip"], gzip.compress(FIRST)[:-5]),
        ([auth, b"Content-Encoding: gzip"], gzip.compress(FIRST) + b"more"),
        ([auth, b"Content-Encoding: gzip, gzip"], gzip.compress(gzip.compress(FIRST))),
        ([auth, b"Content-Encoding: nothing"], FIRST),
        ([auth, b"Content-Encoding: identity"], FIRST),
        ([auth, b"Content-Encoding:"], FIRST),
        ([auth, auth], FIRST),
        ([auth, b"X-Sentry-Auth: Sentry sentry_key=" + b"0" * 32], FIRST),
        ([auth + b", sentry_key=" + b"0" * 32], FIRST),
        ([auth.upper().replace(b"X-SENTRY-AUTH: SENTRY", b"X-Sentry-Auth: Sentry")], FIRST),
        ([other], FIRST),
        ([b"X-Sentry-Auth: Sentry"], FIRST),
        ([], FIRST),
        ([auth, b"Authorization: Bearer x"], FIRST),
        ([auth, b"X-API-Key: x"], FIRST),
        ([auth, b"Origin: https://pages.example"], FIRST),
        ([auth, b"Transfer-Encoding: chunked"], FIRST),
        ([auth], FIRST.replace(b"{", b'{"dsn": "http://%b@x/1", ' % (b"0" * 32), 1)),
    ]
    sent = [request(b"POST", target, *lines, body=body) for lines, body in lines_and_bodies]
    targets = [
        b"/api/99/envelope/",
        b"/api/1x/envelope/",
        b"/api//envelope/",
        target + b"?x=1",
        target[:-1],
        b"/api/0%b" % target[5:],
    ]
    sent += [request(b"POST", one, auth, body=FIRST) for one in targets]
    sent += [request(b"GET", target, auth), request(b"PUT", target, auth, body=FIRST)]
    assert await opened.differ(sent) == []


def sdk(port: int, auth: bytes) -> httpx.AsyncClient:
    name, _, value = auth.decode().partition(": ")
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={name: value}, trust_env=False, timeout=30)


async def test_an_event_waits_by_the_lane_too_and_is_stored_once(service: Service) -> None:
    async with listening(service.app, service.state) as port:
        _, target, auth = await ways(service, port, port)
        async with sdk(port, auth) as client:
            sender = Sender(service, await service.project("doors-again"), client, 0)
            assert (await client.post(target.decode(), content=b"{}")).status_code == 200
            taken = counted("lane")
            await service.execute("ALTER TABLE deltas RENAME TO away")
            sending = asyncio.create_task(client.post(target.decode(), content=FIRST))
            await asyncio.sleep(1)
            assert not sending.done()
            await service.execute("ALTER TABLE away RENAME TO deltas")
            assert (await sending).json() == {"id": ID}
            assert counted("lane") - taken == 1
            assert len(await service.execute("SELECT 1 FROM errors")) == 1
            assert await sender.losses() == {}


async def test_what_is_refused_by_the_lane_is_counted_and_a_report_of_it_comes_through(settings: Settings) -> None:
    report: dict[str, Any] = {"discarded_events": [{"reason": "ratelimit_backoff", "category": "error", "quantity": 5}]}
    lines = ("client_report", json.dumps(report).encode())
    async with (
        run_service(settings.model_copy(update={"limit_project_errors": 1})) as service,
        listening(service.app, service.state) as port,
    ):
        _, target, auth = await ways(service, port, port)
        async with sdk(port, auth) as client:
            sent = [FIRST, FIRST, envelope(lines, ("event", BODY)), envelope(lines)]
            answers = [await client.post(target.decode(), content=body) for body in sent]
        assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
        assert answers[1].headers["X-Sentry-Rate-Limits"].startswith(answers[1].headers["Retry-After"])
        await service.state["losses"].write()
        told = await service.execute("SELECT reason, category, count FROM sender_losses ORDER BY reason")
        assert told == [("ratelimit_backoff", "error", 5), ("refused", "error", 2)]


async def test_envelopes_have_turns_of_their_own_between_which_others_come() -> None:
    turns, order = Turns(), list[str]()
    loop = asyncio.get_running_loop()
    for name in ("first", "second"):
        turns.add(cast("Any", SimpleNamespace(begin=partial(order.append, name))))
    loop.call_soon(order.append, "another")
    await asyncio.sleep(0.01)
    assert order == ["first", "another", "second"]
    turns.add(cast("Any", SimpleNamespace(begin=partial(order.append, "third"))))
    await asyncio.sleep(0.01)
    assert order[-1] == "third"


async def test_an_envelope_is_taken_in_its_turn_and_gets_no_task(service: Service) -> None:
    async with listening(service.app, service.state) as port:
        _, target, auth = await ways(service, port, port)
        async with sdk(port, auth) as client:
            assert (await client.post(target.decode(), content=b"{}")).status_code == 200
            tasks = count_tasks(service)
            packed = gzip.compress(FIRST)
            answer = await client.post(target.decode(), content=packed, headers={"Content-Encoding": "gzip"})
            assert (answer.json(), tasks()) == ({"id": ID}, 0)
            wrong = await client.post(target.decode(), content=b"no envelope")
            assert (wrong.status_code, tasks()) == (400, 1)


def count_tasks(service: Service) -> Callable[[], int]:
    """How many tasks the responder starts from here on."""
    responder, started = service.state["responder"], list[object]()
    start = responder.start

    def note(work: Any) -> Any:
        started.append(work)
        return start(work)

    responder.start = note
    return lambda: len(started)
