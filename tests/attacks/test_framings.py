"""Requests that two sides may read in two ways: each has one answer, with the fast lane and without, wherever packets
are cut, and what follows on the connection is answered as what it is or not at all."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from common.settings import Settings
from tests.api.serving import serving
from tests.attacks.raw_http import IS_LONG, Told, connected
from tests.conftest import Service

SPLITS = 40 if IS_LONG else 3
PROBE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
READ = b"GET /api/errors/recent HTTP/1.1\r\nHost: x\r\nAuthorization: {read}\r\n\r\n"
BODY = json.dumps({"service": "s", "severity": "error", "message": "framed"}).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n"
POST = b"POST /api/errors/log HTTP/1.1\r\nHost: x\r\nAuthorization: {ingest}\r\n"
LOG = POST + LENGTH + b"\r\n" + BODY
LIVE = b"GET /livez HTTP/1.1\r\n"
# a whole request in a body, which nobody may ever answer
INNER = READ.replace(b"\r\n\r\n", b"\r\nX-Inner: 1\r\n\r\n")
WITH_INNER = POST + b"Content-Length: {inner}\r\n"


def post(more: bytes, body: bytes = BODY) -> bytes:
    return POST + more + b"\r\n" + body


# What is sent before READ, LOG and PROBE, and the statuses of its answers. Where the last of them is not of the kind
# that leaves a connection open, nothing may follow it.
KEPT: dict[str, tuple[bytes, list[int]]] = {
    "plain": (LOG, [201]),
    "a blank line before": (b"\r\n" + LOG, [201]),
    "blanks around the length": (post(LENGTH.replace(b": ", b": \t ").replace(b"\r", b" \r")), [201]),
    "zeros before the length": (post(LENGTH.replace(b": ", b": 000")), [201]),
    "chunked": (post(CHUNKED, CHUNKS), [201]),
    "chunked in capitals": (post(b"TRANSFER-ENCODING:  CHUNKED \r\n", CHUNKS), [201]),
    "chunks with extensions": (post(CHUNKED, CHUNKS.replace(b"\r\n{", b';a=b;c="d"\r\n{')), [201]),
    "trailers": (post(CHUNKED, CHUNKS[:-2] + b"Authorization: {read}\r\nContent-Encoding: gzip\r\n\r\n"), [201]),
    "trailers that offer an upgrade": (
        post(CHUNKED, CHUNKS[:-2] + b"Connection: upgrade\r\nUpgrade: x\r\n\r\n"),
        [201],
    ),
    "upgrade beside keep-alive": (post(UPGRADE.replace(b": Upgrade", b": upgrade, keep-alive") + LENGTH), [201]),
    "upgrade with a length": (post(UPGRADE + LENGTH), [201]),
    "upgrade with chunks": (post(UPGRADE + CHUNKED, CHUNKS), [201]),
    "upgrade, twice": (post(UPGRADE + LENGTH) * 2, [201, 201]),
    "upgrade to websocket": (post(b"Connection: upgrade\r\nUpgrade: websocket\r\n" + LENGTH), [201]),
    "upgrade without a body": (READ.replace(b"\r\n\r\n", b"\r\n" + UPGRADE + b"\r\n"), [200]),
    "upgrade around a request": (WITH_INNER + UPGRADE + b"\r\n" + INNER, [422]),
    "upgrade named, not offered": (post(b"Upgrade: foo\r\n" + LENGTH), [201]),
    "a request as a body": (WITH_INNER + b"\r\n" + INNER, [422]),
    "a body of a GET": (READ.replace(b"\r\n\r\n", b"\r\n") + LENGTH + b"\r\n" + BODY, [200]),
    "expects 100": (post(LENGTH + b"Expect: 100-continue\r\n"), [201]),
    "doubled, harmless": (post(LENGTH + b"Accept: a/b\r\nAccept: */*\r\n"), [201]),
    "absolute form": (LIVE.replace(b"/livez", b"http://y/livez") + b"Host: x\r\n\r\n", [200]),
    "an empty host": (LIVE + b"Host:\r\n\r\n", [200]),
    "an address as host": (LIVE + b"Host: [::1]:8000\r\n\r\n", [200]),
}
CLOSED: dict[str, tuple[bytes, list[int]]] = {
    "closed by the client": (post(LENGTH + b"Connection: close\r\n"), [201]),
    "HTTP/1.0": (LOG.replace(b"/1.1", b"/1.0"), [201]),
    "HTTP/1.0, kept alive": (post(LENGTH + b"Connection: keep-alive\r\n").replace(b"/1.1", b"/1.0"), [201]),
    "HTTP/1.0 without a host": (b"GET /livez HTTP/1.0\r\n\r\n", [200]),
    "HTTP/1.0, upgrade": (post(UPGRADE + LENGTH).replace(b"/1.1", b"/1.0"), [201]),
    "HTTP/1.0, two hosts": (b"GET /livez HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", [400]),
    "HTTP/1.0, chunked": (post(CHUNKED, CHUNKS).replace(b"/1.1", b"/1.0"), [400]),
    "HTTP/0.9": (b"GET /livez\r\n\r\n", [505]),
    "HTTP/1.2": (LIVE.replace(b"/1.1", b"/1.2") + b"Host: x\r\n\r\n", [400]),
    "HTTP/2.0": (LIVE.replace(b"/1.1", b"/2.0") + b"Host: x\r\n\r\n", [505]),
    "HTTP/3.0": (LIVE.replace(b"/1.1", b"/3.0") + b"Host: x\r\n\r\n", [400]),
    "HTTP/2, its preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "no host": (LIVE + b"\r\n", [400]),
    "two hosts": (LIVE + b"Host: x\r\nHost: x\r\n\r\n", [400]),
    "two hosts, one folded": (LIVE + b"Host: x\r\n Host: y\r\n\r\n", [400]),
    "a host that is none": (LIVE + b"Host: a/b\r\n\r\n", [400]),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", [400]),
    "upgrade, two lengths": (post(UPGRADE + LENGTH + LENGTH), [400]),
    "upgrade, another coding": (post(UPGRADE + b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS), [501]),
    "upgrade, no host": (LOG.replace(b"Host: x\r\n", UPGRADE), [400]),
    "length and chunks": (post(LENGTH + CHUNKED, CHUNKS), [400]),
    "chunks and length": (post(CHUNKED + LENGTH, CHUNKS), [400]),
    **{
        f"length {length!r}": (post(b"Content-Length:%b\r\n" % length, b""), [400])
        for length in (
            b" +5",
            b" -0",
            b" 5 5",
            b" 5, 5",
            b" 0x5",
            b"",
            b" 5\x0b",
            b" 99999999999999999999",
            b" 5\r\n 5",
        )
    },
    **{
        f"coding {coding!r}": (post(b"Transfer-Encoding: %b\r\n" % coding, CHUNKS), [status])
        for coding, status in {
            b"gzip, chunked": 501,
            b",chunked": 501,
            b"gzip": 501,
            b"identity": 501,
            b"xchunked": 501,
            b"chunked;q=1": 501,
            b"chunked, identity": 400,
            b"chunked, chunked": 400,
            b"\x0bchunked": 400,
            b"\r\n chunked": 400,
            b"": 400,
            b"gzip\r\nTransfer-Encoding: chunked": 400,
            b"chunked\r\nTransfer-Encoding: identity": 400,
        }.items()
    },
    **{
        f"header {header!r}": (LIVE + b"Host: x\r\n" + header + b"\r\n\r\n", [400])
        for header in (b"X: a\r\n b", b"X: a\nY: b", b"X: a\x00b", b"X : a", b"X", b": a", b"X: a\rY: b", b" X: a")
    },
    "bare LF": (LIVE.replace(b"\r\n", b"\n") + b"Host: x\n\n", [400]),
    "bare LF at the end": (LIVE + b"Host: x\r\n\n", [400]),
    **{
        f"chunks {chunks!r}": (post(CHUNKED, chunks), [400])
        for chunks in (b"5\nhello\r\n0\r\n\r\n", b"5 \r\n", b"0x5\r\n", b"+5\r\n", b"5\r\nhello0\r\n\r\n", b"\r\n5\r\n")
    },
    "trailers that frame": (post(CHUNKED, CHUNKS[:-2] + LENGTH + b"\r\n"), [400]),
    "endless trailers": (post(CHUNKED, CHUNKS[:-2] + b"X: " + b"x" * 300_000 + b"\r\n\r\n"), [431]),
}


@dataclass(frozen=True, slots=True)
class Target:
    port: int
    ingest: bytes
    read: bytes

    def fill(self, request: bytes) -> bytes:
        inner = INNER.replace(b"{read}", self.read)
        for name, value in (
            (b"{inner}", b"%d" % len(inner)),
            (b"{ingest}", self.ingest),
            (b"{read}", self.read),
        ):
            request = request.replace(name, value)
        return request


@pytest.fixture
async def target(settings: Settings, service: Service) -> AsyncIterator[Target]:
    project = await service.project()
    async with serving(settings, keep_alive_seconds=5) as port:
        keys = (client.headers["Authorization"].encode() for client in (project.ingest, project.read))
        yield Target(port, *keys)


async def exchange(target: Target, *pieces: bytes) -> list[Told]:
    """What is told on one connection, whose client ends its side after these."""
    async with connected(target.port) as client:
        reading = asyncio.create_task(client.answers())  # meanwhile: what comes after an end resets the connection
        with suppress(OSError):
            await client.send(*pieces, pause_seconds=0.003)
            client.writer.write_eof()
        return await reading


async def exchange_cut(target: Target, pieces: list[bytes], *, closes: bool) -> list[int]:
    """The statuses of what is told. Bytes that come after the server has closed reset the connection, which may take an
    answer from the client's side before it was read: then it is asked again."""
    for _ in range(5):
        statuses = [one.status for one in await exchange(target, *pieces)]
        if statuses or not closes:
            break
    return statuses


