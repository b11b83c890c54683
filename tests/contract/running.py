"""A running API with something in it: what tools of others look at."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from common.alerts.channel_tests import ask_test
from common.keys import Scope
from common.projects import find_project
from tests.chaos.programs import Api
from tests.conftest import Service
from tests.fleet.programs import make_key

ERROR = {"service": "checkout", "severity": "error", "message": "payment 4711 failed", "environment": "prod"}
USAGE = {
    "event_key": "call-1",
    "team": "checkout",
    "model": "claude-haiku-4-5",
    "occurred_at": "2026-11-03T10:15:00Z",
    "input_tokens": 6225,
    "output_tokens": 6225,
    "run": "nightly",
}
BUDGET = {"name": "filled", "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month"}
RULE = {"name": "filled", "when": ["new"]}
CHANNEL = {"name": "filled", "kind": "webhook", "url": "https://hooks.example/T000"}
MUTE = {"everything": True, "minutes": 1}
OVERRIDE = {"model": "claude-haiku-4-5", "input": "0.8", "output": "4", "starts_at": "2026-01-15T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Running:
    """An API process, a key for each scope, and an id for each name that paths use."""

    api: Api
    keys: dict[Scope, str]
    ids: dict[str, str]

    def client(self, scope: Scope | None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.keys[scope]}"} if scope else {}
        return httpx.AsyncClient(base_url=self.api.url, headers=headers, timeout=30, trust_env=False)


async def fill_project(service: Service, api: Api, project: str) -> Running:
    """A project of this name with errors, a pattern, usage, a budget and prices in it."""
    running = Running(api, {scope: await make_key(service, scope, project) for scope in Scope}, {})
    async with running.client(Scope.admin) as admin, running.client(Scope.ingest) as ingest:
        event_id = str(uuid4())
        errors = [ERROR | {"event_id": event_id}] + [ERROR] * 30
        assert (await ingest.post("/api/errors/batch", json={"errors": errors})).status_code == 201
        assert (await ingest.post("/api/usage/batch", json={"records": [USAGE]})).status_code == 201
        await service.run_worker()
        patterns = await get(admin, "/api/errors/patterns")
        running.ids.update(
            event_id=event_id,
            pattern_id=patterns["patterns"][0]["id"],
            budget_id=(await admin.post("/api/budgets", json=BUDGET)).json()["id"],
            override_id=(await admin.post("/api/prices/overrides", json=OVERRIDE)).json()["id"],
            channel_id=(channel_id := (await admin.post("/api/alerts/channels", json=CHANNEL)).json()["id"]),
            rule_id=(await admin.post("/api/alerts/rules", json=RULE | {"channels": [channel_id]})).json()["id"],
            test_id=str(await ask_for_test(service, project, UUID(channel_id))),
            mute_id=(await admin.post("/api/alerts/mutes", json=MUTE)).json()["id"],
            key_id=(await admin.post("/api/keys", json={"scope": "read"})).json()["id"],
            project_id=str(uuid4()),  # whichever: projects are the operators'
        )
    return running


async def ask_for_test(service: Service, project: str, channel_id: UUID) -> UUID | None:
    """A test of the channel, which nobody sends: no worker runs."""
    async with service.tools.engine.begin() as connection:
        project_id = await find_project(connection, project)
        assert project_id is not None
        return await ask_test(connection, project_id, channel_id)


async def get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return dict((await client.get(path)).raise_for_status().json())


def operations_of(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation, deletions last."""
    found = [(m.upper(), path, o) for path, item in document["paths"].items() for m, o in item.items()]
    return sorted(found, key=lambda operation: operation[0] == "DELETE")
