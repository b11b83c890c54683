"""The routes that Sentry's SDKs send to. They are no part of our own contract: what they take and answer is that protocol's.

Envelopes of a known key are taken by the connection (api/ingest/sentry_fast.py), in the same way.
"""

import re
from collections.abc import Callable, Coroutine
from typing import Any, cast

import structlog
from fastapi import APIRouter, Request, Response

from api.access.dsn import DsnCaller, EnvelopeCaller
from api.access.keys import Caller
from api.access.routers import Guarded
from api.http.bodies import read_large
from api.http.problems import Problem, Unavailable
from api.ingest.pipeline import Sent
from api.ingest.receivers import JSON
from api.ingest.receivers.sentry import Reader, ReadSentry
from api.ingest.rows import make_event_id
from api.ingest.sentry_intake import SentryIntake

PATHS = re.compile(r"/api/[^/]{1,40}/(?:envelope|store)/")
ENVELOPES = "/api/{number}/envelope/"


class SentryRoute(Guarded):
    """Answers in the protocol's form, also what went wrong; and counts what its sender lost by that."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Raises RouteUnguarded."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                if isinstance(problem, Unavailable):
                    structlog.contextvars.bind_contextvars(problem=problem.slug, detail=problem.detail)
                intake = cast("SentryIntake", request.state.sentry_intake)
                sender = cast("Caller | None", request.scope.get("sender"))
                return intake.describe_failure(problem, None if sender is None else sender.project_id)

        return answer


router = APIRouter(route_class=SentryRoute, include_in_schema=False)


@router.post(ENVELOPES)
async def take_envelope(request: Request, caller: EnvelopeCaller) -> Response:
    """Store what an envelope brings."""
    return await take(request, caller, Reader.read_envelope)


@router.post("/api/{number}/store/")
async def take_event(request: Request, caller: DsnCaller) -> Response:
    """Store one event, as SDKs sent it before there were envelopes."""
    return await take(request, caller, Reader.read_event)


async def take(request: Request, caller: Caller, read: ReadSentry) -> Response:
    """Answer when what was sent is stored. Raises Problem."""
    intake = cast("SentryIntake", request.state.sentry_intake)
    dsn_key, over_quota = request.scope.get("dsn_key"), request.scope.get("over_quota")
    reader = Reader(caller.project_name, make_event_id, dsn_key, over_quota)
    sent = Sent(caller, request.scope["allowance"], None, await read_large(request))
    return Response(await intake.take(sent, reader, read), media_type=JSON)
