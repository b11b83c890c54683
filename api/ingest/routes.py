"""The routes that take errors: read the raw body, let `parsing` and `rows` judge it, wait for the writer."""

from typing import cast

from fastapi import APIRouter, Request, Response

from api.auth import Caller, IngestCaller
from api.ingest.answering import (
    NOT_HELD,
    body_of,
    count_rejected,
    media_type,
    parse_body,
    refuse_if_empty,
    summarize,
)
from api.ingest.flushing import Outcome
from api.ingest.parsing import ERRORS, Rejected, describe_place, parse_one
from api.ingest.rows import Frame, Row
from api.ingest.schemas import AdjustedItem, BatchAnswer, ErrorAnswer, ErrorBatchIn, ErrorIn
from api.ingest.storms import StormControl
from api.ingest.turns import make_rows
from api.ingest.writer import Writer
from api.limits import Allowance
from api.problems import Invalid
from common.settings import Settings
from common.tables import Adjustment

router = APIRouter(prefix="/api/errors", tags=["ingest"])


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
    answer = await take_batch(request, caller, await request.body())
    response.status_code = 207 if answer.rejected else 201
    return answer


async def take_batch(request: Request, caller: Caller, body: bytes) -> BatchAnswer:
    """Judge a batch, store what can be stored, and say what became of each error. Raises Invalid, Unavailable."""
    settings = cast("Settings", request.state.settings)
    writer = cast("Writer[Row]", request.state.writer)
    writer.refuse_when_full(caller.project_id)
    allowance = cast("Allowance", request.scope["allowance"])
    allowance.count("bytes", len(body))
    items = parse_body(body, media_type(request), ERRORS, settings)
    allowance.count("errors", len(items))
    frame = Frame.now(caller.project_id, settings)
    admit = cast("StormControl", request.state.storms).admit
    made = await make_rows(items, frame, len(body), request.state.large_bodies)
    rows = {index: admit(row) for index, row in made.items()}
    count_rejected(items, ERRORS)
    refuse_if_empty(items, rows, ERRORS)
    outcomes = await writer.store(list(rows.values()))
    adjusted = [AdjustedItem(index=i, adjustments=name_adjustments(row)) for i, row in rows.items() if row.adjustments]
    return summarize(items, rows, outcomes, adjusted)


@router.post("/log", status_code=201, summary="Store one error", openapi_extra=body_of(ErrorIn))
async def log_error(request: Request, response: Response, caller: IngestCaller) -> ErrorAnswer:
    """Store one error. 201 comes after the commit: it stays stored."""
    answer = await take_one(request, caller, await request.body())
    response.headers["Location"] = place_of(answer)
    return answer


def place_of(answer: ErrorAnswer) -> str:
    """Where the error can be read."""
    return f"{router.prefix}/{answer.id}"


async def take_one(request: Request, caller: Caller, body: bytes) -> ErrorAnswer:
    """Judge and store one error. Raises Invalid, Unavailable."""
    settings = cast("Settings", request.state.settings)
    writer = cast("Writer[Row]", request.state.writer)
    writer.refuse_when_full(caller.project_id)
    media_type(request)
    allowance = cast("Allowance", request.scope["allowance"])
    allowance.count("bytes", len(body))
    allowance.count("errors", 1)
    item = parse_one(body, ERRORS, settings)
    if isinstance(item, Rejected):
        count_rejected([item], ERRORS)
        raise Invalid(item.detail, errors=[describe_place(item)])
    frame = Frame.now(caller.project_id, settings)
    [made] = (await make_rows([item], frame, len(body), request.state.large_bodies)).values()
    row = cast("StormControl", request.state.storms).admit(made)
    [outcome] = await writer.store([row])
    if outcome is Outcome.rejected:
        raise Invalid(NOT_HELD.detail)
    return ErrorAnswer(id=row.event_id, outcome=str(outcome), adjustments=name_adjustments(row))


def name_adjustments(row: Row) -> list[str]:
    if not row.adjustments:
        return []  # looking at flags costs as much as parsing the error
    return [adjustment.name or "" for adjustment in Adjustment(row.adjustments)]
