"""Two keys in one request: which one counts, each program between client and service may see in another way, so none does."""

from collections.abc import AsyncIterator

import httpx
import pytest

from common.settings import Settings
from tests.api.serving import serving
from tests.conftest import Project, Service

PATHS = ("/api/errors/recent", "/api/errors")  # what the connection answers itself, and what a route does
POST = {"service": "shop", "severity": "error", "message": "whose is this"}
Fields = list[tuple[str, str]]


@pytest.fixture
async def client(settings: Settings, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    del service  # its database is migrated
    async with (
        serving(settings, keep_alive_seconds=5) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


def admin_key(project: Project) -> str:
    return project.admin.headers["Authorization"].removeprefix("Bearer ")


def both_ways(key: str, other: str) -> dict[str, Fields]:
    """The fields of requests with two keys."""
    named, theirs = ("Authorization", f"Bearer {key}"), ("X-API-Key", other)
    return {
        "two of one name": [named, ("Authorization", f"Bearer {other}")],
        "two of the other": [("X-API-Key", key), theirs],
        "one of each": [named, theirs],
        "in other words": [("authorization", f"bearer  {key}"), theirs],
    }


async def test_two_keys_are_nobodys(client: httpx.AsyncClient, service: Service) -> None:
    mine, theirs = [admin_key(await service.project(name)) for name in ("mine", "theirs")]
    for key in (mine, theirs):  # known to the process, and what they read is held ready
        for path in PATHS:
            assert (await client.get(path, headers={"Authorization": f"Bearer {key}"})).status_code == 200
    for keys in ((mine, theirs), (theirs, mine)):
        for name, fields in both_ways(*keys).items():
            told = [await client.get(path, headers=fields) for path in PATHS]
            told.append(await client.post("/api/errors/log", headers=fields, json=POST))
            assert [one.status_code for one in told] == [401] * 3, name


async def test_one_key_may_be_sent_twice_or_beside_what_is_none(client: httpx.AsyncClient, service: Service) -> None:
    key = admin_key(await service.project())
    for fields in (*both_ways(key, key).values(), [("Authorization", "Basic eDp5"), ("X-API-Key", key)]):
        assert [(await client.get(path, headers=fields)).status_code for path in PATHS] == [200, 200]
