"""The hot way and the route take errors alike; only the way differs. Over real sockets: connections answer."""

import asyncio
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import pytest

from api.access.keys import KeyRing
from api.http import connection as connections
from api.http.connection import Connection
from api.http.problems import Overloaded, Unavailable
from api.http.responder import Responder
from api.ingest import coalescer, routes
from api.ingest.coalescer import TOGETHER_MAX
from api.ingest.errors import ErrorPipeline
from api.ingest.fast import FastWrites
from api.storing.admission import Admission
from api.storing.flusher import Flusher, Outcome
from api.storing.writer import Writer
from common.settings import Settings
from common.telemetry import metrics
from tests.api.serving import over_sockets, serving
from tests.conftest import Project, Service

ERROR = {"service": "shop", "severity": "error", "message": "payment 1 failed"}
EVENT_ID = "0192f0c0-0000-7000-8000-000000000001"
SECRET = ERROR | {"message": "login failed password=hunter2"}
BODIES: list[tuple[str, Any]] = [
    ("batch", {"errors": [ERROR | {"event_id": EVENT_ID}]}),
    ("batch", {"errors": [ERROR, SECRET, {"service": "x"}, 7]}),
    ("batch", {"errors": [{"service": "x"}] * 40}),
    ("batch", {"errors": []}),
    ("batch", {"errors": [ERROR] * 1_001}),
    ("batch", "no list"),
    ("log", SECRET | {"event_id": EVENT_ID}),
    ("log", {"service": "x"}),
    ("log", {"service": "x" * 300, "severity": "x", "message": ""}),
    ("log", [1]),
]
SendInOneTurn = Callable[[list[str]], Awaitable[list[tuple[int, bytes, bytes]]]]
CODINGS = ["identity", "gzip", "gzip, deflate, br, zstd"]


@pytest.fixture
def quotas() -> dict[str, Any]:
    return {}


@pytest.fixture
async def project(service: Service, settings: Settings, quotas: dict[str, Any]) -> AsyncIterator[Project]:
    """A project that sends over sockets, its key known to the process."""
    async with over_sockets(await service.project(), settings.model_copy(update=quotas)) as made:
        await made.send(ERROR)
        yield made


async def post(project: Project, name: str, body: bytes, **headers: str) -> tuple[int, list[Any], Any]:
    """Status, headers and the bytes on the wire; what RateLimit counts, and the second, left out."""
    sent = {"x-request-id": "same", "content-type": "application/json", **headers}
    async with project.ingest.stream("POST", f"/api/errors/{name}", content=body, headers=sent) as answer:
        told = b"".join([piece async for piece in answer.aiter_raw()])
        kept = [(k, re.sub(rb"r=\d+;t=\d+", b"", v)) for k, v in answer.headers.raw if k != b"date"]
        return answer.status_code, kept, told


def by_route(project: Project) -> dict[str, str]:
    """The scheme in another case, which only the route reads."""
    return {"authorization": project.ingest.headers["authorization"].replace("Bearer", "bearer")}


@pytest.fixture
def no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("the route was asked")

    monkeypatch.setattr(routes, "read_sent", fail)


class Seen:
    """How often the server came to each of the steps that a test waits for."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: type, step: str) -> None:
        inner = getattr(owner, step)

        def note(*given: Any) -> Any:
            done = inner(*given)
            self.times[step] += 1
            return done

        monkeypatch.setattr(owner, step, note)

    async def until(self, step: str, times: int) -> None:
        """Return once it came there so often."""
        async with asyncio.timeout(10):
            while self.times[step] < times:
                await asyncio.sleep(0.005)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Of requests taken by the hot way, of those given up before they were whole, of connections that were told that the
    process stops, and that ended."""
    seen = Seen()
    seen.watch(monkeypatch, FastWrites, "begin")
    seen.watch(monkeypatch, Responder, "abandon")
    for step in ("shutdown", "connection_lost"):
        seen.watch(monkeypatch, Connection, step)
    return seen


