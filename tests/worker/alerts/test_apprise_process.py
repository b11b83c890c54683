"""The process of Apprise comes back when it ended, keeps nobody waiting, and knows nothing of our environment."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.worker.alerts.receiving import receiving
from worker.alerts import apprise_process
from worker.alerts.apprise_process import AppriseFailed, AppriseProcess


@pytest.fixture
async def process() -> AsyncIterator[AppriseProcess]:
    running = AppriseProcess(seconds=3.0)
    yield running
    await running.close()


def request(port: int, title: str = "title") -> dict[str, Any]:
    return {
        "url": f"gotify://127.0.0.1:{port}/tokentoken", "title": title, "body": "body", "type": "warning",
        "pinned": ["127.0.0.1"], "allow": "",
    }  # fmt: skip


async def test_messages_go_by_one_process_until_it_is_killed_and_then_by_another(process: AppriseProcess) -> None:
    async with receiving() as local:
        assert await process.send(request(local.port)) == (True, "accepted")
        first = process.process
        assert await process.send(request(local.port)) == (True, "accepted")
        assert first is not None
        assert process.process is first
        await follow_no_redirect(process)
        await take_one_url(process)
        first.kill()
        await first.wait()
        assert (await process.send(request(local.port)))[0]
        assert process.process is not first
        assert len(local.requests) == 3


async def follow_no_redirect(process: AppriseProcess) -> None:
    async with receiving() as elsewhere:
        location = f"Location: http://127.0.0.1:{elsewhere.port}/\r\nContent-Length: 0\r\n\r\n"
        async with receiving(f"HTTP/1.1 307 Moved\r\n{location}".encode()) as local:
            accepted, _ = await process.send(request(local.port))
            assert (accepted, elsewhere.connections, len(local.requests)) == (False, 0, 1)


async def take_one_url(process: AppriseProcess) -> None:
    """Several in one are none: the list of services has seen the first alone."""
    async with receiving() as local:
        sent = request(local.port)
        sent["url"] = f"slack://TAAAAAAAA/BAAAAAAAA/abcdefghijklmnopqrstuvwx,gotify://127.0.0.1:{local.port}/tokentoken"
        await process.send(sent)
        assert local.connections == 0


async def test_an_answer_without_end_ends_with_the_child_and_others_do_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apprise_process, "START_SECONDS", 0.5)
    process = AppriseProcess(seconds=1.0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            writer.close()

    async with receiving() as local, await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        while not await is_loaded(process, local.port):
            pass
        began = time.monotonic()
        hanging = asyncio.create_task(process.send(request(server.sockets[0].getsockname()[1])))
        assert (await process.send(request(local.port)))[0]
        with pytest.raises(TimeoutError):
            await hanging
        assert time.monotonic() - began < 5
        await process.close()


async def is_loaded(process: AppriseProcess, port: int) -> bool:
    """Whether a message went: a process that was started just now loads Apprise first."""
    try:
        return (await process.send(request(port)))[0]
    except TimeoutError:
        return False


async def test_the_process_has_nothing_of_our_environment_and_ends_with_us(
    process: AppriseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAYDAY_DATABASE_URL", "postgresql://mayday:secret@db/mayday")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    running = await process.start()
    environment = Path(f"/proc/{running.pid}/environ").read_bytes()  # noqa: ASYNC240 - the kernel's
    assert b"secret" not in environment
    assert b"proxy" not in environment
    await process.close()
    assert running.returncode is not None
    assert process.process is None


async def test_who_waits_hears_that_the_process_ended(process: AppriseProcess) -> None:
    running = await process.start()
    waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    process.waiting[99] = waiting
    running.kill()
    with pytest.raises(AppriseFailed):
        await waiting


def test_a_request_is_one_line() -> None:
    assert "\n" not in json.dumps(request(1, "a\nb\u2028c"))
