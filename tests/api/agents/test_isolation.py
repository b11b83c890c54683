"""A key of one project, or of a lower scope, reaches nothing else: by no tool, no address and no cursor."""

import re
from typing import Any

import httpx
import pytest

from tests.api.agents.asking import failing_shop, rows_of, speak, use
from tests.api.agents.test_fast import call, count_lane, key_of
from tests.conftest import Project, Service
from tests.listening import listening

SECRET = "zeppelin"
USAGE = {"event_key": "k", "team": "t", "model": "m", "input_tokens": 1, "output_tokens": 1}


async def two_projects(service: Service) -> tuple[Project, Project]:
    """Ours, and one of others whose every text has a word that ours has not."""
    ours, theirs = await failing_shop(service), await service.project("theirs")
    await theirs.send(
        *({"service": f"{SECRET}-{n}", "severity": "error", "message": f"{SECRET} {n} crashed", "release": SECRET,
           "stack_trace": f'Traceback:\n  File "{SECRET}.py", line 1, in {SECRET}\n{SECRET}Error: x'} for n in range(5))
    )  # fmt: skip
    made = {"name": SECRET, "scope": "project", "metric": "tokens", "limit": 1_000, "period": "month"}
    assert (await theirs.admin.post("/api/budgets", json=made)).status_code == 201
    await service.run_worker()
    return ours, theirs


async def test_ids_cursors_and_budgets_of_others_are_not_there(service: Service) -> None:
    ours, theirs = await two_projects(service)
    pattern = (await theirs.get("/api/errors/patterns"))["patterns"][0]["id"]
    event = (await theirs.get("/api/errors/recent"))["errors"][0]["id"]
    budget = (await theirs.get("/api/budgets"))["budgets"][0]["id"]
    page = await use(theirs.read, "search_errors", limit=2)
    look = (await use(theirs.read, "what_changed", max_tokens=5_000))["structuredContent"]["next"]
    reserved = await use(theirs.admin, "budget", action="reserve", budget=budget, estimate="10")
    reservation = reserved["structuredContent"]["facts"]["reservation_id"]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("explain_pattern", {"pattern": pattern}),
        ("explain_pattern", {"pattern": pattern[-8:]}),
        ("errors_of_pattern", {"pattern": pattern}),
        ("errors_of_pattern", {"pattern": pattern[-8:]}),
        ("search_errors", {"text": SECRET}),
        ("search_errors", {"service": f"{SECRET}-1"}),
        ("search_errors", {"cursor": page["structuredContent"]["next"], "limit": 2}),
        ("what_is_failing", {"text": SECRET}),
        ("what_is_failing", {"max_tokens": 50_000}),
        ("what_changed", {"cursor": look, "max_tokens": 5_000}),
        ("spending", {"max_tokens": 5_000}),
        ("budget", {"action": "reserve", "budget": budget, "estimate": "10"}),
        ("budget", {"action": "settle", "budget": budget, "reservation": reservation}),
        ("budget", {"action": "record", "usage": {**USAGE, "pattern": pattern}}),
        ("decide", {"pattern": pattern, "action": "resolve", "dry_run": False}),
        ("decide", {"pattern": pattern, "action": "resolve"}),
    ]
    for name, arguments in calls:
        answer = await speak(ours.admin, "tools/call", {"name": name, "arguments": arguments})
        assert SECRET not in str(answer["result"]).lower(), (name, answer)
    for uri in (f"mayday://pattern/{pattern}", f"mayday://error/{event}", f"mayday://budget/{budget}"):
        answer = await speak(ours.admin, "resources/read", {"uri": uri})
        assert answer["error"]["code"] == -32602
    assert (await theirs.get(f"/api/errors/patterns/{pattern}"))["state"] != "resolved"
    [standing] = rows_of(await use(theirs.read, "spending", max_tokens=5_000))
    assert standing["reserved"] == 10


async def test_a_search_with_the_cursor_of_others_is_one_of_ours(service: Service) -> None:
    ours, theirs = await two_projects(service)
    page = await use(theirs.read, "search_errors", limit=2)
    cursor = page["structuredContent"]["next"]
    found = await use(ours.read, "search_errors", limit=2, cursor=cursor)
    assert {row["service"] for row in rows_of(found)} <= {"checkout", "login"}


ALLOWED = {
    "ingest": {"budget"},
    "read": {"what_is_failing", "explain_pattern", "errors_of_pattern", "search_errors", "what_changed", "spending"},
}
ALLOWED["triage"] = ALLOWED["read"] | {"decide"}


@pytest.mark.parametrize("scope", ["ingest", "read", "triage"])
async def test_a_lower_scope_runs_no_tool_of_another(service: Service, scope: str) -> None:
    project = await failing_shop(service)
    client: httpx.AsyncClient = getattr(project, scope)
    pattern = (await project.get("/api/errors/patterns"))["patterns"][0]["id"]
    arguments: dict[str, dict[str, Any]] = {
        "explain_pattern": {"pattern": pattern},
        "errors_of_pattern": {"pattern": pattern},
        "decide": {"pattern": pattern, "action": "resolve", "dry_run": False},
        "budget": {"action": "record", "usage": USAGE},
    }
    for name in sorted(ALLOWED["triage"] | {"budget"}):
        answer = await speak(client, "tools/call", {"name": name, "arguments": arguments.get(name, {})})
        refused = answer["result"].get("isError", False)
        assert refused == (name not in ALLOWED[scope]), (name, answer)
        if refused:
            assert re.search(r"scope", answer["result"]["content"][0]["text"])
    read = await speak(client, "resources/read", {"uri": f"mayday://pattern/{pattern}"})
    assert ("error" in read) == (scope == "ingest")


async def test_what_one_project_was_answered_is_answered_to_no_other(service: Service) -> None:
    ours, theirs = await two_projects(service)
    answered = count_lane(service)
    async with (
        listening(service.app, service.state) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        texts: dict[str, set[str]] = {"ours": set(), "theirs": set()}
        for number in range(6):
            for name, project in (("ours", ours), ("theirs", theirs)):
                headers = {"Authorization": key_of(project.read), "Accept": "application/json, text/event-stream"}
                answer = await http.post("/mcp", json=call("what_is_failing", number), headers=headers)
                texts[name].add(answer.json()["result"]["content"][0]["text"])
        ingest = {"Authorization": key_of(ours.ingest), "Accept": "application/json, text/event-stream"}
        refused = (await http.post("/mcp", json=call("what_is_failing", 9), headers=ingest)).json()
    assert answered
    assert refused["result"]["isError"]
    assert all(SECRET not in text for text in texts["ours"])
    assert all(SECRET in text for text in texts["theirs"])
