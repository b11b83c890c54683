"""No client holds more than its share by being slow, long or wrong: over real sockets, through uvicorn."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.http import connection as connections
from common.settings import Settings
from common.telemetry.exposition import make_registry
from tests.api.serving import serving
from tests.conftest import Service

SECONDS = 0.4
PROBE = b"GET /livez HTTP/1.1\r\nHost: mayday\r\n\r\n"
POST = b"POST /api/errors/batch HTTP/1.1\r\nHost: mayday\r\n"


@dataclass(frozen=True, slots=True)
class Client:
    """A raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the next answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, json.loads(body)

    async def is_cut_off_while_sending(self, piece: bytes, every_seconds: float) -> bool:
        """Send the piece again and again; whether the other side ends it within 10 s."""
        try:
            async with asyncio.timeout(10):
                while True:
                    await self.send(piece)
                    await asyncio.sleep(every_seconds)
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    async def is_closed(self) -> bool:
        """Wait until the other side has closed."""
        try:
            return await asyncio.wait_for(self.reader.read(), 10) == b""
        except ConnectionError:
            return True


class Server:
    def __init__(self, port: int) -> None:
        self.port = port
        self.clients: list[Client] = []

    async def connect(self, data: bytes = b"") -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        await client.send(data)
        return client


@pytest.fixture
def limits() -> dict[str, Any]:
    return {}


