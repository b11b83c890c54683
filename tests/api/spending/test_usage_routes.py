"""Usage is answered place by place: what was adjusted, what was refused, what another sender had refused as well."""

from typing import Any

import pytest

from api.spending.usage_pipeline import read_records
from tests.conftest import Service


def record(key: str, **others: Any) -> dict[str, Any]:
    return {"event_key": key, "team": "ops", "model": "claude-haiku-4-5", "occurred_at": "2026-02-03T10:00:00Z",
            "total_tokens": 10, **others}  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"records": []}', b'{"records": [{}]}', b"\xff"])
def test_only_a_body_that_is_right_in_all_records_is_read_at_once(body: bytes) -> None:
    assert read_records(body) is None


async def test_places_are_those_of_the_body_whatever_was_refused_before_them(service: Service) -> None:
    project = await service.project()
    sent = [
        record("a", team=""),
        record("b"),
        record("c", occurred_at="1999-01-01T00:00:00Z"),
        record("d", model="acme-1"),
        record("b"),
    ]
    answer = await project.ingest.post("/api/usage/batch", json={"records": sent})
    assert answer.status_code == 207
    told = answer.json()
    assert [one["index"] for one in told["rejected"]] == [0, 2]
    assert [(one["index"], one["adjustments"]) for one in told["adjusted"]] == [
        (1, ["estimated"]), (3, ["estimated", "unpriced", "model_unknown"]), (4, ["estimated"]),
    ]  # fmt: skip
    stored = await service.execute("SELECT event_key FROM usage_records ORDER BY 1")
    assert [row.event_key for row in stored] == ["b", "d"]


async def test_records_that_are_all_refused_are_a_422_and_none_is_stored(service: Service) -> None:
    project = await service.project()
    answer = await project.ingest.post(
        "/api/usage/batch", json={"records": [record("a", team=""), record("b", colour=1)]}
    )
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/records/0/team", "/records/1/colour"]
    assert await service.execute("SELECT 1 FROM usage_records") == []


async def test_usage_and_deliverables_are_taken_from_keys_that_spend(service: Service) -> None:
    project = await service.project()
    done = {"ref": "PR-1", "team": "ops", "kind": "ticket", "completed_at": "2026-02-03T12:00:00Z"}
    for path, body in (("/api/usage/batch", {"records": [record("a")]}), ("/api/deliverables", done)):
        assert (await project.read.post(path, json=body)).status_code == 403
        assert (await project.ingest.post(path, json=body)).status_code == 201
