"""Walks that nobody thought of: projects write, look, change and ask for each other's ids in any order, over every route
of the OpenAPI document; none ever sees or touches what is another's."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from api.reads import queries
from common.sealing import make_secret_key
from common.settings import Settings
from tests.conftest import Project, Service, run_service

NAMES = ("ada", "ben")
WHO = st.sampled_from(NAMES)
TWO = st.permutations(NAMES)
WALKS = hypothesis.settings(
    max_examples=4,
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
BUDGET = {"scope": "project", "metric": "tokens", "limit": 1_000, "period": "month"}
WORK = {"kind": "ticket", "completed_at": "2026-02-03T12:00:00Z"}
RATES = {"input": "0.8", "output": "4", "starts_at": "2026-02-15T00:00:00Z"}
# Every operation but a GET that names something by an id, and what is sent with it.
TOUCHES: dict[tuple[str, str], dict[str, Any] | None] = {
    ("PATCH", "/api/budgets/{budget_id}"): {"limit": 5},
    ("DELETE", "/api/budgets/{budget_id}"): None,
    ("POST", "/api/budgets/{budget_id}/check"): {"estimate": 1},
    ("POST", "/api/budgets/{budget_id}/settle"): {"reservation_id": str(uuid4())},
    ("DELETE", "/api/prices/overrides/{override_id}"): None,
    ("PATCH", "/api/errors/patterns/{pattern_id}"): {"note": "mine"},
    ("PATCH", "/api/alerts/rules/{rule_id}"): {"name": "mine"},
    ("DELETE", "/api/alerts/rules/{rule_id}"): None,
    ("PATCH", "/api/alerts/channels/{channel_id}"): {"name": "mine"},
    ("DELETE", "/api/alerts/channels/{channel_id}"): None,
    ("POST", "/api/alerts/channels/{channel_id}/secret"): None,
    ("POST", "/api/alerts/channels/{channel_id}/test"): None,
    ("DELETE", "/api/alerts/mutes/{mute_id}"): None,
    ("DELETE", "/api/keys/{key_id}"): None,
    ("PATCH", "/api/projects/{project_id}"): {"name": "mine"},
    ("DELETE", "/api/projects/{project_id}?name=mine"): None,
}
HOOK = {"kind": "webhook", "url": "https://hooks.example/T000"}


class Walk(RuleBasedStateMachine):
    """Two projects on one service; all that is one's holds its marker, which no other must ever be shown."""

    def __init__(self, service: Service, run: Callable[[Coroutine[Any, Any, Any]], Any], paths: list[str]) -> None:
        super().__init__()
        self.service, self.run, self.paths = service, run, paths
        self.markers = {name: f"{name}x{uuid4().hex[:12]}" for name in NAMES}
        self.projects: dict[str, Project] = {name: run(service.project(self.markers[name])) for name in NAMES}
        self.ids: dict[str, dict[str, str]] = {name: {} for name in NAMES}

    @initialize()
    def begin(self) -> None:
        for name in NAMES:
            self.write(name, 1)
            self.run(self.set_up(self.projects[name], self.markers[name]))
        self.work()

    async def set_up(self, project: Project, marker: str) -> None:
        """Usage, a deliverable, a budget, rates of its own."""
        made = [
            await project.ingest.post("/api/usage/batch", json={"records": [usage_of(marker)]}),
            await project.ingest.post("/api/deliverables", json=WORK | {"ref": marker, "team": marker}),
            await project.admin.post("/api/budgets", json=BUDGET | {"name": marker}),
            await project.admin.post("/api/prices/overrides", json=RATES | {"model": marker}),
            await project.admin.post("/api/alerts/rules", json={"name": marker, "when": ["new"]}),
            await project.admin.post("/api/alerts/channels", json=HOOK | {"name": marker}),
            await project.admin.post("/api/alerts/mutes", json={"everything": True, "minutes": 60, "note": marker}),
            await project.admin.post("/api/keys", json={"scope": "read", "name": marker}),
        ]
        assert [answer.status_code for answer in made] == [201] * len(made), [answer.text for answer in made]

    @rule(who=WHO, count=st.integers(1, 3))
    def write(self, who: str, count: int) -> None:
        marker = self.markers[who]
        error = {"service": marker, "severity": "error", "message": f"{marker} failed", "environment": marker}
        self.run(self.projects[who].send(*[error] * count))

    @rule()
    def work(self) -> None:
        """The worker runs, and both learn the ids of what is theirs."""
        self.run(self.service.run_worker())
        for name in NAMES:
            self.ids[name] = self.run(self.find_ids(self.projects[name]))

    async def find_ids(self, project: Project) -> dict[str, str]:
        found = {
            "event_id": (await project.get("/api/errors"))["errors"],
            "pattern_id": (await project.get("/api/errors/patterns"))["patterns"],
            "budget_id": (await project.get("/api/budgets"))["budgets"],
            "override_id": (await project.get("/api/prices/overrides"))["overrides"],
        }
        for name in ("rule", "channel", "mute"):
            found[f"{name}_id"] = (await project.get(f"/api/alerts/{name}s"))[f"{name}s"]
        keys = (await project.admin.get("/api/keys")).json()["keys"]
        found["key_id"] = [key for key in keys if key["name"] != "test"]
        return {name: items[0]["id"] for name, items in found.items() if items} | {"project_id": str(project.id)}

    @rule(two=TWO, of_whom=st.integers(0, 1), scope=st.sampled_from(["read", "admin"]))
    def look(self, two: list[str], of_whom: int, scope: str) -> None:
        """One asks every route, by its own ids or by the other's."""
        ids = self.ids[two[of_whom]]
        for path in self.paths:
            asked = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], str(uuid4())), path)
            answer = self.run(getattr(self.projects[two[0]], scope).get(asked))
            assert answer.status_code < 500, (asked, answer.text)
            assert self.markers[two[1]] not in answer.text, f"{asked} shows what is another's"

    @precondition(lambda self: all("pattern_id" in self.ids[name] for name in NAMES))
    @rule(two=TWO, state=st.sampled_from(["resolved", "ignored"]))
    def change(self, two: list[str], state: str) -> None:
        """One tries to change the other's pattern."""
        path = f"/api/errors/patterns/{self.ids[two[1]]['pattern_id']}"
        before = self.run(self.projects[two[1]].get(path))["state"]
        answer = self.run(self.projects[two[0]].admin.patch(path, json={"state": state}))
        assert answer.status_code == 404, answer.text
        assert self.run(self.projects[two[1]].get(path))["state"] == before

    @rule(two=TWO, touched=st.sampled_from(sorted(TOUCHES)))
    def touch(self, two: list[str], touched: tuple[str, str]) -> None:
        """One tries to change, use or delete by an id that is the other's."""
        (method, path), ids = touched, self.ids[two[1]]
        mine, theirs = self.projects[two[0]], self.projects[two[1]]
        before = self.run(settings_of(theirs))
        asked = re.sub(r"{(\w+)}", lambda found: ids[found[1]], path)
        scope = mine.ingest if method == "POST" and "/alerts/" not in path else mine.admin
        answer = self.run(scope.request(method, asked, json=TOUCHES[touched]))
        # projects are the operators', and nobody else is told which there are
        assert answer.status_code == (403 if "/api/projects/" in path else 404), (method, asked, answer.text)
        assert self.run(settings_of(theirs)) == before


