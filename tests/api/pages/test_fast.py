"""A page that the connection sends is the one that the route would: the same bytes, to the same browser, while its session is
good and nothing in it has changed."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from prometheus_client import generate_latest

from api.access.sessions import Session, check_csrf, cookie_name
from api.http.problems import Forbidden
from api.pages import fast, shown
from common.projects import revoke_key
from common.settings import Settings
from common.telemetry import metrics
from common.telemetry.exposition import make_registry
from tests.api.pages.browsing import counts_of, csrf_of
from tests.conftest import Project, Service
from tests.listening import listening

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed: card declined", "environment": "live"}
TARGETS = ("", "?window=24h", "?window=24h&not_service=shop", "?done=resolve", "live", "live?service=shop")
CODINGS = ("gzip, deflate, br, zstd", "br", "gzip", "gzip;q=0.5, identity", "")
NOW = "/p/{project_id}/"


@dataclass(frozen=True, slots=True)
class Looker:
    """A browser with sessions, and two ways to the same service: by the connection where that may answer, and by routes."""

    project: Project
    lane: httpx.AsyncClient
    routes: httpx.AsyncClient
    token: str

    @property
    def home(self) -> str:
        return f"/p/{self.project.id}/"

    @property
    def session(self) -> Session:
        return Session(self.project.id, self.token)

    async def see(self, path: str = "", **headers: str) -> httpx.Response:
        return await self.lane.get(self.home + path, headers=headers)


class Lookers:
    """Makes them, of one service."""

    def __init__(self, service: Service, stack: AsyncExitStack, ports: tuple[int, int]) -> None:
        self.service, self.stack, self.ports = service, stack, ports

    async def sign_in(self, *projects: Project, scope: str = "admin") -> Looker:
        """To all of these; looks at the first."""
        tokens = {}
        for project in projects:
            link = (await getattr(project, scope).post("/api/signin-links")).json()["path"]
            browser = await self.service.client(None)
            await browser.get(link)
            tokens[cookie_name(project.id)] = browser.cookies[cookie_name(project.id)]
        headers = {"Cookie": "; ".join(f"{name}={token}" for name, token in tokens.items()), "Host": "mayday"}
        clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{p}", headers=headers, timeout=60) for p in self.ports]
        lane, routes = [await self.stack.enter_async_context(client) for client in clients]
        return Looker(projects[0], lane, routes, tokens[cookie_name(projects[0].id)])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"recent_max_age_seconds": 60.0})


@pytest.fixture
async def lookers(service: Service) -> AsyncIterator[Lookers]:
    async with AsyncExitStack() as stack:
        lane = await stack.enter_async_context(listening(service.app, service.state))
        routes = await stack.enter_async_context(listening(service.app, service.state | {"fast_lane": {}}))
        yield Lookers(service, stack, (lane, routes))


def taken(status: int = 200, route: str = NOW) -> float:
    """How many the connection has answered so."""
    return float(metrics.REQUESTS.of("GET", route, str(status), "lane")._value.get())


async def raw(client: httpx.AsyncClient, path: str, **headers: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    request = client.build_request("GET", path, headers={"x-request-id": "same", **headers})
    answer = await client.send(request, stream=True)
    body = b"".join([piece async for piece in answer.aiter_raw()])
    sent = [(name, re.sub(rb"r=\d+;t=\d+", b"", value)) for name, value in answer.headers.raw if name != b"date"]
    if body[:2] == b"\x1f\x8b":  # of what the middleware packs: the moment in its head
        body = body[:4] + bytes(4) + body[8:]
    return answer.status_code, sent, body


async def test_both_ways_answer_byte_for_byte_the_same(service: Service, lookers: Lookers) -> None:
    project = await service.project("one")
    await project.send(ERROR, ERROR)
    await service.run_worker()
    looker, before = await lookers.sign_in(project, await service.project("two")), taken() + taken(304)
    for target in TARGETS:
        for coding in CODINGS:
            path, accept = looker.home + target, {"accept-encoding": coding}
            routed = await raw(looker.routes, path, **accept)
            assert await raw(looker.lane, path, **accept) == routed
            known = {**accept, "if-none-match": dict(routed[1])[b"etag"].decode()}
            by_lane = await raw(looker.lane, path, **known)
            assert by_lane == await raw(looker.routes, path, **known)
            assert (routed[0], by_lane[0]) == (200, 304)
    assert taken() + taken(304) - before == 2 * 3 * 4  # those in the three codings, of the four addresses of Now


async def test_what_was_shown_goes_out_without_the_route_and_is_counted_under_its_template(
    service: Service, lookers: Lookers
) -> None:
    looker = await lookers.sign_in(await service.project())
    page = await looker.see("?text=xylophone")
    before, sent_whole = taken(), taken(304)
    assert (await looker.see("?text=xylophone")).content == page.content
    known = {"If-None-Match": page.headers["etag"]}
    assert (await looker.see("?text=xylophone", **known)).status_code == 304
    assert (taken() - before, taken(304) - sent_whole) == (1, 1)
    assert b"xylophone" not in generate_latest(make_registry("api"))


async def test_who_has_a_page_is_told_so_though_this_process_never_made_it(service: Service, lookers: Lookers) -> None:
    looker = await lookers.sign_in(await service.project())
    known = {"If-None-Match": (await looker.see()).headers["etag"]}
    service.state["shown_pages"].kept.held.clear()
    before = taken(304)
    assert [(await looker.see(**known)).status_code for _ in range(3)] == [304] * 3
    assert taken(304) - before == 2
    assert (await looker.see()).status_code == 200


async def test_a_page_is_not_shown_when_its_session_is_over(service: Service, lookers: Lookers) -> None:
    project = await service.project()
    looker, other = await lookers.sign_in(project), await lookers.sign_in(project)
    pages = [await one.see() for one in (looker, other)]
    signed_out = await looker.lane.post(looker.home + "signout", data={"csrf": csrf_of(pages[0].text)})
    assert signed_out.status_code == 303
    assert (await looker.see()).headers["location"].startswith("/signin")
    assert (await other.see()).status_code == 200


async def test_a_page_is_not_shown_when_its_key_is_revoked_once_it_is_trusted_no_more(
    service: Service, lookers: Lookers
) -> None:
    ring = service.state["session_ring"]
    ring.trust_seconds = 0.2
    project = await service.project()
    looker = await lookers.sign_in(project, scope="read")
    etag = (await looker.see()).headers["etag"]
    key_id = project.read.headers["authorization"].split("_")[2]
    async with service.tools.engine.begin() as connection:
        assert await revoke_key(connection, key_id)
    await asyncio.sleep(0.25)
    assert (await looker.see()).status_code == 303
    assert (await looker.see(**{"If-None-Match": etag})).status_code == 303


async def test_a_session_is_trusted_no_longer_than_its_key_is_good(service: Service, lookers: Lookers) -> None:
    project = await service.project()
    looker = await lookers.sign_in(project, scope="read")
    key_id = project.read.headers["authorization"].split("_")[2]
    await service.execute(
        "UPDATE api_keys SET expires_at = clock_timestamp() + interval '0.4 s' WHERE key_id = :key", key=key_id
    )
    service.state["session_ring"].known.clear()
    assert (await looker.see()).status_code == 200
    await asyncio.sleep(0.45)
    assert (await looker.see()).status_code == 303


async def test_what_is_new_is_on_the_page_that_was_shown(service: Service, lookers: Lookers) -> None:
    project = await service.project()
    looker = await lookers.sign_in(project)
    empty = (await looker.see()).text
    assert counts_of(empty).get("total", 0) == 0
    await project.send(ERROR, ERROR, ERROR)
    await service.run_worker()
    reads = service.state["reads"]
    reads.generations.clear()  # as when it looks again, half of recent_max_age_seconds later
    reads.trust_seconds = 0.0
    await looker.see()
    async with asyncio.timeout(10):
        while counts_of((await looker.see()).text).get("total", 0) != 3:
            await asyncio.sleep(0.02)


async def walk(looks: list[tuple[Looker, set[str], bool]], chance: random.Random, steps: int) -> None:
    """Have all of them look, in any order; each must see what is theirs, and nothing of others."""
    for _ in range(steps):
        looker, names, may_administer = chance.choice(looks)
        target = chance.choice(("", "live", "?window=24h"))
        page = (await looker.see(target)).text
        check_csrf(looker.session, csrf_of(page))
        assert {name for name in ("project-one", "project-two") if name in page} == names
        assert (f"{looker.home}system" in page) == may_administer


async def make_looks(service: Service, lookers: Lookers) -> list[tuple[Looker, set[str], bool]]:
    one, two = await service.project("project-one"), await service.project("project-two")
    return [
        (await lookers.sign_in(one), {"project-one"}, True),
        (await lookers.sign_in(one, scope="read"), {"project-one"}, False),
        (await lookers.sign_in(one, scope="triage"), {"project-one"}, False),
        (await lookers.sign_in(two), {"project-two"}, True),
        (await lookers.sign_in(one, two), {"project-one", "project-two"}, True),
        (await lookers.sign_in(two, one, scope="read"), {"project-one", "project-two"}, False),
    ]


async def test_nobody_is_sent_a_page_of_another_session_scope_or_project(service: Service, lookers: Lookers) -> None:
    before = taken()
    await walk(await make_looks(service, lookers), random.Random(20), 150)
    assert taken() - before > 40


async def test_the_walk_would_see_a_page_that_is_kept_for_all(
    service: Service, lookers: Lookers, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = shown.name_page
    for module in (fast, shown):
        monkeypatch.setattr(module, "name_page", lambda target, host, _, coding: named(target, host, b"", coding))
    with pytest.raises((Forbidden, AssertionError)):
        await walk(await make_looks(service, lookers), random.Random(20), 150)
