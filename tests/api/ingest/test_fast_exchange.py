"""The exchange of a request that brings errors: from its head, by its body, to one answer or to none."""

import asyncio
import json

import pytest

from api.http import connection as connections
from api.http.problems import QuotaExceeded
from api.ingest import fast_exchange
from api.ingest.errors import ErrorPipeline
from api.ingest.fast import FastWrites
from common.settings import Settings
from tests.api.http.wire import Wire
from tests.api.ingest.sending import ERROR, Gate, Raw, Seen, count_stored, port_of, post
from tests.api.serving import over_sockets
from tests.conftest import Project, Service


@pytest.mark.parametrize("quotas", [{"bodies_max_bytes": 1_000}])
async def test_a_body_counts_among_those_that_the_process_holds_until_it_is_answered(
    project: Project, raw: Raw, gate: Gate, seen: Seen
) -> None:
    gate.clear()
    await raw.send(raw.log(body=json.dumps(ERROR | {"message": "x" * 700})))
    await gate.reached.wait()
    large = json.dumps(ERROR | {"message": "y" * 700}).encode()
    assert (await post(project, "log", large))[0] == 503
    gone = Raw(raw.authorization)
    await gone.connect(port_of(project))
    begun = seen.times["begin"]
    await gone.send(gone.log()[:-10])
    await seen.until("begin", begun + 1)
    gone.writer.transport.abort()
    await seen.until("abandon", 1)
    gate.set()
    assert (await raw.answer())[0] == 201
    assert (await post(project, "log", large))[0] == 201


async def test_a_body_may_come_in_pieces(raw: Raw) -> None:
    whole = raw.log()
    for _ in range(2):
        await raw.send(whole[:40], whole[40:-50], whole[-50:-10], whole[-10:])
        assert (await raw.answer())[0] == 201


@pytest.mark.parametrize("quotas", [{"body_seconds": 0.3}])
async def test_a_body_that_does_not_come_is_a_408_and_ends_the_connection(
    raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LINGER_SECONDS", 60)
    await raw.send(raw.log()[:-10])
    status, head, body = await raw.answer()
    assert (status, json.loads(body)["type"]) == (408, "urn:mayday:problem:request-too-slow")
    assert b"ratelimit" in head
    await raw.send(raw.log()[-10:])  # it came late: the next request may follow
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 201
    monkeypatch.setattr(connections, "LINGER_SECONDS", 0.1)
    await raw.send(raw.log()[:-10])
    assert (await raw.answer())[0] == 408
    assert await asyncio.wait_for(raw.reader.read(), 10) == b""


@pytest.mark.parametrize("name", ["log", "batch"])
async def test_a_write_that_takes_too_long_is_answered_and_may_be_stored_still(
    fast_writes: list[FastWrites], project: Project, service: Service, gate: Gate, name: str
) -> None:
    gate.clear()
    fast_writes[-1].responder.request_seconds = 0.1
    body = json.dumps(ERROR if name == "log" else {"errors": [ERROR]}).encode()
    status, _, told = await post(project, name, body)
    assert (status, json.loads(told)["type"]) == (503, "urn:mayday:problem:timed-out")
    gate.set()
    async with asyncio.timeout(10):
        while await count_stored(service) < 2:
            await asyncio.sleep(0.01)


async def test_a_client_that_goes_away_breaks_nothing(
    project: Project, raw: Raw, service: Service, gate: Gate, seen: Seen
) -> None:
    begun, lost = seen.times["begin"], seen.times["connection_lost"]
    await raw.send(raw.log()[:-10])
    other = Raw(raw.authorization)
    await other.connect(port_of(project))
    gate.clear()
    await other.send(other.log())
    await gate.reached.wait()
    await seen.until("begin", begun + 2)
    for gone in (raw, other):
        gone.writer.transport.abort()
    await seen.until("connection_lost", lost + 2)
    gate.set()
    assert (await post(project, "log", json.dumps(ERROR).encode()))[0] == 201
    assert await count_stored(service) == 3


async def test_a_write_under_way_is_answered_when_the_process_stops(
    service: Service, settings: Settings, gate: Gate, seen: Seen
) -> None:
    async def open_once_told() -> None:
        await seen.until("shutdown", 2)
        gate.set()

    made = await service.project()
    async with over_sockets(made, settings) as project:
        await project.send(ERROR)
        idle, raw = Raw(project.ingest.headers["authorization"]), Raw(project.ingest.headers["authorization"])
        for connection in (idle, raw):
            await connection.connect(port_of(project))
        gate.clear()
        await raw.send(raw.log())
        await gate.reached.wait()
        opening = asyncio.create_task(open_once_told())
    await opening
    status, head, _ = await raw.answer()
    assert status == 201
    assert b"connection: close\r\n" in head
    assert await raw.reader.read() == await idle.reader.read() == b""
    raw.writer.close()
    idle.writer.close()
    assert await count_stored(service) == 2


async def test_a_defect_is_answered_as_one_and_the_connection_goes_on(
    raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ErrorPipeline, "judge_one", lambda *_: 1 / 0)
        await raw.send(raw.log())
        status, _, body = await raw.answer()
        assert (status, json.loads(body)["type"]) == (500, "urn:mayday:problem:internal")
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 201


def test_what_a_handler_raises_is_answered_as_a_defect() -> None:
    wire = Wire()
    wire.exchange.take_whole = lambda _: 1 / 0  # type: ignore[assignment]
    wire.exchange.take()
    assert (wire.sent, wire.held.total_bytes) == ([500], 0)


def test_where_a_quota_is_used_up_that_is_answered_and_it_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise QuotaExceeded("too many", [], retry_after_seconds=1)

    wire = Wire()
    monkeypatch.setattr(fast_exchange, "charge", refuse)
    assert not wire.exchange.admit()
    assert (wire.sent, wire.held.total_bytes) == ([429], 0)


def test_what_was_sent_is_the_body_and_who_sent_it() -> None:
    wire = Wire()
    wire.exchange.pieces += [b"in ", b"pieces"]
    sent = wire.exchange.sent
    assert (sent.body, sent.caller, sent.content_type) == (b"in pieces", wire.exchange.caller, None)
