"""A Mayday that the clients of others send to: an API process, and a project with its keys."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.keys import Scope
from common.projects import create_key, ensure_project, find_dsn
from tests.chaos.programs import Api
from tests.conftest import Service
from tests.doors.installing import installed_python
from tests.fleet.programs import running_api

__all__ = ["installed_python"]  # a fixture


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients send, and how what they sent is read."""

    url: str
    dsn: str
    ingest_key: str
    service: Service
    reading: httpx.AsyncClient

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return dict((await self.reading.get(path, params=parameters)).raise_for_status().json())

    async def errors(self) -> list[dict[str, Any]]:
        """Each error with all that is kept of it, oldest first."""
        found = (await self.get("/api/errors", limit=200))["errors"]
        return [await self.get(f"/api/errors/{one['id']}") for one in reversed(found)]

    async def patterns(self) -> dict[str, int]:
        """How many errors each pattern has, by its title."""
        await self.service.run_worker()
        return {one["title"]: one["count"] for one in (await self.get("/api/errors/patterns"))["patterns"]}


@asynccontextmanager
async def open_door(service: Service, api: Api, reading: Scope = Scope.admin) -> AsyncIterator[Door]:
    """A project of its own on this API."""
    async with service.tools.engine.begin() as connection:
        project_id = await ensure_project(connection, "doors")
        keys = {scope: await create_key(connection, project_id, scope, "doors") for scope in Scope}
        dsn = await find_dsn(connection, keys[Scope.ingest], api.url)
    assert dsn is not None
    headers = {"Authorization": f"Bearer {keys[reading]}"}
    async with httpx.AsyncClient(base_url=api.url, headers=headers, timeout=30, trust_env=False) as client:
        yield Door(api.url, dsn, keys[Scope.ingest], service, client)


@pytest.fixture
async def door(service: Service, tmp_path: Path) -> AsyncIterator[Door]:
    async with running_api(service, tmp_path) as api, open_door(service, api) as opened:
        yield opened


def dump(errors: list[dict[str, Any]]) -> str:
    return json.dumps(errors)
