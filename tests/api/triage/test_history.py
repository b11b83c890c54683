"""The history of a pattern tells each decision with who made it, and is of its project alone."""

from tests.conftest import Service


async def test_decisions_are_told_newest_first_with_the_key_that_made_them(service: Service) -> None:
    project, other = await service.project("one"), await service.project("other")
    await project.send({"service": "shop", "severity": "error", "message": "order 1"})
    await service.run_worker()
    [pattern] = (await project.get("/api/errors/patterns"))["patterns"]
    path = f"/api/errors/patterns/{pattern['id']}"
    for change in (
        {"state": "resolved", "note": "PR 7"},
        {"state": "open"},
        {"state": "ignored", "errors": 5},
        {"note": "x"},
    ):
        assert (await project.triage.patch(path, json=change)).status_code == 200
    history = (await project.get(f"{path}/history"))["transitions"]
    assert [one["name"] for one in history] == ["noted", "ignored", "opened", "resolved", "new"]
    resolved, new = history[-2:]
    assert {name: resolved["facts"][name] for name in ("state", "note", "services")} == {
        "state": "resolved",
        "note": "PR 7",
        "services": ["shop"],
    }
    assert all(one["decided_by"] and one["key_name"] == "test" for one in history[:-1])
    assert (new["decided_by"], new["facts"]["title"]) == (None, "order <*>")
    assert (await other.get(f"{path}/history"))["transitions"] == []
    assert (await project.read.patch(path, json={"state": "resolved"})).status_code == 403
    assert (await project.triage.post("/api/budgets", json={})).status_code == 403
