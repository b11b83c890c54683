"""The routes that take usage records and finished deliverables."""

from typing import cast

from fastapi import Request, Response

from api.access.keys import IngestCaller
from api.access.routers import Router
from api.access.shares import share_of
from api.ingest.pipeline import Pipeline
from api.ingest.routes import batch_status, read_sent
from api.ingest.schemas import BatchAnswer
from api.ingest.summaries import body_of
from api.spending.deliverables import add_deliverable
from api.spending.usage_schemas import DeliverableAnswer, DeliverableIn, UsageBatchIn, UsageIn
from api.storing.rows import UsageRow

router = Router(prefix="/api", tags=["usage"])


@router.post(
    "/usage/batch",
    status_code=201,
    summary="Store usage records",
    responses={207: {"model": BatchAnswer, "description": "Some were stored, some rejected"}},
    openapi_extra=body_of(UsageBatchIn),
)
async def log_usage(request: Request, response: Response, caller: IngestCaller) -> BatchAnswer:
    """Store the tokens of 1 to 1,000 LLM calls. 201 and 207 come after the commit, and the sums of budgets have them.

    `adjusted` says which were estimated (a total without a split) or unpriced, and why. With the type
    application/x-ndjson the body is one record a line.
    """
    pipeline = cast("Pipeline[UsageIn, UsageRow]", request.state.usage_pipeline)
    answer = await pipeline.take_batch(await read_sent(request, caller))
    response.status_code = batch_status(answer)
    return answer


@router.post("/deliverables", status_code=201, summary="Note a finished deliverable")
async def log_deliverable(request: Request, caller: IngestCaller, deliverable: DeliverableIn) -> DeliverableAnswer:
    """Note a finished piece of work. Tokens of usage records with its `ref` are tied to it, sent before or after."""
    async with share_of(request, caller.project_id).begin() as connection:
        outcome = await add_deliverable(connection, caller.project_id, deliverable)
    return DeliverableAnswer(ref=deliverable.ref, outcome=outcome.value)
