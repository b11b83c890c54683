"""Routes are closed until they say for whom they are open."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Send

from api.access.keys import AdminCaller, Authorize, ReadCaller
from api.access.routers import PUBLIC_PATHS, Router, RouteUnguarded, refuse_unguarded, scopes_of
from api.app import create_app
from common.keys import Scope
from common.settings import Settings
from tests.conftest import Service

SETTINGS = Settings(database_url="postgresql://nowhere/none", redis_url="redis://nowhere")


async def answer() -> None:
    """A route that anyone may ask."""


async def answer_readers(caller: ReadCaller) -> None:
    """A route for readers."""


async def answer_two(reader: ReadCaller, admin: AdminCaller) -> None:
    """A route that cannot say for whom it is."""


def app_with(inner: APIRouter) -> FastAPI:
    outer, app = Router(prefix="/api"), FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    outer.include_router(inner)
    app.include_router(outer)
    return app


def plant(route: Any, router: APIRouter | None = None) -> APIRouter:
    router = router or Router()
    router.add_api_route("/planted", route)
    return router


@pytest.mark.parametrize("route", [answer, answer_two])
def test_a_route_without_one_scope_cannot_be_written(route: Any) -> None:
    with pytest.raises(RouteUnguarded, match="/planted"):
        plant(route)


@pytest.mark.parametrize("route", [answer, answer_readers])
def test_a_route_that_would_read_before_it_asks_keeps_the_program_from_starting(route: Any) -> None:
    with pytest.raises(RouteUnguarded, match="/api/planted"):
        refuse_unguarded(app_with(plant(route, APIRouter())).routes)


def test_a_mounted_program_keeps_it_from_starting_too() -> None:
    app = app_with(plant(answer_readers))
    refuse_unguarded(app.routes)
    app.mount("/files", FastAPI())
    with pytest.raises(RouteUnguarded, match="/files"):
        refuse_unguarded(app.routes)


async def test_a_guard_that_a_router_adds_is_asked_too(service: Service) -> None:
    inner, app = plant(answer_readers), FastAPI()
    app.include_router(inner, dependencies=[Depends(Authorize(Scope.admin))])
    project = await service.project()
    keys = [client.headers["Authorization"] for client in (project.read, project.admin)]

    async def with_state(scope: Any, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(service.state)}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(with_state), base_url="http://mayday") as client:
        statuses = [(await client.get("/planted", headers={"Authorization": key})).status_code for key in keys]
    assert statuses == [403, 200]


async def test_every_route_with_a_body_says_when_the_content_type_is_missing_or_another(service: Service) -> None:
    project, asked = await service.project(), set()
    for route in iter_route_contexts(service.app.routes):
        if getattr(route.original_route, "body_field", None) is None:
            continue
        [scope], path = scopes_of(route.original_route), str(route.path)
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", str(UUID(int=1)))
        client = getattr(project, scope.name)
        for method in route.methods or ():
            asked.add(f"{method} {route.path}")
            for sent, said in (
                (None, "the Content-Type is missing"),
                ("text/plain", "'text/plain'"),
                ("", "is missing"),
            ):
                headers = {} if sent is None else {"Content-Type": sent}
                answer = await client.request(method, path, content=b'{"state": "resolved"}', headers=headers)
                assert (answer.status_code, "send application/json" in answer.text) == (415, True), (path, answer.text)
                assert said in answer.json()["detail"]
            for sent in ("application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"):
                answer = await client.request(method, path, content=b"[]", headers={"Content-Type": sent})
                assert answer.status_code not in (415, 500), (path, answer.text)
            assert (await client.request(method, path)).status_code == 422
    assert {"PATCH /api/errors/patterns/{pattern_id}", "POST /api/budgets"} <= asked


def test_every_route_asks_for_a_scope_or_is_public() -> None:
    routes = list(iter_route_contexts(create_app(SETTINGS).routes))
    open_to_all = {route.path for route in routes if not scopes_of(route.original_route)}
    assert open_to_all == PUBLIC_PATHS


# What is read of more than errors, patterns and spending.
ADMINISTRATORS = dict.fromkeys(
    (
        *("/api/status", "/api/keys", "/api/projects", "/api/projects/{project_id}/contents"),
        *("/p/{project_id}/system", "/p/{project_id}/system/projects/{subject}"),
        "/p/{project_id}/alerts/rules/new",
    ),
    Scope.admin,
)


def test_what_decides_about_patterns_is_for_triage_what_changes_else_for_admins_and_what_reads_for_readers() -> None:
    for route in iter_route_contexts(create_app(SETTINGS).routes):
        scopes = scopes_of(route.original_route)
        if "GET" in (route.methods or ()) and scopes:
            assert scopes == {ADMINISTRATORS.get(route.path or "", Scope.read)}, route.path
        if {"PATCH", "PUT", "DELETE"} & (route.methods or set()):
            decides = route.path in {"/api/errors/patterns/{pattern_id}", "/api/alerts/mutes/{mute_id}"}
            assert scopes == {Scope.triage if decides else Scope.admin}, route.path
