"""`mayday tail`: each error once, in its order; none is missed when many come at once or the server was away."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cli.client import Api, ApiFailed
from cli.looking import tail
from cli.looking.tail import Follower, keeps
from tests.cli.conftest import ERROR, Mayday
from tests.cli.terminals import Terminal


def numbered(first: int, last: int) -> list[dict[str, Any]]:
    """One error each millisecond."""
    start = datetime.now(UTC) - timedelta(minutes=1)
    times = [(start + timedelta(milliseconds=number)).isoformat() for number in range(first, last)]
    return [
        ERROR | {"message": f"order {number} failed", "timestamp": at}
        for number, at in zip(range(first, last), times, strict=True)
    ]


def messages(errors: list[dict[str, Any]]) -> list[str]:
    return [error["message"] for error in errors]


@pytest.fixture
def follower(mayday: Mayday) -> Iterator[Follower]:
    headers = {"Authorization": f"Bearer {mayday.environment['MAYDAY_KEY']}"}
    with httpx.Client(base_url=mayday.environment["MAYDAY_URL"], headers=headers, trust_env=False) as http:
        yield Follower(Api(http), {})


async def poll(follower: Follower) -> list[dict[str, Any]]:
    await asyncio.sleep(1.1)  # recent errors may be a second old
    return await asyncio.to_thread(follower.poll)


async def test_what_comes_is_given_once_and_in_its_order(mayday: Mayday, follower: Follower) -> None:
    sent = numbered(0, 6)
    await mayday.project.send(*sent[:2])
    assert messages(await poll(follower)) == messages(sent[:2])
    assert await poll(follower) == []
    await mayday.project.send(*sent[2:])
    assert messages(await poll(follower)) == messages(sent[2:])


async def test_more_than_a_poll_shows_is_fetched_back_to_what_was_seen(mayday: Mayday, follower: Follower) -> None:
    sent = numbered(0, 701)
    await mayday.project.send(sent[0])
    await poll(follower)
    await mayday.project.send(*sent[1:])
    assert messages(await poll(follower)) == messages(sent[1:])
    assert not follower.is_behind


async def test_what_is_left_out_beyond_the_bound_is_told(
    mayday: Mayday, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "PAGES_MAX", 1)
    sent = numbered(0, 701)
    await mayday.project.send(sent[0])
    await poll(follower)
    await mayday.project.send(*sent[1:])
    came = messages(await poll(follower))
    assert came == messages(sent)[-len(came) :]
    assert 200 < len(came) < 700
    assert follower.is_behind


async def test_a_poll_that_failed_loses_nothing(
    mayday: Mayday, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = numbered(0, 301)
    await mayday.project.send(sent[0])
    await poll(follower)
    await mayday.project.send(*sent[1:])
    with monkeypatch.context() as broken:
        broken.setattr(Api, "get", lambda *_, **__: (_ for _ in ()).throw(ApiFailed("gone")))
        with pytest.raises(ApiFailed):
            await poll(follower)
    assert messages(await poll(follower)) == messages(sent[1:])


def test_a_filter_looks_in_message_and_type_in_any_case() -> None:
    error = {"message": "Card DECLINED", "error_type": "PaymentError"}
    assert all(keeps(text)(error) for text in (None, "", "declined", "paymenterror: card"))
    assert not keeps("timeout")(error)


@asynccontextmanager
async def following(mayday: Mayday, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-P", "-m", "cli", "tail", "--json", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, env=mayday.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


async def read_message(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    return str(json.loads(line)["message"])


async def test_a_server_that_goes_away_is_waited_for_and_nothing_is_missed(mayday: Mayday) -> None:
    stays = int(mayday.environment["MAYDAY_URL"].rpartition(":")[2])
    sent = numbered(0, 4)
    await mayday.project.send(sent[0])
    async with AsyncExitStack() as road:
        leaves = await road.enter_async_context(relayed(0, stays))
        mayday.environment["MAYDAY_URL"] = f"http://127.0.0.1:{leaves}"
        async with AsyncExitStack() as repaired, following(mayday, "--interval-seconds", "0.2") as process:
            assert process.stderr is not None
            assert await read_message(process) == sent[0]["message"]
            await road.aclose()
            said = await asyncio.wait_for(process.stderr.readline(), 60)
            assert b"does not answer" in said
            await mayday.project.send(*sent[1:3])
            await repaired.enter_async_context(relayed(leaves, stays))
            assert [await read_message(process) for _ in range(2)] == messages(sent[1:3])
            assert b"it answers again" in await asyncio.wait_for(process.stderr.readline(), 60)
            await mayday.project.send(sent[3])
            assert await read_message(process) == sent[3]["message"]


@asynccontextmanager
async def relayed(port: int, to: int) -> AsyncIterator[int]:
    """Whoever connects to the port (0: any, which is given) talks to the other one; cut at the end."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to)
        writers.extend([writer, far_writer])
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = await asyncio.start_server(carry, "127.0.0.1", port)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()
    await asyncio.sleep(0.1)


async def test_a_key_that_is_refused_ends_it_with_a_sentence(mayday: Mayday) -> None:
    mayday.environment["MAYDAY_KEY"] = "mayday_read_nonsense"
    status, said = await mayday.fail("tail")
    assert (status, "401: this key is unknown" in said) == (1, True)


async def test_on_a_terminal_it_shows_a_line_each_and_ctrl_c_ends_it_without_a_word(mayday: Mayday) -> None:
    await mayday.project.send(ERROR | {"error_type": "Declined"})
    terminal = await asyncio.to_thread(Terminal, ["tail"], mayday.environment)
    try:
        shown = await asyncio.to_thread(terminal.until, lambda text: "card declined" in text)
        assert "error    shop Declined: payment 4711 failed: card declined" in shown
        terminal.type("\x03")
        assert await asyncio.to_thread(terminal.end) == 128 + signal.SIGINT
        assert "Traceback" not in terminal.shown
        assert "Aborted" not in terminal.shown
    finally:
        terminal.close()


async def test_a_reader_that_goes_away_ends_it_without_a_word(mayday: Mayday) -> None:
    await mayday.project.send(ERROR)
    line = f"{sys.executable} -P -m cli tail --interval-seconds 0.2 | head -n 1"
    process = await asyncio.create_subprocess_shell(
        line, env=mayday.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    reading = asyncio.create_task(process.communicate())
    while not reading.done():
        await mayday.project.send(ERROR)
        await asyncio.wait([reading], timeout=0.5)
    out, said = await reading
    assert (len(out.splitlines()), said) == (1, b"")
