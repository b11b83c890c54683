"""Prices are set by admins; a rate that looks like a slip is refused at its place until it is confirmed."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from api.spending.price_routes import describe_difference
from api.spending.repricing import Difference, Sums
from tests.conftest import Service

SLIP: dict[str, Any] = {"model": "claude-haiku-4-5", "input": "100", "output": "0", "starts_at": "2026-02-01T00:00:00Z"}


async def test_every_doubtful_rate_is_named_and_nothing_is_set(service: Service) -> None:
    project = await service.project()
    answer = await project.admin.post("/api/prices/overrides", json=SLIP)
    assert answer.status_code == 422
    assert [(one["pointer"], one["reason"]) for one in answer.json()["errors"]] == [
        ("/input", "doubtful_rate"), ("/output", "doubtful_rate"),
    ]  # fmt: skip
    assert (await project.get("/api/prices/overrides"))["overrides"] == []


async def test_rates_are_set_and_taken_back_under_their_location_by_admins_of_their_project(service: Service) -> None:
    project, other = await service.project(), await service.project("other")
    for client in (project.read, project.ingest):
        assert (await client.post("/api/prices/overrides", json=SLIP | {"confirm": True})).status_code == 403
    answer = await project.admin.post("/api/prices/overrides", json=SLIP | {"confirm": True})
    path = answer.headers["location"]
    assert path == f"/api/prices/overrides/{answer.json()['id']}"
    assert (await other.admin.delete(path)).status_code == 404
    assert [(await project.admin.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await project.admin.delete(f"/api/prices/overrides/{uuid4()}")).status_code == 404


def test_only_models_whose_records_changed_are_told_by_name() -> None:
    changed, same = Sums(3, 1, Decimal(1), Decimal(2)), Sums(5, 0, Decimal(1), Decimal(1))
    told = describe_difference(Difference(Sums(8, 1), {"b": changed, "a": changed, "c": same}), dry_run=True)
    assert ([one.model for one in told.by_model], told.records, told.dry_run) == (["a", "b"], 8, True)
    assert (told.by_model[0].before_usd, told.by_model[0].after_usd, told.done_until) == (Decimal(1), Decimal(2), None)
