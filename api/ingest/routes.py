"""The routes that take errors, as OpenAPI has them. They read the raw body: one pass instead of two."""

from typing import cast

from fastapi import Request, Response

from api.access.keys import Caller, IngestCaller
from api.access.routers import Router
from api.http.bodies import read_large
from api.ingest.errors import ErrorPipeline
from api.ingest.pipeline import Sent
from api.ingest.schemas import BatchAnswer, ErrorAnswer, ErrorBatchIn, ErrorIn
from api.ingest.summaries import body_of

PREFIX = "/api/errors"

router = Router(prefix=PREFIX, tags=["ingest"])


@router.post(
    "/batch",
    status_code=201,
    summary="Store errors",
    responses={207: {"model": BatchAnswer, "description": "Some were stored, some rejected"}},
    openapi_extra=body_of(ErrorBatchIn),
)
async def log_errors(request: Request, response: Response, caller: IngestCaller) -> BatchAnswer:
    """Store 1 to 1,000 errors. 201 and 207 come after the commit: what they count as stored stays stored.

    With the type application/x-ndjson the body is one error a line.
    """
    answer = await pipeline_of(request).take_batch(await read_sent(request, caller))
    response.status_code = batch_status(answer)
    return answer


@router.post("/log", status_code=201, summary="Store one error", openapi_extra=body_of(ErrorIn))
async def log_error(request: Request, response: Response, caller: IngestCaller) -> ErrorAnswer:
    """Store one error. 201 comes after the commit: it stays stored."""
    answer = await pipeline_of(request).take_one(await read_sent(request, caller))
    response.headers["Location"] = place_of(answer)
    return answer


def pipeline_of(request: Request) -> ErrorPipeline:
    return cast("ErrorPipeline", request.state.pipeline)


async def read_sent(request: Request, caller: Caller) -> Sent:
    content_type = request.headers.get("content-type")
    return Sent(caller, request.scope["allowance"], content_type, await read_large(request))


def batch_status(answer: BatchAnswer) -> int:
    return 207 if answer.rejected else 201


def place_of(answer: ErrorAnswer) -> str:
    """Where the error can be read."""
    return f"{PREFIX}/{answer.id}"
