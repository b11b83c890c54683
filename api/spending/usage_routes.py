"""The routes that take usage records and finished deliverables."""

import asyncio
import time
from functools import partial
from typing import cast

import msgspec
from fastapi import Request, Response
from msgspec import Raw
from pydantic import ValidationError

from api.access.keys import IngestCaller
from api.access.quotas import Allowance
from api.access.routers import Router
from api.access.shares import share_of
from api.http.bodies import read_large
from api.ingest.receivers.json_bounds import VALUES_READ
from api.ingest.receivers.json_text import NOT_STRICT, has_few_members
from api.ingest.receivers.native import Batch, ItemKind, Rejected
from api.ingest.scheduler import Scheduler
from api.ingest.schemas import AdjustedItem, BatchAnswer
from api.ingest.summaries import (
    body_of,
    count_rejected,
    load_of,
    parse_body,
    read_media_type,
    refuse_if_empty,
    summarize,
)
from api.spending.deliverables import add_deliverable
from api.spending.overrides import list_overrides
from api.spending.usage_rows import UsageContext, UsageRow, make_usage_row, name_usage_adjustments
from api.spending.usage_schemas import USAGE_WORDING, DeliverableAnswer, DeliverableIn, UsageBatchIn, UsageIn
from api.storing.writer import Writer
from common.settings import Settings

router = Router(prefix="/api", tags=["usage"])


# What the models read in one go: 20 ms, in which nobody else runs.
TOGETHER_BYTES, TOGETHER_BRACKETS = 2**20, 10_000
decode_records = msgspec.json.Decoder(dict[str, list[Raw]]).decode


def read_records(body: bytes) -> list[UsageIn] | None:
    """The records of a body that is right in all of them; None for any other, and where they must be taken apart first."""
    if len(body) > VALUES_READ and not are_small(body):
        return None
    try:
        return UsageBatchIn.model_validate_json(body).records
    except ValidationError:
        return None


def are_small(body: bytes) -> bool:
    """Whether it is read soon, and no record for itself may hold more values than it may."""
    brackets = body.count(b"[") + body.count(b"{")
    if len(body) > TOGETHER_BYTES or brackets > TOGETHER_BRACKETS or not has_few_members(body):
        return False
    try:
        return all(len(record) <= VALUES_READ for records in decode_records(body).values() for record in records)
    except NOT_STRICT:
        return False


RECORDS: ItemKind[UsageIn] = ItemKind("records", UsageIn, "usage", USAGE_WORDING, read_records)
PRICED_AT_ONCE = 100  # records, about 3 ms: others get their turn in between


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
    settings = cast("Settings", request.state.settings)
    writer = cast("Writer[UsageRow]", request.state.usage_writer)
    body = await read_large(request)
    writer.refuse_when_full(caller.project_id)
    allowance = cast("Allowance", request.scope["allowance"])
    allowance.count("bytes", len(body))
    parsed = await parse(request, body, settings)
    allowance.count("errors", len(parsed))
    with writer.admission.reserve(caller.project_id, load_of(parsed, body), time.monotonic()) as place:
        batch = await price(request, parsed, caller)
        count_rejected(batch.rejected.values(), RECORDS)
        refuse_if_empty(batch, RECORDS)
        stored = writer.submit(batch.items, place)
    answer = summarize(batch, await stored, list_adjusted(batch))
    response.status_code = 207 if answer.rejected else 201
    return answer


async def parse(request: Request, body: bytes, settings: Settings) -> Batch[UsageIn]:
    """The records of a body. Raises Invalid, Unsupported."""
    scheduler = cast("Scheduler", request.state.scheduler)
    sent_as = read_media_type(request.headers.get("content-type"))
    async with scheduler.for_body(len(body)):
        return await scheduler.parse(len(body), partial(parse_body, body, sent_as, RECORDS, settings))


async def price(request: Request, parsed: Batch[UsageIn], caller: IngestCaller) -> Batch[UsageRow]:
    """Each record as a row at its price, or why it is none."""
    async with share_of(request, caller.project_id).connect() as connection:
        overrides = await list_overrides(connection, caller.project_id)
    usage_context = UsageContext.now(caller.project_id, cast("Settings", request.state.settings), overrides)
    rows: list[UsageRow] = []
    adjusted: dict[int, int] = {}
    rejected = dict(parsed.rejected)
    for number, (place, sent) in enumerate(zip(parsed.places, parsed.items, strict=True)):
        if number % PRICED_AT_ONCE == 0:
            await asyncio.sleep(0)
        row = make_usage_row(sent, usage_context)
        if isinstance(row, Rejected):
            rejected[place] = row
            continue
        if number in parsed.adjusted:
            adjusted[len(rows)] = parsed.adjusted[number]
        rows.append(row)
    return Batch(rows, adjusted, dict(sorted(rejected.items())))


def list_adjusted(batch: Batch[UsageRow]) -> list[AdjustedItem]:
    said = (name_usage_adjustments(row, batch.adjusted.get(number, 0)) for number, row in enumerate(batch.items))
    return [
        AdjustedItem(index=place, adjustments=words) for place, words in zip(batch.places, said, strict=True) if words
    ]


@router.post("/deliverables", status_code=201, summary="Note a finished deliverable")
async def log_deliverable(request: Request, caller: IngestCaller, deliverable: DeliverableIn) -> DeliverableAnswer:
    """Note a finished piece of work. Tokens of usage records with its `ref` are tied to it, sent before or after."""
    async with share_of(request, caller.project_id).begin() as connection:
        outcome = await add_deliverable(connection, caller.project_id, deliverable)
    return DeliverableAnswer(ref=deliverable.ref, outcome=outcome.value)
