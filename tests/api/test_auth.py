"""Routes are closed until they say for whom they are open."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from api.app import create_app
from api.auth import PUBLIC_PATHS, ReadCaller, RouteUnguarded, refuse_unguarded, scopes_of
from common.keys import Scope
from common.settings import Settings

SETTINGS = Settings(database_url="postgresql://nowhere/none", redis_url="redis://nowhere")


async def answer() -> None:
    """A route that anyone may ask."""


async def answer_readers(caller: ReadCaller) -> None:
    """A route for readers."""


def app_with(route: Any, path: str = "/planted") -> FastAPI:
    inner, outer, app = APIRouter(), APIRouter(prefix="/api"), FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.add_api_route(path, route)
    outer.include_router(inner)
    app.include_router(outer)
    return app


def test_a_route_without_a_scope_keeps_the_program_from_starting() -> None:
    with pytest.raises(RouteUnguarded, match="/api/planted"):
        refuse_unguarded(app_with(answer).routes)


def test_a_mounted_program_keeps_it_from_starting_too() -> None:
    app = app_with(answer_readers)
    refuse_unguarded(app.routes)
    app.mount("/files", FastAPI())
    with pytest.raises(RouteUnguarded, match="/files"):
        refuse_unguarded(app.routes)


def test_every_route_asks_for_a_scope_or_is_public() -> None:
    routes = list(iter_route_contexts(create_app(SETTINGS).routes))
    open_to_all = {route.path for route in routes if not scopes_of(getattr(route, "dependant", None))}
    assert open_to_all == PUBLIC_PATHS


def test_what_changes_patterns_is_for_admins_and_what_reads_is_for_readers() -> None:
    for route in iter_route_contexts(create_app(SETTINGS).routes):
        scopes = scopes_of(getattr(route, "dependant", None))
        if "GET" in (route.methods or ()) and scopes:
            assert scopes == {Scope.admin if route.path == "/api/status" else Scope.read}, route.path
        if {"PATCH", "PUT", "DELETE"} & (route.methods or set()):
            assert scopes == {Scope.admin}, route.path
