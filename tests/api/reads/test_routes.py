"""A route is what its entry says: an id in its path is read as one, and nothing is asked that the entry does not know."""

from typing import Any
from uuid import UUID

import pytest

from api.access.routers import scopes_of
from api.reads import routes
from api.reads.catalogue import NO_ID, Asked, Read, serve
from api.reads.entries import READS
from api.reads.routes import make_router
from api.spending.reads import READS as SPENDING_READS
from common.keys import Scope
from tests.conftest import Service


def test_each_entry_is_one_route_for_readers() -> None:
    reads = [*READS, *SPENDING_READS]
    made: list[Any] = make_router(reads).routes
    assert [(route.path, route.name, route.methods) for route in made] == [
        (read.path, read.operation, {"GET"}) for read in reads
    ]
    assert {scope for route in made for scope in scopes_of(route)} == {Scope.read}


async def test_an_entry_is_asked_with_the_project_of_the_key_the_id_and_what_was_sent(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[tuple[Read[Any], Asked[Any]]] = []

    async def note(read: Read[Any], asked: Asked[Any], *others: Any) -> Any:
        asked_for.append((read, asked))
        return await serve(read, asked, *others)

    monkeypatch.setattr(routes, "serve", note)
    project, thing = await service.project(), UUID(int=5)
    await project.read.get(f"/api/errors/patterns/{thing}", params={"window": "6h"})
    await project.read.get("/api/errors", params={"limit": "3"})
    (one, with_id), (many, without) = asked_for
    assert (one.operation, with_id.project_id, with_id.id, with_id.params.window) == (
        "get_pattern",
        project.id,
        thing,
        "6h",
    )
    assert (many.operation, without.id, without.params.limit, dict(without.sent)) == (
        "list_errors",
        NO_ID,
        3,
        {"limit": "3"},
    )


@pytest.mark.parametrize(
    "path", ["/api/errors/patterns/no-id", "/api/errors/recent?colour=red", "/api/budgets/1/status"]
)
async def test_what_no_entry_knows_is_refused_before_it_is_asked(
    service: Service, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(routes, "serve", None)  # whoever calls it fails
    project = await service.project()
    assert (await project.read.get(path)).status_code == 422
