"""OTLP from exporters to errors and costs: sent either way, sent again, sent wrongly."""

import asyncio
import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import brotli
import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from api.http.problems import Overloaded
from api.ingest.receivers.otlp.wire import delimit
from common.compression import zstd
from common.settings import Settings
from tests.api.ingest.receivers.otlp.messages import (
    SPAN_ID,
    TRACE_ID,
    encode,
    event_of,
    log_of,
    logs_of,
    span_of,
    spans_of,
)
from tests.conftest import Project, Service, run_service

PROTOBUF, JSON = "application/x-protobuf", "application/json"
BOTH = pytest.mark.parametrize("media_type", [PROTOBUF, JSON])
RAISED = {"exception.type": "Declined", "exception.message": "card declined", "exception.stacktrace": "Declined: card"}
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-haiku-4-5",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 100_000,
}


def now_ns() -> int:
    return int(datetime.now(UTC).timestamp() * 1e9)


async def post(project: Project, signal: str, body: bytes, media_type: str, **headers: str) -> httpx.Response:
    given = {"Content-Type": media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await project.ingest.post(f"/v1/{signal}", content=body, headers=given)


async def send(project: Project, signal: str, message: Any, media_type: str = PROTOBUF) -> httpx.Response:
    """Post a request that must be taken whole."""
    answer = await post(project, signal, encode(message, media_type), media_type)
    assert (answer.status_code, answer.content) == (200, b"" if media_type == PROTOBUF else b"{}")
    assert answer.headers["content-type"] == media_type
    return answer


async def list_errors(project: Project) -> list[dict[str, Any]]:
    return list((await project.get("/api/errors", limit=200))["errors"])


@BOTH
async def test_log_records_and_spans_become_errors_that_can_be_read(service: Service, media_type: str) -> None:
    project = await service.project()
    resource = {"service.name": "shop", "service.version": "1.2", "deployment.environment": "prod"}
    record = log_of({"order": 7}, "payment failed", time_unix_nano=now_ns(), trace_id=TRACE_ID, span_id=SPAN_ID)
    await send(project, "logs", logs_of(record, resource=resource, scope="app"), media_type)
    await send(project, "traces", spans_of(span_of(events=[event_of(RAISED, now_ns())])), media_type)
    logged, raised = sorted(await list_errors(project), key=lambda error: error["message"], reverse=True)
    assert (logged["service"], logged["environment"], logged["release"]) == ("shop", "prod", "1.2")
    whole = await project.get(f"/api/errors/{logged['id']}")
    assert (whole["context"]["trace_id"], whole["context"]["attributes"]) == (TRACE_ID.hex(), {"order": 7})
    assert (raised["message"], raised["error_type"]) == ("card declined", "Declined")


@BOTH
async def test_an_exception_that_is_logged_and_recorded_is_one(service: Service, media_type: str) -> None:
    project = await service.project()
    at = now_ns() // 10**9 * 10**9
    record = log_of(RAISED, "payment failed", time_unix_nano=at, trace_id=TRACE_ID, span_id=SPAN_ID)
    await send(project, "logs", logs_of(record), media_type)
    await send(project, "traces", spans_of(span_of(events=[event_of(RAISED, at + 1_000)])), media_type)
    assert len(await list_errors(project)) == 1


async def test_what_is_sent_again_is_not_stored_twice_in_whatever_company(service: Service) -> None:
    project = await service.project()
    records = [log_of({"n": number % 3}, "x", time_unix_nano=now_ns()) for number in range(6)]
    twice = [*records, records[0]]  # two that are alike are two
    await send(project, "logs", logs_of(*twice))
    await send(project, "logs", logs_of(*twice), JSON)
    for record in reversed(records):
        await send(project, "logs", logs_of(record))
    assert len(await list_errors(project)) == 7


async def test_a_record_of_the_day_before_is_met_where_it_is_stored(service: Service) -> None:
    project = await service.project()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = int((midnight - timedelta(milliseconds=1)).timestamp() * 1e9)
    timeless = log_of(body="no time at all")
    for _ in range(2):
        await send(project, "logs", logs_of(log_of(body="late", time_unix_nano=before), timeless))
    rows = await service.execute("SELECT day, count(*) FROM errors GROUP BY day ORDER BY day")
    assert [(row.day, row.count) for row in rows] == [(midnight.date() - timedelta(days=1), 1), (midnight.date(), 1)]


@BOTH
async def test_a_span_of_an_llm_call_becomes_a_priced_record_once(service: Service, media_type: str) -> None:
    project = await service.project()
    call = span_of(CALL, start_time_unix_nano=now_ns())
    agent = span_of(
        {**CALL, "gen_ai.operation.name": "invoke_agent"}, span_id=b"agent-id", start_time_unix_nano=now_ns()
    )
    for _ in range(2):
        await send(project, "traces", spans_of(call, agent), media_type)
    [row] = await service.execute("SELECT * FROM usage_records")
    assert (row.event_key, row.team, row.model, row.input_tokens) == ("msg_1", "shop", "claude-haiku-4-5", 1_000_000)
    assert (row.priced_by, float(row.cost_usd)) == ("catalog", 1.5)


async def test_a_failed_call_is_an_error_and_the_one_beside_it_a_record(service: Service) -> None:
    project = await service.project()
    failed = span_of({"gen_ai.operation.name": "chat"}, span_id=b"failed--", events=[event_of(RAISED, now_ns())])
    await send(project, "traces", spans_of(failed, span_of(CALL, start_time_unix_nano=now_ns())))
    assert len(await list_errors(project)) == 1
    assert len(await service.execute("SELECT 1 FROM usage_records")) == 1


async def test_metrics_are_accepted(service: Service) -> None:
    project = await service.project()
    for body, media_type in ((b"", PROTOBUF), (b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{}]}]}]}', JSON)):
        assert (await post(project, "metrics", body, media_type)).status_code == 200


