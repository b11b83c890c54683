"""The routes that Sentry's SDKs send to. They are no part of our own contract: what they take and answer is that protocol's.

An SDK sends nothing again that it was refused. So a request waits here, for as long as it may, where Postgres takes nothing
or too much is waiting: meanwhile the SDK holds what comes after it.
"""

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, cast

import structlog
from fastapi import APIRouter, Request, Response

from api.access.dsn import DsnCaller, EnvelopeCaller
from api.access.keys import Caller
from api.access.routers import Guarded
from api.access.shares import share_of
from api.http.bodies import read_large
from api.http.problems import Invalid, Overloaded, Problem, Unavailable
from api.ingest.errors import ErrorPipeline
from api.ingest.pipeline import Sent
from api.ingest.receivers import JSON, Receiver
from api.ingest.receivers.sentry import NAME, Reader, ReadSentry
from api.ingest.receivers.sentry.answers import answer_id, answer_problem
from api.ingest.rows import make_event_id
from api.storing.feedback import Feedback, add_feedback
from api.storing.losses import Losses
from common.settings import Settings

PATHS = re.compile(r"/api/[^/]{1,40}/(?:envelope|store)/")
REFUSED = "refused"  # as a reason of a loss: what was sent and not taken, of which an SDK does not report


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
                status, headers, body = answer_problem(problem)
                if status in {429, 503} and "sender" in request.scope:
                    caller = cast("Caller", request.scope["sender"])
                    cast("Losses", request.state.losses).note(caller.project_id, REFUSED, "error", 1)
                return Response(body, status, headers, JSON)

        return answer


router = APIRouter(route_class=SentryRoute, include_in_schema=False)


@router.post("/api/{number}/envelope/")
async def take_envelope(request: Request, caller: EnvelopeCaller) -> Response:
    """Store what an envelope brings."""
    return await take(request, caller, Reader.read_envelope)


@router.post("/api/{number}/store/")
async def take_event(request: Request, caller: DsnCaller) -> Response:
    """Store one event, as SDKs sent it before there were envelopes."""
    return await take(request, caller, Reader.read_event)


async def take(request: Request, caller: Caller, read: ReadSentry) -> Response:
    """Answer when what was sent is stored. Raises Problem."""
    settings = cast("Settings", request.state.settings)
    pipeline = cast("ErrorPipeline", request.state.pipeline)
    reader = Reader(caller.project_name, make_event_id, request.scope.get("dsn_key"))
    sent = Sent(caller, request.scope["allowance"], None, await read_large(request))
    try:
        batch, _ = await pipeline.receive(
            sent, Receiver(NAME, (), partial(read, reader)), hold_seconds=settings.hold_seconds
        )
    except Overloaded as error:
        if pipeline.writer.is_failing:  # to send less would not help
            raise Unavailable(error.detail) from error
        raise
    await keep_reports(request, caller, reader)
    if batch.rejected and not batch.items:
        raise Invalid(next(iter(batch.rejected.values())).detail)
    return Response(answer_id(reader.answered_id), media_type=JSON)


async def keep_reports(request: Request, caller: Caller, reader: Reader) -> None:
    """Keep what came beside the errors."""
    losses = cast("Losses", request.state.losses)
    for loss in reader.losses:
        losses.note(caller.project_id, loss.reason, loss.category, loss.count)
    said = [
        Feedback(one.feedback_id, one.event_id, one.name, one.email, one.message, one.url)
        for one in reader.feedback
        if one.event_id is not None
    ]
    if said:
        request.scope["allowance"].count("errors", len(said))
        async with share_of(request, caller.project_id).begin() as connection:
            await add_feedback(connection, caller.project_id, said)
