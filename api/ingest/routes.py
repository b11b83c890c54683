"""The routes that take errors: read the raw body, let `parsing` and `rows` judge it, wait for the writer."""

from collections.abc import Sequence
from typing import Any, cast

from fastapi import APIRouter, Request, Response

from api.auth import IngestCaller
from api.ingest.flushing import Outcome
from api.ingest.parsing import (
    Item,
    Parsed,
    Rejected,
    describe_place,
    describe_places,
    parse_batch,
    parse_lines,
    parse_one,
)
from api.ingest.rows import Frame, Row, make_row
from api.ingest.schemas import AdjustedItem, BatchAnswer, ErrorAnswer, ErrorBatchIn, ErrorIn, RejectedItem
from api.ingest.storms import StormControl
from api.ingest.writer import Writer
from api.limits import Allowance
from api.problems import Invalid, Unsupported
from common.settings import Settings
from common.tables import Adjustment
from common.telemetry import metrics

router = APIRouter(prefix="/api/errors", tags=["ingest"])

NDJSON = "application/x-ndjson"
NOT_HELD = Rejected("invalid_field", "Postgres cannot hold this error: see the log for the reason")


def body_of(model: type[Any], **others: Any) -> dict[str, Any]:
    """The request body for OpenAPI, since the routes read it raw: one pass instead of two."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}, **others}}}


@router.post(
    "/batch",
    status_code=201,
    summary="Store errors",
    responses={207: {"model": BatchAnswer, "description": "Some were stored, some rejected"}},
    openapi_extra=body_of(ErrorBatchIn, **{NDJSON: {"schema": {"type": "string"}}}),
)
async def log_errors(request: Request, response: Response, caller: IngestCaller) -> BatchAnswer:
    """Store 1 to 1,000 errors. 201 and 207 come after the commit: what they count as stored stays stored.

    With the type application/x-ndjson the body is one error a line.
    """
    settings = cast("Settings", request.state.settings)
    body = await request.body()
    allowance = cast("Allowance", request.scope["allowance"])
    allowance.count("bytes", len(body))
    items = parse_lines(body, settings) if media_type(request) == NDJSON else parse_batch(body, settings)
    allowance.count("errors", len(items))
    frame = Frame.now(caller.project_id, settings)
    admit = cast("StormControl", request.state.storms).admit
    rows = {index: admit(make_row(item, frame)) for index, item in enumerate(items) if isinstance(item, Parsed)}
    count_rejected(items)
    refuse_if_empty(items, rows)
    outcomes = await cast("Writer[Row]", request.state.writer).store(list(rows.values()))
    answer = summarize(items, rows, outcomes)
    response.status_code = 207 if answer.rejected else 201
    return answer


@router.post("/log", status_code=201, summary="Store one error", openapi_extra=body_of(ErrorIn))
async def log_error(request: Request, caller: IngestCaller) -> ErrorAnswer:
    """Store one error. 201 comes after the commit: it stays stored."""
    settings = cast("Settings", request.state.settings)
    media_type(request)
    body = await request.body()
    allowance = cast("Allowance", request.scope["allowance"])
    allowance.count("bytes", len(body))
    allowance.count("errors", 1)
    item = parse_one(body, settings)
    if isinstance(item, Rejected):
        count_rejected([item])
        raise Invalid(item.detail, errors=[describe_place(item)])
    row = cast("StormControl", request.state.storms).admit(make_row(item, Frame.now(caller.project_id, settings)))
    [outcome] = await cast("Writer[Row]", request.state.writer).store([row])
    if outcome is Outcome.rejected:
        raise Invalid(NOT_HELD.detail)
    return ErrorAnswer(id=row.event_id, outcome=outcome.value, adjustments=name_adjustments(row))


def media_type(request: Request) -> str:
    """The body's type. Raises Unsupported for any but JSON and NDJSON; none at all counts as JSON."""
    sent = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if sent not in ("application/json", NDJSON):
        raise Unsupported(f"Content-Type {sent[:100]!r}: send application/json, or {NDJSON} to /api/errors/batch")
    return sent


def count_rejected(items: Sequence[Item]) -> None:
    for item in items:
        if isinstance(item, Rejected):
            metrics.ITEMS.of("errors", Outcome.rejected.value).inc()
            metrics.REJECTIONS.of("errors", item.reason).inc()


def refuse_if_empty(items: Sequence[Item], rows: dict[int, Row]) -> None:
    """Raise Invalid when no item can be stored."""
    if not rows:
        rejected = [(index, item) for index, item in enumerate(items) if isinstance(item, Rejected)]
        first = rejected[0][1]
        raise Invalid(f"none of {len(items)} errors can be stored: {first.detail}", errors=describe_places(rejected))


def summarize(items: Sequence[Item], rows: dict[int, Row], outcomes: list[Outcome]) -> BatchAnswer:
    """The answer for a batch, each item counted once."""
    rejected = {index: item for index, item in enumerate(items) if isinstance(item, Rejected)}
    rejected |= {i: NOT_HELD for i, outcome in zip(rows, outcomes, strict=True) if outcome is Outcome.rejected}
    return BatchAnswer(
        status="partial" if rejected else "success",
        count=outcomes.count(Outcome.stored),
        duplicates=outcomes.count(Outcome.duplicate),
        rejected=[RejectedItem(index=i, reason=r.reason, detail=r.detail) for i, r in sorted(rejected.items())],
        adjusted=[
            AdjustedItem(index=i, adjustments=name_adjustments(row)) for i, row in rows.items() if row.adjustments
        ],
    )


def name_adjustments(row: Row) -> list[str]:
    return [adjustment.name or "" for adjustment in Adjustment(row.adjustments)]
