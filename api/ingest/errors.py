"""The pipeline of errors: how their rows are made, storm control before they are written, and errors that come alone."""

import asyncio
from collections.abc import Sequence

from api.access.keys import Caller
from api.http.problems import Invalid, Unavailable
from api.ingest.pipeline import BuildRows, Pipeline, Sent, no_outcomes
from api.ingest.receivers.items import Batch, Item, Parsed, Rejected, describe_place, sort_out
from api.ingest.receivers.native import ERRORS, SentError, parse_one
from api.ingest.receivers.registry import ERROR_RECEIVERS
from api.ingest.rows import RequestContext, make_row, note_adjustments
from api.ingest.sampling import Sampler, make_slim
from api.ingest.scheduler import BodyScheduler
from api.ingest.schemas import AdjustedItem, ErrorAnswer
from api.ingest.summaries import NOT_HELD, count_rejected
from api.storing.admission import Reservation
from api.storing.flusher import Outcome
from api.storing.other_days import EarlyDays
from api.storing.rows import ErrorRow
from api.storing.writer import Writer
from common.settings import Settings
from common.tables import Adjustment


class ErrorPipeline(Pipeline[SentError, ErrorRow]):
    """Takes errors; one that comes alone is a batch of one."""

    def __init__(
        self, settings: Settings, writer: Writer[ErrorRow], scheduler: BodyScheduler, early_days: EarlyDays
    ) -> None:
        super().__init__(
            ERRORS, ERROR_RECEIVERS, settings, writer, scheduler, prepare=self.begin, list_adjusted=list_adjusted
        )
        self.sampler = Sampler(settings.storm_errors_per_minute)
        self.early_days = early_days

    async def begin(self, caller: Caller) -> BuildRows[SentError, ErrorRow]:
        """What makes the rows of one request; its time is that at which it begins to."""

        async def build(batch: Batch[SentError], body_bytes: int) -> Batch[ErrorRow]:
            rows = await make_rows(self.scheduler, batch, self.request(caller), body_bytes)
            return Batch(rows, rejected=batch.rejected, discarded=batch.discarded)

        return build

    async def take_one(self, sent: Sent) -> ErrorAnswer:
        """Judge and store one error, of any size. Raises Invalid, Unavailable, Unsupported."""
        self.writer.refuse_when_full(sent.caller.project_id)
        self.receivers.of(sent.content_type)
        sent.allowance.count("bytes", len(sent.body))
        batch, stored = await self.take(sent, read_alone, refuse_alone)
        return describe_one(batch.items[0], await stored)

    def judge_one(self, sent: Sent, request: RequestContext) -> ErrorRow:
        """The row of one error, of a size that is judged at once, before storm control. Raises Invalid, Unsupported."""
        self.receivers.of(sent.content_type)
        sent.allowance.count("bytes", len(sent.body))
        sent.allowance.count("errors", 1)
        error, adjustments = require_parsed(parse_one(sent.body, ERRORS, self.settings))
        row = make_row(error, request)
        return note_adjustments(row, adjustments) if adjustments else row

    def store_at_once(
        self, sent: Sent, batch: Batch[SentError]
    ) -> "tuple[Batch[ErrorRow], asyncio.Future[list[Outcome]]] | None":
        """The rows of errors that were read already, few and small, on their way to Postgres; None, with nothing done, where they
        have to wait for room, or be thin."""
        try:
            self.writer.refuse_when_full(sent.caller.project_id)
            if self.is_pressed(sent):
                return None
            request = self.request(sent.caller)
            rows = [make_row(error, request) for error in batch.items]
            for number, adjustments in batch.adjusted.items():
                rows[number] = note_adjustments(rows[number], adjustments)
            stored = self.store(rows) if rows else no_outcomes()
        except Unavailable:
            return None
        sent.allowance.count("bytes", len(sent.body))
        sent.allowance.count("errors", len(rows))
        return Batch(rows), stored

    def store(
        self, rows: list[ErrorRow], reservation: Reservation | None = None, *, requests: int = 1
    ) -> "asyncio.Future[list[Outcome]]":
        """Have the rows written, slim where too many of their like came; as `Writer.submit`."""
        self.sampler.admit(rows)
        try:
            stored = super().store(rows, reservation, requests=requests)
        except Exception:
            self.sampler.take_back(rows)
            raise
        self.sampler.take_back_unless(stored, rows)
        return stored

    def thin(self, rows: Batch[ErrorRow]) -> Batch[ErrorRow]:
        """Without trace, context and tags; every error stays, and counts as it would."""
        return Batch([make_slim(row) for row in rows.items], rejected=rows.rejected)

    def request(self, caller: Caller) -> RequestContext:
        return RequestContext.now(caller.project_id, self.settings, self.early_days.of(caller.project_id))


async def make_rows(
    scheduler: BodyScheduler, batch: Batch[SentError], request: RequestContext, body_bytes: int
) -> list[ErrorRow]:
    """A row for each item."""
    rows = await scheduler.make_each(batch.items, make_row, request, body_bytes)
    for number, adjustments in batch.adjusted.items():
        rows[number] = note_adjustments(rows[number], adjustments)
    return rows


def read_alone(body: bytes, settings: Settings) -> Batch[SentError]:
    """The error that is the body, as a batch of one."""
    return sort_out([parse_one(body, ERRORS, settings)])


def refuse_alone(batch: Batch[SentError] | Batch[ErrorRow], _kind: object) -> None:
    """Raise Invalid where the one error of the batch cannot be stored."""
    for rejected in batch.rejected.values():
        require_parsed(rejected)


def require_parsed(item: Item[SentError]) -> Parsed[SentError]:
    """Raises Invalid."""
    if isinstance(item, Rejected):
        count_rejected([item], ERRORS)
        raise Invalid(item.detail, errors=[describe_place(item)])
    return item


def describe_one(row: ErrorRow, outcomes: Sequence[Outcome]) -> ErrorAnswer:
    """What became of one error. Raises Invalid where Postgres cannot hold it."""
    [outcome] = outcomes
    if outcome is Outcome.rejected:
        raise Invalid(NOT_HELD.detail)
    return ErrorAnswer(id=row.event_id, outcome=str(outcome), adjustments=name_adjustments(row))


def list_adjusted(batch: Batch[ErrorRow]) -> list[AdjustedItem]:
    changed = ((place, row) for place, row in zip(batch.places, batch.items, strict=True) if row.adjustments)
    return [AdjustedItem(index=place, adjustments=name_adjustments(row)) for place, row in changed]


def name_adjustments(row: ErrorRow) -> list[str]:
    if not row.adjustments:
        return []  # looking at flags costs as much as parsing the error
    return [adjustment.name or "" for adjustment in Adjustment(row.adjustments)]
