"""A run costs what it and all that it started spent, each call once, whatever circle the records name."""

from datetime import UTC, datetime
from typing import Any

from tests.conftest import Project, Service

PARENTS = {"session": None, "reviewer": "session", "tester": "session", "fixer": "tester", "other": None}


async def post(project: Project, *records: dict[str, Any]) -> None:
    answer = await project.ingest.post("/api/usage/batch", json={"records": list(records)})
    assert answer.status_code == 201, answer.text


def record(run: str, parent: str | None, number: int, **others: Any) -> dict[str, Any]:
    return {"event_key": f"{run}-{number}", "team": "ops", "agent": run, "model": "claude-haiku-4-5", "run": run,
            "parent_run": parent, "occurred_at": datetime.now(UTC).isoformat(), "input_tokens": 1_000, "output_tokens": 0,
            **others}  # fmt: skip


async def test_a_tree_of_runs_sums_to_its_root_and_each_run_is_told_by_itself(service: Service) -> None:
    project, stranger = await service.project(), await service.project("other")
    await post(project, *(record(run, parent, number) for run, parent in PARENTS.items() for number in range(2)))
    await post(stranger, record("session", None, 9))
    tree = await project.get("/api/usage/runs", run="session")
    assert (tree["records"], tree["tokens"], tree["cost_usd"]) == (8, 8_000, "0.008")
    assert {one["run"]: (one["depth"], one["parent_run"], one["cost_usd"]) for one in tree["runs"]} == {
        "session": (0, None, "0.002"), "reviewer": (1, "session", "0.002"), "tester": (1, "session", "0.002"),
        "fixer": (2, "tester", "0.002"),
    }  # fmt: skip
    leaf = await project.get("/api/usage/runs", run="fixer")
    assert (leaf["records"], [one["run"] for one in leaf["runs"]]) == (2, ["fixer"])


async def test_circles_end_and_nothing_is_counted_twice(service: Service) -> None:
    project = await service.project()
    await post(project, record("a", "b", 1), record("b", "a", 1), record("c", "c", 1))
    assert (await project.get("/api/usage/runs", run="a"))["records"] == 2
    assert (await project.get("/api/usage/runs", run="c"))["records"] == 1


async def test_what_has_no_price_and_what_is_not_there_is_said(service: Service) -> None:
    project = await service.project()
    await post(project, record("a", None, 1, model="acme-1"))
    tree = await project.get("/api/usage/runs", run="a")
    assert (tree["cost_usd"], tree["unpriced_tokens"]) == (None, 1_000)
    none = await project.get("/api/usage/runs", run="nobody")
    assert (none["records"], none["runs"], none["cost_usd"]) == (0, [], "0")
    assert (await project.read.get("/api/usage/runs")).status_code == 422
