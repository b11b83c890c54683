"""Who has no key for a route makes nobody read: not one byte of a body, on any route, also on those to come."""

import asyncio
import os
import time
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel

from api.access.routers import PUBLIC_PATHS
from api.agents.routes import PATH as AGENTS
from api.app import create_app
from api.http import bodies
from common.keys import Scope, make_key
from common.projects import create_key, ensure_project
from common.settings import Settings
from tests.api.serving import serving
from tests.attacks.strangers import ATTACKS, BOMBS, NOBODY, ask, guarded_routes, pages
from tests.conftest import Service, run_service

WRONG = {Scope.ingest: Scope.read, Scope.read: Scope.ingest, Scope.triage: Scope.read, Scope.admin: Scope.ingest}
PEEKED = {f"/api/{NOBODY}/envelope/"}
REAL_DECODERS = dict(bodies.DECODERS)
CREDENTIALS = ("none", "no key", "made up", "revoked", "wrong scope")
TOGETHER = 60 if os.environ.get("MAYDAY_TEST_ATTACKS") == "long" else 6  # strangers
SECONDS = 5.0  # in which even a busy machine answers; six bombs took longer than that on an idle one


class Sent(BaseModel):
    """What a planted route would parse."""

    name: str


@pytest.fixture
def app(service: Service) -> FastAPI:
    return create_app(service.settings)


@pytest.fixture(autouse=True)
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codings for which a decoder was made."""
    made: list[str] = []

    def note(coding: str) -> Any:
        made.append(coding)
        raise AssertionError(f"a stranger's {coding} was about to be unpacked")

    for coding in list(bodies.DECODERS):
        monkeypatch.setitem(bodies.DECODERS, coding, partial(note, coding))
    return made


async def make_keys(service: Service) -> dict[Scope, str]:
    async with service.tools.engine.begin() as connection:
        project_id = await ensure_project(connection, "default")
        return {scope: str(await create_key(connection, project_id, scope, "test")) for scope in Scope}


async def keys_of(service: Service, credential: str) -> dict[Scope, str | None]:
    """For a route of each scope, what a stranger shows."""
    keys = await make_keys(service)
    if credential == "revoked":
        await service.execute("UPDATE api_keys SET revoked_at = now()")
    made_up = str(make_key(Scope.admin))  # one alone, since the look-ups of such are bounded
    shown: dict[str, dict[Scope, str | None]] = {
        "none": dict.fromkeys(Scope),
        "no key": dict.fromkeys(Scope, "x" * 20_000),
        "made up": dict.fromkeys(Scope, made_up),
        "revoked": dict(keys),
        "wrong scope": {scope: keys[wrong] for scope, wrong in WRONG.items()},
    }
    return shown[credential]


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_a_stranger_is_refused_on_every_route_before_a_byte_is_read(
    service: Service, app: FastAPI, unpacked: list[str], credential: str
) -> None:
    keys = await keys_of(service, credential)
    routes = list(guarded_routes(app))
    assert {"POST", "PATCH", "DELETE", "GET", "HEAD"} <= {method for method, _, _ in routes}
    for method, path, scope in routes:
        if credential == "none" and path in PEEKED:
            continue  # below
        if credential == "wrong scope" and path == AGENTS:
            continue  # each scope has its tools there
        for name, attack in ATTACKS.items():
            told, sender = await ask(app, service.state, method, path, keys[scope], attack)
            case = (method, path, name)
            assert told.status == (403 if credential == "wrong scope" else 401), case
            assert sender.asked == 0, case
    assert not unpacked


async def test_of_an_envelope_without_a_key_its_first_line_is_looked_at_and_no_more(
    service: Service, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may name the DSN there. Whatever is sent in its place, so many bytes are unpacked, and none reach the route."""
    unpacked: list[int] = []

    class Counting:
        def __init__(self, coding: str) -> None:
            self.real = REAL_DECODERS[coding]()

        def feed(self, data: bytes, room: int) -> bytes:
            unpacked.append(len(found := self.real.feed(data, room)))
            return found

        def is_complete(self) -> bool:
            return self.real.is_complete()

    for coding in REAL_DECODERS:
        monkeypatch.setitem(bodies.DECODERS, coding, partial(Counting, coding))
    for path in PEEKED:
        for name, attack in ATTACKS.items():
            unpacked.clear()
            told, sender = await ask(app, service.state, "POST", path, None, attack)
            assert told.status == 401, name
            most = 1 if attack.ends else bodies.PEEKED_BYTES // len(attack.pieces[0]) + 1
            assert sender.asked <= most, name
            assert sum(unpacked) <= 2 * bodies.PEEKED_BYTES, name  # brotli ends where a block of its own does