@pytest.fixture
async def server(settings: Settings, limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(connections, "LINGER_SECONDS", SECONDS)
    monkeypatch.setattr(connections, "SEND_SECONDS", SECONDS)
    short = settings.model_copy(update={"header_seconds": SECONDS, "body_seconds": SECONDS, **limits})
    async with serving(short) as port:
        server = Server(port)
        yield server
        for client in server.clients:
            client.writer.close()


async def test_a_head_that_does_not_end_is_a_408(server: Server) -> None:
    client = await server.connect(PROBE[:-2] + b"X-Slow: ")
    for _ in range(3):
        await asyncio.sleep(SECONDS / 4)
        await client.send(b"x")
    status, headers, problem = await client.answer()
    assert (status, problem["type"]) == (408, "urn:mayday:problem:request-too-slow")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"] == problem["request_id"]
    assert await client.is_closed()


@pytest.mark.parametrize("sent", [b"", b"\r\n", PROBE], ids=["nothing", "blank lines", "a request before"])
async def test_a_connection_that_says_nothing_is_closed_without_a_word(server: Server, sent: bytes) -> None:
    client = await server.connect(sent)
    if sent == PROBE:
        assert (await client.answer())[0] == 200
        await client.send(b"\r\n")
    assert await client.is_closed()


async def test_a_connection_whose_answer_came_before_the_end_of_its_body_ends_whatever_comes(server: Server) -> None:
    client = await server.connect(POST + b"Content-Length: 100000\r\n\r\n{")
    status, _, problem = await client.answer()
    assert (status, problem["type"]) == (401, "urn:mayday:problem:unauthorized")
    assert await client.is_cut_off_while_sending(b" ", SECONDS / 4)


async def test_endless_chunks_end(server: Server) -> None:
    client = await server.connect(POST + b"Transfer-Encoding: chunked\r\n\r\n")
    assert await client.is_cut_off_while_sending(b"1000\r\n" + b" " * 0x1000 + b"\r\n", 0)


@pytest.mark.parametrize(
    "head",
    [
        PROBE[:-2] + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n",
        PROBE[:-2] + b"X-Long: " + b"x" * 3_000_000,
        PROBE[:-2] + b"X-Many: 1\r\n" * 200_000,
        b"GET /" + b"a" * 3_000_000,
    ],
    ids=["long, whole", "endless", "many", "path"],
)
async def test_a_head_that_is_too_large_is_a_431(server: Server, head: bytes) -> None:
    client = await server.connect()
    try:
        await client.send(head)
        status, _, problem = await client.answer()
    except ConnectionError:
        return  # closed while we were sending still
    assert (status, problem["type"]) == (431, "urn:mayday:problem:head-too-large")
    assert await client.is_closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/9.9\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"CONNECT example.org:80 HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: m\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_400_in_the_form_of_every_problem(server: Server, sent: bytes) -> None:
    client = await server.connect(sent)
    status, headers, problem = await client.answer()
    assert status in (400, 401, 404), problem
    assert headers["content-type"] == "application/problem+json"
    assert headers["x-frame-options"] == "DENY"
    assert await client.is_closed() or status != 400


async def test_what_follows_a_whole_request_does_not_take_its_answer(server: Server) -> None:
    client = await server.connect(POST + b"Content-Length: 2\r\n\r\n{}GARBAGE\r\n\r\n")
    assert [(await client.answer())[0] for _ in range(2)] == [401, 400]
    assert await client.is_closed()


@pytest.mark.parametrize(
    "sent",
    [PROBE, PROBE * 40, POST + b"Content-Length: 2\r\n\r\n{}", PROBE + b"\r\n"],
    ids=["one", "many", "a body", "a blank line behind"],
)
async def test_a_client_that_has_ended_its_side_gets_its_answers_and_is_closed(server: Server, sent: bytes) -> None:
    client = await server.connect(sent)
    client.writer.write_eof()
    answers = [(await client.answer())[0] for _ in range(max(sent.count(PROBE), 1))]
    assert answers == ([401] if sent.startswith(POST) else [200] * sent.count(PROBE))
    assert await client.is_closed()


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_error_of_a_client_that_has_ended_its_side_is_stored_and_said_to_be(
    server: Server, service: Service, is_known: bool
) -> None:
    project = await service.project()
    head = POST.replace(b"batch", b"log") + b"Authorization: " + project.ingest.headers["Authorization"].encode()
    body = json.dumps({"service": "s", "severity": "error", "message": "half closed"}).encode()
    whole = head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    client = await server.connect(whole)
    if is_known:
        assert (await client.answer())[0] == 201
        await client.send(whole)
    client.writer.write_eof()
    assert (await client.answer())[0] == 201
    assert await client.is_closed()


@pytest.mark.parametrize("before", [b"", PROBE], ids=["first", "after an answer"])
@pytest.mark.parametrize("sent", [PROBE[:-2], POST + b"Content-Length: 9\r\n\r\n{", b"G"], ids=["head", "body", "G"])
async def test_a_request_that_ends_half_way_is_a_400(server: Server, before: bytes, sent: bytes) -> None:
    client = await server.connect(before + sent)
    client.writer.write_eof()
    statuses = [(await client.answer())[0] for _ in range(2 if before else 1)]
    assert statuses in ([400], [200, 400], [401], [200, 401])
    assert await client.is_closed()


async def test_what_goes_wrong_behind_an_answer_is_no_second_one(server: Server) -> None:
    """The rest of a body whose request was answered early: not chunks, or cut off."""
    for rest in (b"zz\r\n", b"5\r\nhello0\r\n", b""):
        client = await server.connect(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        assert (await client.answer())[0] == 401
        await client.send(rest)
        client.writer.write_eof()
        assert await client.is_closed()


async def test_requests_that_follow_each_other_are_answered_in_their_order(server: Server) -> None:
    missing = PROBE.replace(b"/livez", b"/nowhere")
    client = await server.connect((PROBE + missing) * 20 + PROBE[:10])
    assert [(await client.answer())[0] for _ in range(40)] == [200, 404] * 20
    await client.send(PROBE[10:])
    assert (await client.answer())[0] == 200


async def test_a_client_that_goes_in_the_middle_of_its_body_is_no_defect(server: Server, service: Service) -> None:
    """It was counted and logged as a 500, of which one in a hundred is an alert."""
    key = (await service.project()).ingest.headers["Authorization"].encode()
    counted = {"method": "POST", "route": "/api/errors/batch", "way": "routes"}
    registry = make_registry("api")

    def grown(status: str) -> float:
        return registry.get_sample_value("mayday_requests_total", counted | {"status": status}) or 0.0

    before = {status: grown(status) for status in ("400", "500")}
    with capture_logs() as lines:
        head = POST + b"Authorization: " + key + b"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        client = await server.connect(head + b'{"errors": [')
        await asyncio.sleep(0.1)
        client.writer.close()
        async with asyncio.timeout(10):
            while grown("400") == before["400"]:
                await asyncio.sleep(0.01)
    assert grown("500") == before["500"]
    assert [line for line in lines if line["log_level"] == "error"] == []


@pytest.mark.parametrize("limits", [{"connections_max": 20}])
async def test_when_all_connections_wait_the_oldest_makes_room(server: Server) -> None:
    slow = [await server.connect(PROBE[:20]) for _ in range(60)]
    new = await server.connect(PROBE)
    assert (await new.answer())[0] == 200
    assert await slow[0].is_closed()


async def test_a_client_that_does_not_take_its_answers_is_cut_off(server: Server) -> None:
    client = await server.connect()
    assert await client.is_cut_off_while_sending(PROBE.replace(b"/livez", b"/openapi.json") * 10, 0.01)