async def known(target: Target) -> None:
    """Both keys known to the process, and what they read held ready."""
    assert [told.status for told in await exchange(target, target.fill(LOG + READ + READ))] == [201, 200, 200]


async def test_each_framing_has_its_answer_and_what_follows_is_nothing_else(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    await known(target)
    for name, (sent, statuses) in KEPT.items():
        told = await exchange(target, target.fill(sent + READ + LOG + PROBE))
        assert [one.status for one in told] == [*statuses, 200, 201, 200], name
        assert b'"errors":' in told[-3].body, name
        assert told[-1].body == b'{"status":"ok"}', name
    for name, (sent, statuses) in CLOSED.items():
        told = await exchange(target, target.fill(sent + READ + LOG + PROBE))
        assert [one.status for one in told] == statuses, (name, told)
        if statuses[-1] >= 400:
            assert json.loads(told[-1].body)["type"].startswith("urn:mayday:problem:"), name
    assert [record for record in caplog.records if record.name == "uvicorn.error"] == []


async def test_packets_may_be_cut_anywhere(target: Target) -> None:
    await known(target)
    picked = random.Random(16)
    for name, (sent, statuses) in (KEPT | CLOSED).items():
        stream = target.fill(sent + READ + LOG + PROBE)
        whole = [one.status for one in await exchange(target, stream)]
        assert whole[: len(statuses)] == statuses
        for _ in range(SPLITS if len(stream) < 10_000 else 1):
            cuts = sorted(picked.sample(range(1, len(stream)), 4))
            pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
            assert await exchange_cut(target, pieces, closes=name in CLOSED) == whole, (name, cuts)


async def test_a_head_may_be_cut_at_every_byte(target: Target) -> None:
    await known(target)
    stream = target.fill(post(UPGRADE + LENGTH) + READ)
    for cut in range(1, len(stream), 1 if IS_LONG else 7):
        assert [one.status for one in await exchange(target, stream[:cut], stream[cut:])] == [201, 200], cut


async def test_a_head_that_was_read_once_is_no_way_around_any_of_this(target: Target) -> None:
    """A connection knows the head of its last plain post by its bytes: what is not that head is read anew."""
    await known(target)
    for name, (sent, statuses) in (KEPT | CLOSED).items():
        async with connected(target.port) as client:
            for _ in range(2):
                assert await client.ask(target.fill(LOG)) == [201]
            assert await client.ask(target.fill(sent), len(statuses)) == statuses, name
            if name in KEPT:
                assert [await client.ask(target.fill(one)) for one in (LOG, READ, LOG)] == [[201], [200], [201]], name


async def test_both_ways_answer_alike_after_a_connection_stepped_aside(target: Target) -> None:
    await known(target)
    by_route = READ.replace(b"Host: x", b"Host: x\r\nAccept-Language: a\r\nAccept-Language: b")
    lane, *_ = await exchange(target, target.fill(READ))
    routed = (await exchange(target, target.fill(by_route + READ)))[1]
    assert routed.body == lane.body
    assert sorted(routed.steady.lower().split(b"\r\n")) == sorted(lane.steady.lower().split(b"\r\n"))