async def test_who_has_used_up_a_quota_is_refused_before_a_byte_is_read(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"limit_key_requests": 1})) as service:
        app, keys = create_app(service.settings), await make_keys(service)
        for key in keys.values():
            await ask(app, service.state, "GET", "/api/errors/recent", key, ATTACKS["deep JSON"])
            await ask(app, service.state, "POST", f"/api/budgets/{NOBODY}/settle", key, ATTACKS["deep JSON"])
        for method, path, scope in guarded_routes(app):
            told, sender = await ask(app, service.state, method, path, keys[scope], ATTACKS["gzip bomb"])
            assert (told.status, sender.asked) == (429, 0), (method, path)


async def test_what_no_route_takes_is_refused_before_a_byte_is_read(service: Service, app: FastAPI) -> None:
    keys = [None, (await make_keys(service))[Scope.read]]
    budget = f"/api/budgets/{NOBODY}/check"
    paths = (
        "/",
        "/api/none",
        "/api/budgets/",
        "//api/budgets",
        "/api/budgets%2f",
        "/API/BUDGETS",
        f"{budget}/",
        budget,
    )
    for key in keys:
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "post"):
            for path in (*paths, *PUBLIC_PATHS):
                told, sender = await ask(app, service.state, method, path, key, ATTACKS["gzip bomb"])
                # 413: the form by which people sign in has so few bytes that its head says enough
                assert told.status in (401, 403, 404, 405, 413, 422), (method, path, told.status)
                assert sender.asked == 0, (method, path)
                if path in PUBLIC_PATHS - {"/signin"}:
                    assert told.status == 405


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_no_key_opens_a_page_and_nothing_is_read_of_what_comes_to_one(
    service: Service, app: FastAPI, unpacked: list[str], credential: str
) -> None:
    """Pages ask for sessions: who has none is led to where one signs in, or told so."""
    keys = await keys_of(service, credential)
    walked = list(pages(app))
    assert len(walked) >= 10
    for method, path in walked:
        for name, attack in ATTACKS.items():
            told, sender = await ask(app, service.state, method, path, keys[Scope.admin], attack)
            assert told.status == (303 if method == "GET" else 401), (method, path, name)
            assert sender.asked == 0, (method, path, name)
    assert unpacked == []


async def read_model(sent: Sent) -> None:
    """FastAPI reads it before it is called."""


async def read_raw(request: Request) -> None:
    await request.body()


@pytest.mark.parametrize("endpoint", [read_model, read_raw])
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_route_planted_past_the_guard_gets_no_byte(
    service: Service, app: FastAPI, endpoint: Any, method: str
) -> None:
    """Also where whoever made it forgot the guard, and the program did not look."""
    app.add_api_route("/planted", endpoint, methods=[method])
    for key in (None, (await make_keys(service))[Scope.admin]):
        told, sender = await ask(app, service.state, method, "/planted", key, ATTACKS["gzip bomb"])
        assert (told.status, sender.asked) == (401, 0)


def head_of(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join(
        [f"{method} {path} HTTP/1.1", "Host: mayday", "Content-Type: application/json", *lines, "", ""]
    ).encode()


async def read_status(reader: asyncio.StreamReader) -> int:
    """Of the next answer."""
    return int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])


async def test_strangers_bombs_do_not_keep_the_living_from_being_asked(settings: Settings, unpacked: list[str]) -> None:
    async with serving(settings) as port:
        guarded = guarded_routes(create_app(settings))
        routes = [(method, path) for method, path, _ in guarded if method != "HEAD" and path not in PEEKED]

        async def send_bomb(method: str, path: str, coding: str) -> int:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            bomb = BOMBS[coding]
            writer.write(head_of(method, path, f"Content-Encoding: {coding}", f"Content-Length: {len(bomb)}") + bomb)
            status = await read_status(reader)
            writer.close()
            return status

        async def ask_livez() -> float:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head_of("GET", "/livez"))
            assert await read_status(reader) == 200
            writer.close()
            return time.monotonic() - began

        for method, path in routes:
            sent = [send_bomb(method, path, coding) for coding in list(BOMBS) * (TOGETHER // len(BOMBS))]
            *statuses, waited = await asyncio.gather(*sent, ask_livez())
            assert set(statuses) == {401}, (method, path)
            assert waited < SECONDS
    assert not unpacked


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_a_stranger_whose_body_never_ends_is_answered_and_the_connection_ends(
    settings: Settings, framing: str
) -> None:
    async with serving(settings) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head_of("POST", "/api/budgets", framing) + b"5\r\n")
        assert await read_status(reader) == 401
        await asyncio.wait_for(reader.read(), 10)  # to its end
        writer.close()


async def test_a_stranger_is_not_asked_to_go_on(settings: Settings) -> None:
    async with serving(settings) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head_of("POST", "/api/errors/batch", "Expect: 100-continue", "Content-Length: 1000"))
        assert await read_status(reader) == 401  # no 100 before it
        writer.close()
