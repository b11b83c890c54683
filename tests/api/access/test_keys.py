"""Keys that are made up: they cost few look-ups, and whoever has a key does not notice them."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.access import keys as auth
from common.keys import Scope, make_key
from common.projects import create_key, ensure_project
from common.settings import Settings
from tests.conftest import Service, run_service

LOOKUPS = 5
MADE_UP = 40
PATH = "/api/errors/recent"


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the keys that Postgres was asked for."""
    asked: list[str] = []
    find = auth.KeyRing.find

    async def note(ring: auth.KeyRing, key: Any) -> Any:
        asked.append(key.key_id)
        return await find(ring, key)

    monkeypatch.setattr(auth.KeyRing, "find", note)
    return asked


def few(settings: Settings, **others: float) -> Settings:
    return settings.model_copy(update={"key_lookups_per_second": LOOKUPS, **others})


async def try_keys(service: Service) -> Counter[int]:
    """Ask with keys that have the right form and checksum; the statuses."""
    client = await service.client(None)
    keys = [str(make_key(Scope.read)) for _ in range(MADE_UP)]
    answers = await asyncio.gather(*[client.get(PATH, headers={"Authorization": f"Bearer {key}"}) for key in keys])
    assert all(answer.headers["Retry-After"] == "1" for answer in answers if answer.status_code == 429)
    return Counter(answer.status_code for answer in answers)


async def test_made_up_keys_cost_no_more_look_ups_than_are_set(settings: Settings, looked_up: list[str]) -> None:
    async with run_service(few(settings)) as service:
        statuses = await try_keys(service)
    assert set(statuses) == {401, 429}
    assert statuses[401] == len(looked_up) < MADE_UP / 2


async def test_without_the_bound_each_costs_one(
    settings: Settings, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(auth.LookUps, "take", lambda _: None)
    async with run_service(few(settings)) as service:
        assert await try_keys(service) == {401: MADE_UP}
    assert len(looked_up) == MADE_UP


async def test_a_wrong_key_sent_again_costs_one_look_up(settings: Settings, looked_up: list[str]) -> None:
    async with run_service(settings) as service:
        client = await service.client(str(make_key(Scope.read)))
        assert [(await client.get(PATH)).status_code for _ in range(3)] == [401] * 3
    assert len(looked_up) == 1


async def test_a_good_key_is_looked_up_and_kept_whatever_strangers_try(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "MAX_REMEMBERED", 3)  # which the strangers' keys pass
    async with run_service(few(settings, key_cache_seconds=0.001)) as service:
        project = await service.project()
        await project.get(PATH)
        await try_keys(service)
        await project.get(PATH)
        ring = service.state["key_ring"]
        assert (len(ring.known), len(ring.refused)) == (1, 3)


async def test_a_key_that_was_revoked_is_forgotten(settings: Settings) -> None:
    async with run_service(settings.model_copy(update={"key_cache_seconds": 0.001})) as service:
        project = await service.project()
        await project.get(PATH)
        await service.execute("UPDATE api_keys SET revoked_at = now()")
        assert (await project.read.get(PATH)).status_code == 401
        assert not service.state["key_ring"].known


async def client_of(service: Service, valid_for: timedelta | None) -> httpx.AsyncClient:
    async with service.tools.engine.begin() as connection:
        project_id = await ensure_project(connection, "default")
        return await service.client(await create_key(connection, project_id, Scope.read, "test", valid_for))


async def test_a_key_ends_at_its_time_also_while_it_is_trusted_and_says_when_it_did(settings: Settings) -> None:
    async with run_service(settings) as service:
        client = await client_of(service, timedelta(seconds=1))
        assert (await client.get(PATH)).status_code == 200
        await asyncio.sleep(1.1)
        answers = [await client.get(PATH) for _ in range(2)]
        [ended] = await service.execute("SELECT expires_at FROM api_keys")
        assert not service.state["key_ring"].known
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["detail"] == (
            f"this key expired at {ended.expires_at:%Y-%m-%d %H:%M} UTC: make one with `./mayday key create`"
        )


async def test_who_has_not_its_secret_learns_nothing_of_a_key_that_has_expired(settings: Settings) -> None:
    async with run_service(settings) as service:
        await client_of(service, timedelta(seconds=-1))
        [row] = await service.execute("SELECT key_id FROM api_keys")
        guessed = replace(make_key(Scope.read), key_id=row.key_id)
        answer = await (await service.client(str(guessed))).get(PATH)
    assert (answer.status_code, answer.json()["detail"]) == (401, auth.UNKNOWN)


async def test_a_key_without_an_end_and_one_whose_end_is_far_are_trusted_as_long(settings: Settings) -> None:
    async with run_service(settings) as service:
        for valid_for in (None, timedelta(days=90)):
            assert (await (await client_of(service, valid_for)).get(PATH)).status_code == 200
        known = service.state["key_ring"].known.values()
        left = [until - time.monotonic() for until, _ in known]
    assert all(settings.key_cache_seconds - 10 < seconds <= settings.key_cache_seconds for seconds in left)


async def test_all_clients_of_one_key_cost_a_new_process_one_look_up(settings: Settings, looked_up: list[str]) -> None:
    async with run_service(few(settings)) as service:
        project = await service.project()
        answers = await asyncio.gather(*[project.read.get(PATH) for _ in range(MADE_UP)])
    assert {answer.status_code for answer in answers} == {200}
    assert len(looked_up) == 1
