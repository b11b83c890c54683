"""What is done to errors on every way in, from the body of a request to the answer that tells what became of them."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from api.access.keys import Caller
from api.access.quotas import Allowance
from api.http.problems import Invalid
from api.ingest.receivers.native import ERRORS, Item, Parsed, Rejected, SentError, describe_place, parse_one, sort_out
from api.ingest.rows import RequestContext, Row, make_row, note_adjustments
from api.ingest.sampling import Sampler
from api.ingest.scheduler import Scheduler
from api.ingest.schemas import AdjustedItem, BatchAnswer, ErrorAnswer
from api.ingest.summaries import (
    NOT_HELD,
    count_rejected,
    load_of,
    parse_body,
    read_media_type,
    refuse_if_empty,
    summarize,
)
from api.storing.admission import Reservation
from api.storing.flusher import Outcome
from api.storing.other_days import EarlyDays
from api.storing.writer import Writer
from common.settings import Settings
from common.tables import Adjustment


class Sent(NamedTuple):
    """What one request brought, and who sent it on which allowance."""

    caller: Caller
    allowance: Allowance
    content_type: str | None
    body: bytes


class Pipeline:
    """Takes errors, for the whole of one process."""

    def __init__(self, settings: Settings, writer: Writer[Row], scheduler: Scheduler, early_days: EarlyDays) -> None:
        self.settings = settings
        self.writer = writer
        self.sampler = Sampler(settings.storm_errors_per_minute)
        self.scheduler = scheduler
        self.early_days = early_days

    async def take_batch(self, sent: Sent) -> BatchAnswer:
        """Judge a batch, store what can be stored, and say what became of each error. Raises Invalid, Unavailable."""
        project_id, since, size = sent.caller.project_id, time.monotonic(), len(sent.body)
        self.writer.refuse_when_full(project_id)
        sent.allowance.count("bytes", size)
        sent_as = read_media_type(sent.content_type)
        async with self.scheduler.for_body(size):
            self.writer.refuse_when_full(project_id)  # by now others may have it
            batch = await self.scheduler.parse(size, partial(parse_body, sent.body, sent_as, ERRORS, self.settings))
            sent.allowance.count("errors", len(batch))
            count_rejected(batch.rejected.values(), ERRORS)
            refuse_if_empty(batch, ERRORS)
            with self.writer.admission.reserve(project_id, load_of(batch, sent.body), since) as reservation:
                rows = await self.scheduler.make_rows(batch, self.request(sent.caller), size)
                stored = self.store(rows, reservation)
        return summarize(batch, await stored, list_adjusted(batch.places, rows))

    async def take_one(self, sent: Sent) -> ErrorAnswer:
        """Judge and store one error, of any size. Raises Invalid, Unavailable, Unsupported."""
        size = len(sent.body)
        self.writer.refuse_when_full(sent.caller.project_id)
        count_one(sent)
        async with self.scheduler.for_body(size):
            item = await self.scheduler.parse(size, partial(parse_one, sent.body, ERRORS, self.settings))
            batch = sort_out([require_parsed(item)])
            rows = await self.scheduler.make_rows(batch, self.request(sent.caller), size)
            stored = self.store(rows)
        return describe_one(rows[0], await stored)

    def store(
        self, rows: list[Row], reservation: Reservation | None = None, *, requests: int = 1
    ) -> "asyncio.Future[list[Outcome]]":
        """Have the rows written, slim where too many of their like came; as `Writer.submit`."""
        self.sampler.admit(rows)
        try:
            stored = self.writer.submit(rows, reservation, requests=requests)
        except Exception:
            self.sampler.take_back(rows)
            raise
        self.sampler.take_back_unless(stored, rows)
        return stored

    def judge_one(self, sent: Sent, request: RequestContext) -> Row:
        """The row of one error, of a size that is judged at once, before storm control. Raises Invalid, Unsupported."""
        count_one(sent)
        error, adjustments = require_parsed(parse_one(sent.body, ERRORS, self.settings))
        row = make_row(error, request)
        return note_adjustments(row, adjustments) if adjustments else row

    def request(self, caller: Caller) -> RequestContext:
        return RequestContext.now(caller.project_id, self.settings, self.early_days.of(caller.project_id))


def count_one(sent: Sent) -> None:
    """Raises Unsupported."""
    read_media_type(sent.content_type)
    sent.allowance.count("bytes", len(sent.body))
    sent.allowance.count("errors", 1)


def require_parsed(item: Item[SentError]) -> Parsed[SentError]:
    """Raises Invalid."""
    if isinstance(item, Rejected):
        count_rejected([item], ERRORS)
        raise Invalid(item.detail, errors=[describe_place(item)])
    return item


def describe_one(row: Row, outcomes: Sequence[Outcome]) -> ErrorAnswer:
    """What became of one error. Raises Invalid where Postgres cannot hold it."""
    [outcome] = outcomes
    if outcome is Outcome.rejected:
        raise Invalid(NOT_HELD.detail)
    return ErrorAnswer(id=row.event_id, outcome=str(outcome), adjustments=name_adjustments(row))


def list_adjusted(places: Sequence[int], rows: Sequence[Row]) -> list[AdjustedItem]:
    changed = ((reservation, row) for reservation, row in zip(places, rows, strict=True) if row.adjustments)
    return [AdjustedItem(index=reservation, adjustments=name_adjustments(row)) for reservation, row in changed]


def name_adjustments(row: Row) -> list[str]:
    if not row.adjustments:
        return []  # looking at flags costs as much as parsing the error
    return [adjustment.name or "" for adjustment in Adjustment(row.adjustments)]