class Gate(asyncio.Event):
    """Flushes wait until it is set; `reached` says that one does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.reached.set()
        return await super().wait()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    write, gate = Writer.write, Gate()
    gate.set()

    async def wait_and_write(*given: Any) -> None:
        if not gate.is_set():
            await gate.wait()
        await write(*given)

    monkeypatch.setattr(Writer, "write", wait_and_write)
    return gate


@pytest.fixture
def fast_writes(monkeypatch: pytest.MonkeyPatch) -> list[FastWrites]:
    """Those of each application that is made from here on."""
    made: list[FastWrites] = []
    init = FastWrites.__init__

    def note(self: FastWrites, *given: Any) -> None:
        init(self, *given)
        made.append(self)

    monkeypatch.setattr(FastWrites, "__init__", note)
    return made


class Raw:
    """A connection on which one says byte for byte what is sent."""

    def __init__(self, authorization: str) -> None:
        self.authorization = authorization

    async def connect(self, port: int | None) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.sleep(0.02)

    def log(self, number: int = 0, more: str = "", body: str = json.dumps(ERROR)) -> bytes:
        return (
            f"POST /api/errors/log HTTP/1.1\r\nHost: x\r\nAuthorization: {self.authorization}\r\n"
            f"X-Request-ID: {number}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"
        ).encode()

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, head and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        body = await self.reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
        return int(head.split()[1]), head, body


@pytest.fixture
async def raw(project: Project) -> AsyncIterator[Raw]:
    connection = Raw(project.ingest.headers["authorization"])
    await connection.connect(port_of(project))
    yield connection
    connection.writer.close()


def port_of(project: Project) -> int | None:
    return urlsplit(str(project.ingest.base_url)).port


async def count_stored(service: Service) -> int:
    [[count]] = await service.execute("SELECT count(*) FROM errors")
    return int(count)


async def test_both_ways_answer_byte_for_byte_the_same(project: Project) -> None:
    for name, document in BODIES:
        body = json.dumps(document).encode()
        await post(project, name, body)  # so that what has an id is a duplicate both times
        for coding in CODINGS:
            accept = {"accept-encoding": coding}
            hot = await post(project, name, body, **accept)
            assert hot == await post(project, name, body, **accept, **by_route(project)), document


async def test_both_ways_read_the_type_alike(project: Project) -> None:
    for name in ("batch", "log"):
        for sent in ("text/plain", "application/x-ndjson", "application/JSON; charset=utf-8"):
            typed = {"content-type": sent}
            hot = await post(project, name, b"{}", **typed)
            assert hot == await post(project, name, b"{}", **typed, **by_route(project)), sent


@pytest.mark.parametrize("quotas", [{"limit_key_requests": 4}])
async def test_both_ways_run_on_the_same_quota(project: Project) -> None:
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert (await post(project, "log", body, **by_route(project)))[0] == 201
    assert (await post(project, "log", body))[0] == 201
    hot, routed = await post(project, "log", body), await post(project, "log", body, **by_route(project))
    assert hot[0] == routed[0] == 429
    assert [name for name, _ in hot[1]] == [name for name, _ in routed[1]]


async def test_a_known_key_does_without_the_route_and_everything_else_takes_it(
    project: Project, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("no_route")
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert (await post(project, "batch", b'{"errors": [%s]}' % body))[0] == 201
    through_the_route = [
        await post(project, "log", body, **by_route(project)),
        await post(project, "log", body, **{"x-api-key": project.ingest.headers["authorization"].partition(" ")[2]}),
        await post(project, "log", body, origin="https://pages.example"),
        await post(project, "log", body, connection="close"),
        await post(project, "log", gzip.compress(body), **{"content-encoding": "gzip"}),
        await post(project, "log", body + b" " * 300_000),
    ]
    assert [answer[0] for answer in through_the_route] == [503] * 6
    chunked = await project.ingest.post("/api/errors/log", content=in_pieces(body))
    assert chunked.status_code == 503


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


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body[:10]
    yield body[10:]


async def test_a_key_that_may_only_read_is_refused(project: Project) -> None:
    await project.get("/api/errors/recent")
    answer: httpx.Response = await project.read.post("/api/errors/log", json=ERROR)
    assert answer.status_code == 403


async def test_what_is_taken_is_counted_under_its_route(project: Project) -> None:
    counted = metrics.REQUESTS.of("POST", "/api/errors/log", "201", "lane")._value.get()
    timed = metrics.REQUEST_DURATION.of("POST", "/api/errors/log")._sum.get()
    read = metrics.BODY_BYTES.of("unpacked")._value.get()
    body = json.dumps(ERROR).encode()
    assert (await post(project, "log", body))[0] == 201
    assert metrics.REQUESTS.of("POST", "/api/errors/log", "201", "lane")._value.get() == counted + 1
    assert metrics.REQUEST_DURATION.of("POST", "/api/errors/log")._sum.get() > timed
    assert metrics.BODY_BYTES.of("unpacked")._value.get() == read + len(body)


async def test_requests_in_one_packet_are_answered_in_their_order(raw: Raw, service: Service) -> None:
    await raw.send(b"".join(raw.log(number) for number in range(5)) + raw.log(5, "Connection: close\r\n"))
    told = await asyncio.wait_for(raw.reader.read(), 10)
    assert re.findall(rb"x-request-id: (\d)", told) == [b"%d" % number for number in range(6)]
    assert told.count(b"HTTP/1.1 201 Created") == 6
    assert await count_stored(service) == 7


@pytest.fixture
async def in_one_turn(project: Project) -> AsyncIterator[SendInOneTurn]:
    """Sends each of these bodies on a connection of its own, in one turn of the event loop, and gives the answers."""
    open_ones: list[Raw] = []

    async def send(bodies: list[str]) -> list[tuple[int, bytes, bytes]]:
        for _ in bodies:
            open_ones.append(Raw(project.ingest.headers["authorization"]))
            await open_ones[-1].connect(port_of(project))
        await asyncio.sleep(0.05)
        for number, (raw, body) in enumerate(zip(open_ones, bodies, strict=True)):
            raw.writer.write(raw.log(number, body=body))
        return [await raw.answer() for raw in open_ones]

    yield send
    for raw in open_ones:
        raw.writer.close()


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows were given to the writers at once."""
    sizes: list[int] = []
    submit = Writer.submit

    def note(self: Writer[Any], rows: Any, *given: Any, **named: Any) -> Any:
        sizes.append(len(rows))
        return submit(self, rows, *given, **named)

    monkeypatch.setattr(Writer, "submit", note)
    return sizes


