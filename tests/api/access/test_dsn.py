"""The key of a DSN is found wherever SDKs put it, opens its own project's two routes and nothing else."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from common.keys import Scope, make_key, parse_key
from common.settings import Settings
from tests.conftest import Project, Service, run_service

EVENT = {"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "message": "it failed"}
ENVELOPE = b'{}\n{"type":"event"}\n' + json.dumps(EVENT).encode()


def ordinary_key(project: Project) -> str:
    return project.ingest.headers["Authorization"].removeprefix("Bearer ")


def dsn_key(project: Project) -> str:
    key = parse_key(ordinary_key(project))
    assert key is not None
    return key.dsn_key.text


async def number_of(service: Service, project: Project) -> int:
    [(number,)] = await service.execute("SELECT number FROM projects WHERE project_id = :id", id=project.id)
    return int(number)


def with_header(dsn: str) -> bytes:
    return json.dumps({"dsn": dsn, "event_id": EVENT["event_id"]}).encode() + ENVELOPE[2:]


WAYS: dict[str, dict[str, Any]] = {
    "X-Sentry-Auth": {"headers": {"X-Sentry-Auth": "Sentry sentry_key={key}, sentry_version=7, sentry_client=x/1"}},
    "X-Sentry-Auth, another order": {"headers": {"X-Sentry-Auth": "Sentry sentry_version=7,sentry_key={key}"}},
    "X-Sentry-Auth, another case": {"headers": {"x-sentry-auth": "sentry SENTRY_KEY={KEY},Sentry_Version=7"}},
    "X-Sentry-Auth, blanks and quotes": {"headers": {"X-Sentry-Auth": 'Sentry  sentry_key = "{key}" , a=b'}},
    "Authorization": {"headers": {"Authorization": "Sentry sentry_version=7, sentry_key={key}"}},
    "query": {"params": {"sentry_key": "{key}", "sentry_version": "7"}},
    "twice the same": {"params": {"sentry_key": "{key}"}, "headers": {"X-Sentry-Auth": "Sentry sentry_key={key}"}},
    "bearer": {"headers": {"Authorization": "Bearer {ordinary}"}},
    "X-API-Key": {"headers": {"X-API-Key": "{ordinary}"}},
    "the envelope's header": {"content": "dsn"},
}


def fill(way: dict[str, Any], key: str, ordinary: str) -> dict[str, Any]:
    words = {"key": key, "KEY": key.upper(), "ordinary": ordinary}
    return {name: {n: v.format(**words) for n, v in parts.items()} for name, parts in way.items() if name != "content"}


@pytest.mark.parametrize("way", WAYS)
async def test_a_key_is_found_wherever_an_sdk_puts_it(service: Service, way: str) -> None:
    project = await service.project()
    key, number = dsn_key(project), await number_of(service, project)
    client = await service.client(None)
    parts = fill(WAYS[way], key, ordinary_key(project))
    content = with_header(f"http://{key}@mayday/{number}") if "content" in WAYS[way] else ENVELOPE
    answer = await client.post(f"/api/{number}/envelope/", content=content, **parts)
    assert (answer.status_code, answer.json()) == (200, {"id": EVENT["event_id"]}), answer.text
    if "content" not in WAYS[way]:
        answer = await client.post(f"/api/{number}/store/", json=EVENT, **parts)
        assert answer.status_code == 200, answer.text
    assert len((await project.get("/api/errors"))["errors"]) == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_the_envelopes_header_names_the_key_also_where_it_is_packed(service: Service, pack: Any) -> None:
    project = await service.project()
    number = await number_of(service, project)
    headers = {"Content-Encoding": "gzip"} if pack is gzip.compress else {}
    body = pack(
        with_header(f"http://{dsn_key(project)}@mayday/{number}") + b"\n" + b'{"type":"attachment"}\n' + b"x" * 10**6
    )
    answer = await (await service.client(None)).post(f"/api/{number}/envelope/", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"{",
        b"[]\n",
        b'{"dsn": 7}\n',
        b'{"dsn": "http://host/1"}\n',
        b'{"dsn": "' + b"a" * 20_000 + b'"}\n',
        b"\x00\xff\n",
    ],
)
async def test_a_first_line_without_a_key_is_refused(service: Service, body: bytes) -> None:
    project = await service.project()
    number = await number_of(service, project)
    answer = await (await service.client(None)).post(f"/api/{number}/envelope/", content=body)
    assert answer.status_code == 401
    assert answer.json()["detail"] == answer.headers["X-Sentry-Error"]


async def test_two_keys_that_differ_are_nobodys(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    number = await number_of(service, mine)
    client = await service.client(None)
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={dsn_key(mine)}"}
    wrong: list[dict[str, Any]] = [
        {"headers": auth, "params": {"sentry_key": dsn_key(theirs)}},
        {"headers": auth | {"Authorization": f"Bearer {ordinary_key(theirs)}"}},
        {"headers": {"X-Sentry-Auth": f"Sentry sentry_key={dsn_key(mine)}, sentry_key={dsn_key(theirs)}"}},
        {"headers": auth, "content": with_header(f"http://{dsn_key(theirs)}@mayday/1")},
    ]
    for parts in wrong:
        answer = await client.post(f"/api/{number}/envelope/", **({"content": ENVELOPE} | parts))
        assert answer.status_code == 401, parts
    assert await service.execute("SELECT count(*) FROM errors") == [(0,)]


async def test_a_key_opens_its_own_project_alone_and_no_other_route(service: Service) -> None:
    mine, theirs = await service.project("mine"), await service.project("theirs")
    key, client = dsn_key(mine), await service.client(None)
    for number in (await number_of(service, theirs), 0, "x", "1 ", "00" + str(await number_of(service, mine))):
        answer = await client.post(f"/api/{number}/envelope/", content=ENVELOPE, params={"sentry_key": key})
        assert answer.status_code == 403, number
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"X-API-Key": key},
        {"X-Sentry-Auth": f"Sentry sentry_key={key}"},
    ):
        answer = await client.post("/api/errors/log", json={}, headers=headers)
        assert answer.status_code == 401
        assert (await client.get("/api/errors/recent", headers=headers)).status_code == 401
    number = await number_of(service, mine)
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):  # there it is a DSN's key, and no other
        assert (await client.post(f"/api/{number}/store/", json=EVENT, headers=headers)).status_code == 401


async def test_a_key_that_reads_does_not_send(service: Service) -> None:
    project = await service.project()
    number = await number_of(service, project)
    headers = {"Authorization": project.read.headers["Authorization"]}
    answer = await (await service.client(None)).post(f"/api/{number}/store/", json=EVENT, headers=headers)
    assert answer.status_code == 403


async def test_keys_of_dsns_that_are_made_up_cost_no_more_look_ups_than_are_set(settings: Settings) -> None:
    few = settings.model_copy(update={"key_lookups_per_second": 3})
    async with run_service(few) as service:
        client = await service.client(None)
        keys = [make_key(Scope.ingest).dsn_key.text for _ in range(30)]
        answers = await asyncio.gather(
            *[client.post("/api/1/store/", json=EVENT, params={"sentry_key": key}) for key in keys]
        )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429}
    assert statuses.count(429) > 15


async def test_a_key_that_was_revoked_ends_its_dsn(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"key_cache_seconds": 0.001})) as service:
        project = await service.project()
        number, client = await number_of(service, project), await service.client(None)
        sent: dict[str, Any] = {"json": EVENT, "params": {"sentry_key": dsn_key(project)}}
        assert (await client.post(f"/api/{number}/store/", **sent)).status_code == 200
        await service.execute("UPDATE api_keys SET revoked_at = now()")
        assert (await client.post(f"/api/{number}/store/", **sent)).status_code == 401
