"""What is done to a body of Sentry's protocol once it is known who sent it: stored, what came beside the errors kept, and what
its sender lost counted. The routes and the connection share it."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from fastapi import Response

from api.access.shares import Shares
from api.http.problems import Invalid, Overloaded, Problem, Unavailable
from api.ingest.errors import ErrorPipeline
from api.ingest.pipeline import Sent
from api.ingest.receivers import JSON, Receiver
from api.ingest.receivers.sentry import NAME, Reader, ReadSentry
from api.ingest.receivers.sentry.answers import answer_id, answer_problem
from api.storing.feedback import Feedback, add_feedback
from api.storing.losses import Losses

REFUSED = "refused"  # as a reason of a loss: what was sent and not taken, of which an SDK does not report


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
        try:
            batch, _ = await self.pipeline.receive(sent, receiver, hold_seconds=self.pipeline.settings.hold_seconds)
        except Overloaded as error:
            if self.pipeline.writer.is_failing:  # to send less would not help
                raise Unavailable(error.detail) from error
            raise
        if reader.losses or reader.feedback:
            await self.keep_reports(sent, reader)
        if batch.rejected and not batch.items:
            raise Invalid(next(iter(batch.rejected.values())).detail)
        return answer_id(reader.answered_id)

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
