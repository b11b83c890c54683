"""The pipeline of usage: what a record is, who reads its batches, and how rows with a price are made of them."""

from functools import partial

import msgspec
from msgspec import Raw
from pydantic import ValidationError

from api.access.keys import Caller
from api.access.shares import Shares
from api.ingest.pipeline import BuildRows, Pipeline
from api.ingest.receivers import Receivers
from api.ingest.receivers.items import Batch, ItemKind, Rejected
from api.ingest.receivers.json_bounds import VALUES_READ
from api.ingest.receivers.json_text import NOT_STRICT, has_few_members
from api.ingest.receivers.native import native_receivers
from api.ingest.scheduler import BodyScheduler
from api.ingest.schemas import AdjustedItem
from api.spending.overrides import list_overrides
from api.spending.usage_leaves import NOT_UNDERSTOOD
from api.spending.usage_rows import UsageContext, make_usage_row, name_usage_adjustments
from api.spending.usage_schemas import USAGE_WORDING, UsageBatchIn, UsageIn
from api.spending.usage_words import name_concern
from api.storing.rows import UsageRow
from api.storing.writer import Writer
from common.settings import Settings
from common.telemetry import metrics

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
USAGE_RECEIVERS = Receivers(*native_receivers(RECORDS))


def make_usage_pipeline(
    settings: Settings, writer: Writer[UsageRow], scheduler: BodyScheduler, shares: Shares
) -> Pipeline[UsageIn, UsageRow]:
    prepare = partial(begin_pricing, settings, scheduler, shares)
    return Pipeline(RECORDS, USAGE_RECEIVERS, settings, writer, scheduler, prepare=prepare, list_adjusted=list_adjusted)


async def begin_pricing(
    settings: Settings, scheduler: BodyScheduler, shares: Shares, caller: Caller
) -> BuildRows[UsageIn, UsageRow]:
    """What makes the rows of one request, each at the price that the project's own rates or the catalog give it. Raises
    Busy."""
    async with shares.of(caller.project_id).connect() as connection:
        overrides = await list_overrides(connection, caller.project_id)

    async def build(batch: Batch[UsageIn], body_bytes: int) -> Batch[UsageRow]:
        usage_context = UsageContext.now(caller.project_id, settings, overrides)
        made = await scheduler.make_each(batch.items, make_usage_row, usage_context, body_bytes)
        return sort_rows(batch, made)

    return build


def sort_rows(batch: Batch[UsageIn], made: list[UsageRow | Rejected]) -> Batch[UsageRow]:
    """The rows, and the reasons of those that are none beside those of the batch; `made` is in the order of its items."""
    rows: list[UsageRow] = []
    adjusted: dict[int, int] = {}
    rejected = dict(batch.rejected)
    for number, (place, row) in enumerate(zip(batch.places, made, strict=True)):
        if isinstance(row, Rejected):
            rejected[place] = row
            continue
        if number in batch.adjusted:
            adjusted[len(rows)] = batch.adjusted[number]
        rows.append(row)
        count_not_understood(row)
    return Batch(rows, adjusted, dict(sorted(rejected.items())))


def count_not_understood(row: UsageRow) -> None:
    """Count what may be money and is in no price; the answer names it."""
    if row.details is None or (details := row.known_details) is None:
        return
    for told in details.told:
        if told.startswith(NOT_UNDERSTOOD):
            metrics.NOT_UNDERSTOOD.of(name_concern(told)).inc()


def list_adjusted(batch: Batch[UsageRow]) -> list[AdjustedItem]:
    said = (name_usage_adjustments(row, batch.adjusted.get(number, 0)) for number, row in enumerate(batch.items))
    return [
        AdjustedItem(index=place, adjustments=words) for place, words in zip(batch.places, said, strict=True) if words
    ]
