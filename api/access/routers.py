"""Routes that know who is asking before they read anything.

FastAPI reads a body, unpacks it and takes it apart before it looks at dependencies: a key that is checked in one is
checked after the bomb. So the routes made here check it first, and `api/http/bodies.py` gives nothing of a body to a request
without a caller, whichever route it came to.
"""

import re
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from api.access.keys import Authorize
from api.http.problems import Unsupported
from common.keys import Scope

# What anyone may ask for without a key: nothing that belongs to a project, and no body is read.
PUBLIC_PATHS = frozenset(
    {"/livez", "/readyz", "/openapi.json", "/docs", "/", "/signin", "/signin/{link}", "/assets/{digest}/{name}"}
)


JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json")


class RouteUnguarded(Exception):
    """A route says neither which scope it needs nor that it is public."""


class Guarded(APIRoute):
    """Checks the key, its scope and its quotas before anything else of the request. Cannot be made without a scope."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Raises RouteUnguarded."""
        guard, handle, takes_model = find_guard(self), super().get_route_handler(), self.body_field is not None

        async def admit_and_handle(request: Request) -> Response:
            await guard.admit(request)
            if takes_model:
                refuse_other_types(request)
            return await handle(request)

        return admit_and_handle


Router = partial(APIRouter, route_class=Guarded)


def refuse_other_types(request: Request) -> None:
    """Raise Unsupported where a body is not said to be JSON: FastAPI would not parse it, and blame its form."""
    sent = request.headers.get("content-type")
    if (
        sent is None
        and request.headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in request.headers
    ):
        return  # no body, which the route itself tells of
    media_type = (sent or "").partition(";")[0].strip().lower()
    if not JSON_TYPE.fullmatch(media_type):
        said = f"Content-Type {media_type[:100]!r}" if media_type else "the Content-Type is missing"
        raise Unsupported(f"{said}: send application/json")


def find_guard(route: APIRoute) -> Authorize:
    """What checks this route's keys. Raises RouteUnguarded unless there is one for certain."""
    guards = guards_of(route.dependant)
    if len(guards) != 1:
        raise RouteUnguarded(f"{route.path}: take one of the callers of api/access/keys.py, and one only")
    return guards.pop()


def guards_of(dependant: Dependant) -> set[Authorize]:
    """The guards among a route's dependencies, at any depth."""
    own = {dependant.call} if isinstance(dependant.call, Authorize) else set()
    return own.union(*map(guards_of, dependant.dependencies))


def refuse_unguarded(routes: Iterable[BaseRoute]) -> None:
    """Raise RouteUnguarded when a route would answer whoever asks without standing in `PUBLIC_PATHS`."""
    for route in iter_route_contexts(list(routes)):
        if route.path not in PUBLIC_PATHS and not isinstance(route.original_route, Guarded):
            raise RouteUnguarded(
                f"{route.path}: make it with the Router of api/access/routers.py, or add it to PUBLIC_PATHS"
            )


def scopes_of(route: BaseRoute) -> set[Scope]:
    """The scopes that a route asks for: one, or none where it is public."""
    return {find_guard(route).scope} if isinstance(route, Guarded) else set()


def paths_for(scope: Scope, routes: Iterable[BaseRoute]) -> frozenset[str]:
    """The paths of the routes that ask for this scope."""
    found = iter_route_contexts(list(routes))
    return frozenset(r.path for r in found if r.path and scope in scopes_of(r.original_route))