PACKERS: dict[str, Any] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", PACKERS)
async def test_bodies_in_every_coding(service: Service, coding: str) -> None:
    project = await service.project()
    body = PACKERS[coding](encode(logs_of(log_of(body=coding)), PROTOBUF))
    assert (await post(project, "logs", body, PROTOBUF, Content_Encoding=coding)).status_code == 200
    assert [error["message"] for error in await list_errors(project)] == [coding]


async def test_what_cannot_be_read_is_rejected_alone_and_told(service: Service) -> None:
    project = await service.project()
    good, broken = encode(log_of(body="good"), PROTOBUF), b"\x0a\x50abc"
    body = delimit(1, delimit(2, b"".join(delimit(2, raw) for raw in (good, broken, good))))
    answer = await post(project, "logs", body, PROTOBUF)
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_log_records, bool(partial.error_message)) == (200, 1, True)
    assert len(await list_errors(project)) == 2
    as_json = await post(project, "logs", b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[7]}]}]}', JSON)
    assert as_json.json()["partialSuccess"]["rejectedLogRecords"] == "1"


async def test_a_call_that_makes_no_record_is_told(service: Service) -> None:
    project = await service.project()
    wrong = span_of({**CALL, "gen_ai.usage.input_tokens": -5}, start_time_unix_nano=now_ns())
    answer = await post(project, "traces", encode(spans_of(wrong), PROTOBUF), PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert "gen_ai.usage.input_tokens" in partial.error_message


def read_status(answer: httpx.Response) -> tuple[int, str]:
    """Code and message of a google.rpc.Status in either encoding."""
    if answer.headers["content-type"] == JSON:
        said = answer.json()
        return said["code"], said["message"]
    assert answer.headers["content-type"] == PROTOBUF
    status = Status.FromString(answer.content)
    return status.code, status.message


@BOTH
@pytest.mark.parametrize("body", [b"\x0a\x50abc", b"{", b"[]", b"\xff" * 40])
async def test_a_body_of_something_else_is_refused_for_good(service: Service, media_type: str, body: bytes) -> None:
    project = await service.project()
    answer = await post(project, "logs", body, media_type)
    assert (answer.status_code, read_status(answer)[0]) == (400, 3)
    assert "retry-after" not in answer.headers


@BOTH
async def test_keys_are_asked_for_in_the_senders_encoding(service: Service, media_type: str) -> None:
    project = await service.project()
    stranger = await service.client(None)
    headers = {"Content-Type": media_type}
    unknown = await stranger.post("/v1/traces", content=b"", headers=headers)
    assert (unknown.status_code, read_status(unknown)[0]) == (401, 16)
    assert "www-authenticate" in unknown.headers
    forbidden = await project.read.post("/v1/traces", content=b"", headers=headers)
    assert (forbidden.status_code, read_status(forbidden)[0]) == (403, 7)
    wrong_method = await project.ingest.get("/v1/traces", headers=headers)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    key = project.ingest.headers["Authorization"].removeprefix("Bearer ")
    assert (await stranger.post("/v1/logs", content=b"", headers={"X-API-Key": key, **headers})).status_code in (
        200,
        400,
    )


async def test_another_type_coding_or_size_is_refused_for_good(service: Service) -> None:
    project = await service.project()
    for media_type in ("text/plain", "application/grpc"):
        answer = await post(project, "logs", b"x", media_type)
        assert (answer.status_code, read_status(answer)[0]) == (415, 3)
    coded = await post(project, "logs", b"x", PROTOBUF, Content_Encoding="compress")
    assert (coded.status_code, read_status(coded)[0]) == (415, 3)
    broken = await post(project, "logs", b"no gzip", PROTOBUF, Content_Encoding="gzip")
    assert broken.status_code == 400
    bomb = gzip.compress(bytes(service.settings.body_max_decoded_bytes + 1))
    large = await post(project, "logs", bomb, JSON, Content_Encoding="gzip")
    assert (large.status_code, read_status(large)[0]) == (413, 3)


@BOTH
async def test_quotas_and_full_buffers_ask_to_come_again(settings: Settings, media_type: str) -> None:
    async with run_service(settings.model_copy(update={"limit_key_requests": 2})) as service:
        project = await service.project()
        body = encode(logs_of(log_of(body="x")), media_type)
        answers = [await post(project, "logs", body, media_type) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert read_status(answers[2])[0] == 8
        assert int(answers[2].headers["retry-after"]) >= 1


@BOTH
async def test_where_costs_have_no_room_all_may_come_again_and_no_error_is_doubled(
    service: Service, media_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await service.project()
    spans = spans_of(
        span_of(CALL, start_time_unix_nano=now_ns()), span_of(span_id=b"failed--", events=[event_of(RAISED, now_ns())])
    )

    def refuse(_project_id: object) -> None:
        raise Overloaded("no room")

    with monkeypatch.context() as full:
        full.setattr(service.state["usage_writer"], "refuse_when_full", refuse)
        answer = await post(project, "traces", encode(spans, media_type), media_type)
        assert (answer.status_code, read_status(answer)[0]) == (503, 14)
        assert int(answer.headers["retry-after"]) >= 1
    await send(project, "traces", spans, media_type)
    assert len(await list_errors(project)) == 1
    assert len(await service.execute("SELECT 1 FROM usage_records")) == 1


async def test_bytes_of_a_body_count_once_though_it_goes_two_ways(service: Service) -> None:
    project = await service.project()
    spans = spans_of(span_of(CALL, start_time_unix_nano=now_ns()))
    answer = await send(project, "traces", spans)
    quotas = service.state["quotas"]
    [used] = [meter.used for (name, _), meter in quotas.meters.items() if name == "bytes"]
    assert used == len(encode(spans, PROTOBUF))
    assert answer.headers["ratelimit-policy"]


async def test_neighbours_go_on_beside_a_large_request(service: Service) -> None:
    """Of 3,000 records that are discarded and one that is not, with bombs among them."""
    project = await service.project()
    bomb = delimit(2, delimit(6, b"") * 50_000 + delimit(5, delimit(1, b"bomb")) + b"\x10\x11")
    info = delimit(2, encode(log_of({"a": "b" * 50}, "info", severity_number=9), PROTOBUF)) * 3_000
    large = delimit(1, delimit(2, info + bomb))
    small = [post(project, "logs", encode(logs_of(log_of(body=f"small {n}")), PROTOBUF), PROTOBUF) for n in range(20)]
    answers = await asyncio.gather(post(project, "logs", large, PROTOBUF), *small)
    assert {answer.status_code for answer in answers} == {200}
    assert len(await list_errors(project)) == 21


async def test_secrets_do_not_come_in_by_this_door(service: Service) -> None:
    project = await service.project()
    secret = "hunter2hunter2"
    record = log_of({"password": secret, "nested": {"api_key": secret}}, f"login failed: password={secret}")
    await send(project, "logs", logs_of(record))
    [error] = await list_errors(project)
    assert secret not in json.dumps(await project.get(f"/api/errors/{error['id']}"))