async def settings_of(project: Project) -> list[dict[str, Any]]:
    """What a project set: its budgets, what they hold, and its rates."""
    budgets = await project.get("/api/budgets")
    held = [(await project.get(f"/api/budgets/{b['id']}/status"))["reserved"] for b in budgets["budgets"]]
    told = [await project.get(f"/api/alerts/{name}") for name in ("rules", "channels", "mutes")]
    keys = (await project.admin.get("/api/keys")).json()["keys"]
    # used is what this very look makes of them
    valid = [{name: said for name, said in key.items() if name != "last_used_at"} for key in keys]
    return [budgets, {"held": held}, await project.get("/api/prices/overrides"), *told, {"keys": valid}]


def usage_of(marker: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "event_key": marker,
        "team": marker,
        "agent": marker,
        "model": marker,
        "occurred_at": now,
        "total_tokens": 9,
    }


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a key for what channels keep to themselves."""
    return settings.model_copy(update={"secret_key": Settings.load(secret_key=make_secret_key()).secret_key})


def walk(settings: Settings, walks: hypothesis.settings) -> None:
    """Take the walks. Raises AssertionError with one that shows too much, the shortest where it is looked for."""
    with asyncio.Runner() as runner:
        running = run_service(settings)
        service = runner.run(running.__aenter__())
        try:
            document = runner.run(find_document(service))
            paths = [path for path, operations in document["paths"].items() if "get" in operations]
            assert name_changes(document) == {(method, path.partition("?")[0]) for method, path in TOUCHES}
            run_state_machine_as_test(lambda: Walk(service, runner.run, paths), settings=walks)  # type: ignore[arg-type]
        finally:
            runner.run(running.__aexit__(None, None, None))


def name_changes(document: dict[str, Any]) -> set[tuple[str, str]]:
    """Every operation but a GET whose path holds an id."""
    return {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
        if "{" in path and method != "get"
    }


async def find_document(service: Service) -> dict[str, Any]:
    return dict((await (await service.client(None)).get("/openapi.json")).json())


def test_no_walk_shows_or_changes_what_is_of_another_project(settings: Settings) -> None:
    walk(settings, WALKS)


def test_control_a_query_without_its_project_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    leaking = str(queries.LIST_ERRORS).replace("e.project_id = :project_id AND", "")
    assert leaking != str(queries.LIST_ERRORS)
    monkeypatch.setattr(queries, "LIST_ERRORS", text(leaking))
    with pytest.raises(AssertionError, match="shows what is another's"):
        walk(settings, hypothesis.settings(WALKS, phases=[hypothesis.Phase.generate]))
