"""The routes of OTLP over HTTP, and what senders are answered where a request fails. OTLP says what they are, so they are not
in our own contract; docs/otlp.md says what becomes of what is sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from api.access.keys import Caller, IngestCaller
from api.access.routers import Router
from api.http.middleware import find_header
from api.http.problems import Invalid, RequestTooSlow, Unavailable, Unsupported
from api.ingest.pipeline import Pipeline, Sent
from api.ingest.receivers import JSON, Receiver
from api.ingest.receivers.items import Batch
from api.ingest.receivers.otlp.answers import write_failure, write_success
from api.ingest.receivers.otlp.encodings import PROTOBUF, Encoding, find_encoding
from api.ingest.receivers.otlp.logs import LOG_RECEIVERS
from api.ingest.receivers.otlp.metrics import METRIC_RECEIVERS
from api.ingest.receivers.otlp.records import Signal
from api.ingest.receivers.otlp.spans import SPAN_RECEIVERS
from api.ingest.routes import read_sent
from api.ingest.summaries import NOT_HELD
from api.storing.flusher import Outcome

PATHS = {"/v1/logs": Signal.logs, "/v1/traces": Signal.traces, "/v1/metrics": Signal.metrics}

router = Router(tags=["otlp"], include_in_schema=False)


def always(_encoding: Encoding, _body: bytes) -> bool:
    return True


class Destination(NamedTuple):
    """Where a signal goes: a pipeline, who reads it there, by the media type, and which bodies may hold something for it."""

    pipeline: Pipeline[Any, Any]
    receivers: Mapping[str, Receiver[Any]]
    wants: Callable[[Encoding, bytes], bool] = always


Destinations = Mapping[Signal, Sequence[Destination]]


def make_destinations(errors: Pipeline[Any, Any], usage: Destination) -> Destinations:
    """Where each signal goes: all to the errors, and spans to `usage` too."""
    return {
        Signal.logs: (Destination(errors, LOG_RECEIVERS),),
        Signal.traces: (Destination(errors, SPAN_RECEIVERS), usage),
        Signal.metrics: (Destination(errors, METRIC_RECEIVERS),),
    }


@router.post("/v1/logs")
async def take_logs(request: Request, caller: IngestCaller) -> Response:
    return await take(request, caller, Signal.logs)


@router.post("/v1/traces")
async def take_traces(request: Request, caller: IngestCaller) -> Response:
    return await take(request, caller, Signal.traces)


@router.post("/v1/metrics")
async def take_metrics(request: Request, caller: IngestCaller) -> Response:
    return await take(request, caller, Signal.metrics)


async def take(request: Request, caller: Caller, signal: Signal) -> Response:
    """Have a request stored wherever it goes, and say what was rejected. Where one place has no room, all of it may be sent
    again: by their ids, what the others stored is not stored twice."""
    encoding = find_encoding(request.headers.get("content-type"))
    if encoding is None:
        raise Unsupported(f"send OTLP as {PROTOBUF} or as {JSON}")
    sent = await read_sent(request, caller)
    first, *others = cast("Destinations", request.state.otlp)[signal]
    rejected = await receive(sent, first, encoding)
    for other in others:
        if other.wants(encoding, sent.body):
            rejected += await receive(sent, other, encoding, counts_bytes=False)
    body = write_success(encoding.media_type, signal, len(rejected), rejected[0] if rejected else "")
    return Response(body, media_type=encoding.media_type)


async def receive(sent: Sent, destination: Destination, encoding: Encoding, *, counts_bytes: bool = True) -> list[str]:
    """Why each record was rejected that was, of those that are for this destination."""
    receiver = destination.receivers[encoding.media_type]
    return name_rejected(*await destination.pipeline.receive(sent, receiver, counts_bytes=counts_bytes))


def name_rejected(batch: Batch[Any], outcomes: Sequence[Outcome]) -> list[str]:
    not_held = [NOT_HELD.detail] * outcomes.count(Outcome.rejected)
    return [rejected.detail for rejected in batch.rejected.values()] + not_held


def answer_failure(problem: HTTPException, scope: Scope) -> Response:
    """The answer to a request that failed, in the encoding of its sender, who sends again what was answered 429 or 503, and
    nothing else."""
    given = find_header(scope["headers"], b"content-type")
    encoding = find_encoding(given.decode("latin-1") if given else None)
    media_type = encoding.media_type if encoding else JSON
    problem = in_terms_of_otlp(problem)
    headers = {"Cache-Control": "no-store", **(problem.headers or {})}
    body = write_failure(media_type, problem.status_code, str(problem.detail))
    return Response(body, problem.status_code, headers, media_type)


def in_terms_of_otlp(problem: HTTPException) -> HTTPException:
    """The same failure with a status that OTLP knows."""
    if problem.status_code == Invalid.status:
        return HTTPException(400, problem.detail, problem.headers)
    if problem.status_code == RequestTooSlow.status:
        return Unavailable(str(problem.detail))
    return problem


def find_problem_form(path: str) -> Callable[[HTTPException, Scope], Response] | None:
    """How failures are answered on the paths of OTLP; None for other paths."""
    return answer_failure if path in PATHS else None
