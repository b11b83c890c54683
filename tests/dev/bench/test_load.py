"""The load generator sees whole answers, however they come, and ends the run at a wrong one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import repeat

import pytest

from dev.bench.load import WrongAnswer, drive, expect_status, get, post

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@asynccontextmanager
async def answering(pieces: list[bytes], *, closes: bool = False) -> AsyncIterator[int]:
    """A server that answers each request with the pieces, one write each. Gives its port; all its ends are waited for."""
    handlers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        while await reader.readline():
            while await reader.readline() not in (b"\r\n", b""):
                pass
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            if closes:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.wait_for(asyncio.gather(*filter(None, handlers), return_exceptions=True), 10)


@pytest.mark.parametrize("pieces", [[OK], [OK[:10], OK[10:40], OK[40:]]])
async def test_answers_are_counted_however_they_are_cut(pieces: list[bytes]) -> None:
    async with answering(pieces) as port:
        load = await drive(port, repeat(get("/")), expect_status(200, b"hello"), connections=2, seconds=0.2)
    assert load.done == load.requests == len(load.latencies_seconds) > 2


async def test_a_server_that_closes_is_asked_over_new_connections() -> None:
    async with answering([CLOSING], closes=True) as port:
        load = await drive(port, repeat(get("/")), expect_status(200), connections=2, seconds=0.4)
    assert load.requests > 4


async def test_a_server_that_closes_before_its_answer_is_whole_ends_the_run() -> None:
    async with answering([CLOSING[:-1]], closes=True) as port:
        with pytest.raises(WrongAnswer, match="closed"):
            await drive(port, repeat(get("/")), expect_status(200), connections=2, seconds=5)


async def test_a_wrong_answer_ends_the_run() -> None:
    async with answering([OK]) as port:
        with pytest.raises(WrongAnswer):
            await drive(port, repeat(get("/")), expect_status(201), connections=3, seconds=5)


def test_requests_carry_key_and_length() -> None:
    sent = post("/api", b"{}", "secret")
    assert b"Authorization: Bearer secret\r\n" in sent
    assert sent.endswith(b"Content-Length: 2\r\n\r\n{}")
