"""The route that log shippers post to: whatever its type says, a body is read as the records that it holds."""

from typing import Annotated, NamedTuple

from fastapi import Query, Request
from starlette.datastructures import Headers

from api.access.keys import IngestCaller
from api.access.routers import Router
from api.fields import SeverityName
from api.ingest.receivers.items import Batch
from api.ingest.receivers.shipper import shipper_receiver
from api.ingest.receivers.shipper.levels import SEVERITIES, read_level
from api.ingest.receivers.shipper.mapping import MappingOptions
from api.ingest.routes import pipeline_of, read_sent
from api.ingest.schemas import LogsAnswer, RejectedItem
from api.ingest.summaries import NOT_HELD
from api.storing.flusher import Outcome
from api.storing.rows import ErrorRow
from common.database.clock import CLOCK
from common.severities import SeverityWord

REJECTED_SHOWN = 100

router = Router(prefix="/api/logs", tags=["ingest"])

Name = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.post(
    "",
    summary="Store the errors among log records",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "object", "additionalProperties": True}},
                            {"type": "object", "additionalProperties": True},
                        ]
                    }
                }
            },
        }
    },
)
async def log_records(
    request: Request,
    caller: IngestCaller,
    service: Annotated[Name, Query(description="Service of records that name none.")] = None,
    environment: Annotated[Name, Query(description="Environment of records that name none.")] = None,
    level: Annotated[
        SeverityName | None, Query(description="Least level that becomes an error. Default: MAYDAY_SHIPPER_LEVEL.")
    ] = None,
    severity: Annotated[
        SeverityName | None,
        Query(description="Level of records that name none; else they are judged by what they say."),
    ] = None,
) -> LogsAnswer:
    """Store what log shippers send: a list of records, or one a line (NDJSON), or one after the other, whatever the type;
    or msgpack, where the type says so.

    Message, level, time, service and traces are read under the names that loggers use; the rest is context. A record with a
    time is the same error whenever it is sent. 200 comes after the commit.
    """
    pipeline, sent = pipeline_of(request), await read_sent(request, caller)
    said = read_headers(request.headers, sent.body)
    options = MappingOptions(
        level=SEVERITIES[level or pipeline.settings.shipper_level],
        service=service or said.service or "unknown",
        environment=environment,
        severity=severity or said.severity,
        now=CLOCK.now(),
    )
    batch, outcomes = await pipeline.receive(sent, shipper_receiver(options, sent.content_type or ""))
    return describe_logs(batch, outcomes)


class Said(NamedTuple):
    """What a request says of its record outside of it."""

    service: str | None = None
    severity: SeverityWord | None = None


def read_headers(headers: Headers, body: bytes) -> Said:
    """What syslog-ng says in headers, which by default sends a message and nothing else; of several they name the first."""
    if b"\n" in body.strip():
        return Said()
    return Said(headers.get("x-syslog-program"), read_level(headers.get("x-syslog-level", "")))


def describe_logs(batch: Batch[ErrorRow], outcomes: list[Outcome]) -> LogsAnswer:
    """The answer; outcomes are in the order of the batch's items."""
    places = zip(batch.places, outcomes, strict=True)
    rejected = {**batch.rejected, **{place: NOT_HELD for place, outcome in places if outcome is Outcome.rejected}}
    shown = sorted(rejected.items())[:REJECTED_SHOWN]
    return LogsAnswer(
        status="partial" if rejected else "success",
        count=outcomes.count(Outcome.stored),
        duplicates=outcomes.count(Outcome.duplicate),
        discarded=dict(batch.discarded),
        rejected=[RejectedItem(index=place, reason=item.reason, detail=item.detail) for place, item in shown],
        rejected_count=len(rejected),
    )
