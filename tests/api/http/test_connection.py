"""No client holds more than its share by being slow, long or wrong: over real sockets, through uvicorn."""

import asyncio

import pytest
from structlog.testing import capture_logs

from common.telemetry.exposition import make_registry
from tests.api.http.raw_clients import POST, PROBE, SECONDS, Server
from tests.conftest import Service


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


async def test_what_goes_wrong_behind_an_answer_is_no_second_one(server: Server) -> None:
    """The rest of a body whose request was answered early: not chunks, or cut off."""
    for rest in (b"zz\r\n", b"5\r\nhello0\r\n", b""):
        client = await server.connect(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        assert (await client.answer())[0] == 401
        await client.send(rest)
        client.writer.write_eof()
        assert await client.is_closed()


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
