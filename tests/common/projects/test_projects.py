"""Names are each one project's, and a key is listed and ended within its project."""

import asyncio

import pytest

from common.keys import Scope, parse_key
from common.projects import (
    create_key,
    ensure_project,
    hold_project,
    list_keys,
    list_projects,
    make_project,
    rename_project,
    revoke_key,
)
from tests.conftest import Service


async def test_of_those_who_make_a_project_of_one_name_at_once_one_makes_it(service: Service) -> None:
    async def make() -> object:
        async with service.tools.engine.begin() as connection:
            return await make_project(connection, "shop")

    made = await asyncio.gather(*[make() for _ in range(4)])
    assert sum(one is not None for one in made) == 1
    async with service.tools.engine.begin() as connection:
        assert [row.name for row in await list_projects(connection)] == ["shop"]
        assert await ensure_project(connection, "shop") in made


async def test_a_project_keeps_its_own_name_and_takes_no_others(service: Service) -> None:
    async with service.tools.engine.begin() as connection:
        shop, other = await ensure_project(connection, "shop"), await ensure_project(connection, "other")
        assert await rename_project(connection, shop, "shop") == ""
        assert await rename_project(connection, shop, "other") == "there is a project named other already"
        assert await rename_project(connection, other, "  ") == "a project needs a name"
        assert await hold_project(connection, shop) > 0


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_key_is_ended_within_its_project(service: Service, is_own: bool) -> None:
    async with service.tools.engine.begin() as connection:
        shop, other = await ensure_project(connection, "shop"), await ensure_project(connection, "other")
        key = parse_key(await create_key(connection, shop, Scope.read, "laptop"))
        assert key is not None
        assert await revoke_key(connection, key.key_id, shop if is_own else other) is is_own
        [row] = await list_keys(connection, shop)
        assert (row.key_id, row.name, row.state) == (key.key_id, "laptop", "revoked" if is_own else "valid")
        assert await list_keys(connection, other) == []
