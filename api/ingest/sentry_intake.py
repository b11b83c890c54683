"""What is done to a body of Sentry's protocol once it is known who sent it: stored, what came beside the errors kept, and what
its sender lost counted. The routes and the connection share it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

from fastapi import Response

from api.access.shares import Shares
from api.http.problems import Invalid, Overloaded, Problem, Unavailable
from api.ingest.errors import ErrorPipeline
from api.ingest.pipeline import Sent, count_discarded
from api.ingest.receivers import JSON, Receiver
from api.ingest.receivers.items import Batch
from api.ingest.receivers.sentry import NAME, Reader, ReadSentry
from api.ingest.receivers.sentry.answers import answer_id, answer_problem
from api.ingest.scheduler import LARGE_BYTES
from api.storing.feedback import Feedback, add_feedback
from api.storing.flusher import Outcome
from api.storing.losses import Losses
from api.storing.rows import ErrorRow

REFUSED = "refused"  # as a reason of a loss: what was sent and not taken, of which an SDK does not report


class Taken(NamedTuple):
    """The rows of an envelope that are on their way to Postgres, their outcomes to come, and what is answered then."""

    rows: Batch[ErrorRow]
    stored: "asyncio.Future[list[Outcome]]"
    answer: bytes


@dataclass(frozen=True, slots=True)
class SentryIntake:
    """Of one process."""

    pipeline: ErrorPipeline
    losses: Losses
    shares: Shares

    async def take(self, sent: Sent, reader: Reader, read: ReadSentry) -> bytes:
        """The body of the answer, once what was sent is stored. An SDK sends nothing again that it was refused; so a request
        waits here, for as long as it may, where Postgres takes nothing or too much is waiting: meanwhile the SDK holds what
        comes after it. Raises Problem."""
        receiver = Receiver(NAME, (), partial(read, reader))
        with self.telling_failures():
            batch, _ = await self.pipeline.receive(sent, receiver, hold_seconds=self.pipeline.settings.hold_seconds)
        if reader.losses or reader.feedback:
            await self.keep_reports(sent, reader)
        if batch.rejected and not batch.items:
            raise Invalid(next(iter(batch.rejected.values())).detail)
        return answer_id(reader.answered_id)

    @property
    def at_once_max_bytes(self) -> int:
        """Of an envelope, unpacked, that is read in one turn of the event loop."""
        return min(LARGE_BYTES, self.pipeline.settings.body_max_decoded_bytes)

    def take_at_once(self, sent: Sent, reader: Reader) -> Taken | None:
        """Read an envelope of one event at most, and have that stored; None, with nothing done, where it is wrong, brings more,
        or has to wait, so that only `take` can tell what becomes of it."""
        try:
            batch = reader.read_envelope(sent.body, self.pipeline.settings)
        except Problem:
            return None
        if len(batch.items) > 1 or batch.rejected or reader.losses or reader.feedback:
            return None
        stored = self.pipeline.store_at_once(sent, batch)
        if stored is None:
            return None
        count_discarded(NAME, batch)
        return Taken(*stored, answer_id(reader.answered_id))

    async def store_later(self, taken: Taken, project_id: UUID, waited_seconds: float) -> None:
        """Wait until what Postgres did not take at once is stored, so long in all as `take` waits. Raises Problem."""
        left = self.pipeline.settings.hold_seconds - waited_seconds
        with self.telling_failures():
            await self.pipeline.hold_until_stored(taken.rows, project_id, taken.stored, left)

    @contextmanager
    def telling_failures(self) -> Iterator[None]:
        """Raise Unavailable for what had no room because Postgres takes nothing: to send less would not help."""
        try:
            yield
        except Overloaded as error:
            if self.pipeline.writer.is_failing:
                raise Unavailable(error.detail) from error
            raise

    async def keep_reports(self, sent: Sent, reader: Reader) -> None:
        """Keep what came beside the errors."""
        project_id = sent.caller.project_id
        for loss in reader.losses:
            self.losses.note(project_id, loss.reason, loss.category, loss.count)
        said = [
            Feedback(one.feedback_id, one.event_id, one.name, one.email, one.message, one.url)
            for one in reader.feedback
            if one.event_id is not None
        ]
        if said:
            sent.allowance.count("errors", len(said))
            async with self.shares.of(project_id).begin() as connection:
                await add_feedback(connection, project_id, said)

    def describe_failure(self, problem: Problem, project_id: UUID | None) -> Response:
        """What the sender is told, in the protocol's form; what it lost by that is counted, where it is known who it is."""
        status, headers, body = answer_problem(problem)
        if status in {429, 503} and project_id is not None:
            self.losses.note(project_id, REFUSED, "error", 1)
        return Response(body, status, headers, JSON)
