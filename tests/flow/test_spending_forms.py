"""What was spent and how budgets stand are read in the forms for language models, as errors are."""

from typing import Any

import httpx
import pytest

from tests.conftest import Project, Service

TEAMS = 30


async def spend(service: Service) -> Project:
    """A project whose teams spent something in February, with two budgets."""
    project = await service.project()
    records = [
        {"event_key": f"call-{n}", "team": f"team-{n:02}", "model": "claude-haiku-4-5",
         "occurred_at": "2026-02-03T10:00:00Z", "input_tokens": 1_000 + n, "output_tokens": n}
        for n in range(TEAMS)
    ]  # fmt: skip
    assert (await project.ingest.post("/api/usage/batch", json={"records": records})).status_code == 201
    for name in ("all", "more"):
        budget = {"name": name, "scope": "project", "metric": "tokens", "limit": 200_000, "period": "month"}
        assert (await project.admin.post("/api/budgets", json=budget)).status_code == 201
    return project


async def read(project: Project, path: str, **asked: Any) -> httpx.Response:
    answer = await project.read.get(path, params=asked or None)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-Token-Estimate"]) > 0
    return answer


async def test_spending_and_budgets_take_the_forms(service: Service) -> None:
    project = await spend(service)
    days: dict[str, Any] = {"since": "2026-02-01", "until": "2026-03-01"}
    usage = (await read(project, "/api/usage", format="columnar", fields="team,input_tokens", **days)).json()
    assert usage["columns"] == ["team", "input_tokens"]
    assert usage["rows"] == [[f"team-{n:02}", 1_000 + n] for n in range(TEAMS)]
    report = await read(project, "/api/costs/report", period="2026-02", format="markdown", fields="team,tokens")
    assert report.text.splitlines()[-1] == "|team-00|1000|"
    kept = await read(project, "/api/costs/report", period="2026-02", format="markdown")
    assert kept.text.startswith("# Costs 2026-02\n")
    short = await read(project, "/api/costs/report", period="2026-02", format="csv", max_tokens=300)
    assert short.headers["X-Mayday-Left-Out"] == f"rows={TEAMS - len(short.text.splitlines()) + 1}, sections=()"
    budgets = (await read(project, "/api/budgets", fields="id,name")).json()
    assert [sorted(one) for one in budgets["budgets"]] == [["id", "name"]] * 2
    budget = f"/api/budgets/{budgets['budgets'][0]['id']}"
    assert (await read(project, budget, format="csv", fields="name,limit")).text == "name,limit\r\nall,200000\r\n"
    assert (await read(project, f"{budget}/status", fields="used,state")).json() == {"used": 0, "state": "ok"}
    projection = await read(project, f"{budget}/projection", format="columnar", fields="limit,projection")
    assert projection.json()["rows"] == [[200_000, None]]


@pytest.mark.parametrize(
    "path", ["/api/usage?since=2026-02-01&until=2026-03-01&fields=team", "/api/budgets?fields=name"]
)
async def test_pages_of_csv_lead_on(service: Service, path: str) -> None:
    project = await spend(service)
    answer = await read(project, f"{path}&format=csv&limit=1")
    names = answer.text.split()[1:]
    while "next" in answer.links:
        answer = await project.read.get(answer.links["next"]["url"])
        names += answer.text.split()[1:]
    assert len(names) == len(set(names)) == (2 if "budgets" in path else TEAMS)