async def test_errors_of_one_turn_are_one_submission_and_each_is_answered_by_itself(
    in_one_turn: SendInOneTurn, submitted: list[int], service: Service
) -> None:
    errors = [ERROR | {"message": f"of one turn: {name}"} for name in "abcdef"]
    errors[1] |= {"event_id": EVENT_ID}
    errors[2] |= {"severity": "none"}
    errors[3] |= {"event_id": EVENT_ID}
    errors[4] |= {"message": "login failed password=hunter2"}
    answers = await in_one_turn([json.dumps(error) for error in errors])
    assert submitted == [5]
    assert [status for status, _, _ in answers] == [201, 201, 422, 201, 201, 201]
    assert [re.findall(rb"x-request-id: (\d)", head) for _, head, _ in answers] == [[b"%d" % n] for n in range(6)]
    told = [json.loads(body) for _, _, body in answers]
    assert [one.get("outcome") for one in told] == ["stored", "stored", None, "duplicate", "stored", "stored"]
    assert told[4]["adjustments"] == ["redacted"]
    stored = dict(await service.execute("SELECT event_id::text, message FROM errors"))
    assert [stored[one["id"]] for one in told if "id" in one] == [
        *("of one turn: a", "of one turn: b", "of one turn: b"),
        *(stored[told[4]["id"]], "of one turn: f"),
    ]


async def test_what_does_not_find_room_together_is_told_to_come_again(
    in_one_turn: SendInOneTurn, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise Overloaded("no room")

    monkeypatch.setattr(Admission, "take", refuse)
    answers = await in_one_turn([json.dumps(ERROR)] * 3)
    assert [status for status, _, _ in answers] == [503] * 3
    assert all(b"retry-after: " in head for _, head, _ in answers)
    assert await count_stored(service) == 1


@pytest.mark.parametrize("quotas", [{"limit_key_requests": 4}])
async def test_a_quota_may_end_between_errors_of_one_turn(in_one_turn: SendInOneTurn, service: Service) -> None:
    answers = await in_one_turn([json.dumps(ERROR)] * 5)
    assert Counter(status for status, _, _ in answers) == {201: 3, 429: 2}
    assert await count_stored(service) == 4


async def test_more_errors_than_go_together_are_all_answered(
    in_one_turn: SendInOneTurn, submitted: list[int], service: Service
) -> None:
    answers = await in_one_turn([json.dumps(ERROR)] * (TOGETHER_MAX + 2))
    assert [status for status, _, _ in answers] == [201] * (TOGETHER_MAX + 2)
    assert max(submitted) == TOGETHER_MAX
    assert await count_stored(service) == TOGETHER_MAX + 3


async def test_an_error_that_was_slow_to_come_goes_by_itself(
    in_one_turn: SendInOneTurn, submitted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescer, "SLOW_SECONDS", 0.0)
    answers = await in_one_turn([json.dumps(ERROR)] * 3)
    assert [status for status, _, _ in answers] == [201] * 3
    assert submitted == [1] * 3


async def test_a_body_may_come_in_pieces(raw: Raw) -> None:
    whole = raw.log()
    for _ in range(2):
        await raw.send(whole[:40], whole[40:-50], whole[-50:-10], whole[-10:])
        assert (await raw.answer())[0] == 201


async def test_errors_with_the_head_of_those_before_do_without_the_parser_and_mean_something_else_in_another_place(
    raw: Raw, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log(message: str) -> bytes:
        return raw.log(body=json.dumps(ERROR | {"message": message}))

    await raw.send(log("first"))
    assert (await raw.answer())[0] == 201
    with monkeypatch.context() as unread:
        unread.setattr(connections, "read_head", lambda *_: 1 / 0)
        for message in ("second", "a third that is longer"):
            await raw.send(log(message))
            assert (await raw.answer())[0] == 201
    await raw.send(log("in"), log("a row") + log("at once"))
    await raw.send(log("in pieces")[:-5], log("in pieces")[-5:])
    assert [(await raw.answer())[0] for _ in range(4)] == [201] * 4
    # as the end of a body
    inner = log("inner").decode()
    outer = raw.log(body=json.dumps(ERROR | {"message": "outer"}) + "\n" + inner)
    await raw.send(outer[: -len(inner)], outer[-len(inner) :])
    assert (await raw.answer())[0] == 422
    # behind the beginning of a request
    await raw.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", log("behind").replace(b"Host: x\r\n", b""))
    assert (await raw.answer())[2] == b'{"status":"ok"}'
    stored = {message for [message] in await service.execute("SELECT message FROM errors")}
    assert stored == {
        *(ERROR["message"], "first", "second", "a third that is longer"),
        *("in", "a row", "at once", "in pieces"),
    }


async def test_a_connection_is_kept_from_its_last_answer_on(service: Service, settings: Settings) -> None:
    made = await service.project()
    async with serving(settings, keep_alive_seconds=1) as port:
        raw = Raw(made.ingest.headers["authorization"])
        await raw.connect(port)
        for _ in range(7):
            await raw.send(raw.log())
            assert (await raw.answer())[0] == 201
            answered = time.monotonic()
            await asyncio.sleep(0.25)
        assert await asyncio.wait_for(raw.reader.read(), 10) == b""
        assert time.monotonic() - answered > 0.9
        raw.writer.close()


async def test_errors_with_the_head_of_those_before_need_a_key_that_is_still_known(
    raw: Raw, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 201
    monkeypatch.setattr(KeyRing, "recall", lambda *_: None)
    monkeypatch.setattr(KeyRing, "find", forget)
    await raw.send(raw.log())
    assert (await raw.answer())[0] == 401


async def forget(*_: object) -> None:
    """Postgres knows no such key."""


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


async def test_what_postgres_cannot_hold_is_a_422(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    async def reject(_: object, rows: list[Any]) -> list[Outcome]:
        return [Outcome.rejected for _ in rows]

    monkeypatch.setattr(Flusher, "store", reject)
    body = json.dumps(ERROR).encode()
    hot = await post(project, "log", body)
    assert hot == await post(project, "log", body, **by_route(project))
    assert hot[0] == 422
