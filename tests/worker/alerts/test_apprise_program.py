"""In the child that Apprise runs in, only the address itself counts, and nothing is started or written."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.alerts.addresses import AllowList
from common.settings import ROOT
from worker.alerts.apprise_program import Refused, answer, is_writing, listening_to_apprise, make_hook, may_speak_to

# Runs in a process of its own, since a hook stays for ever: for each work the exception, if any, and how often it was refused.
UNDER_HOOK = """
import json, sys
from worker.alerts.apprise_program import make_hook
import http.client, os, requests, shutil, smtplib, socket, subprocess, tempfile, urllib.request
works, allow, pinned = json.loads(sys.argv[1])
refused, results = [], []
codes = [compile(work, "a work", "exec") for work in works]
sys.addaudithook(make_hook(allow, set(pinned), refused.append))
for code in codes:
    before, raised = len(refused), None
    try:
        exec(code)
    except BaseException as error:
        raised = type(error).__name__
    results.append([raised, len(refused) - before])
print(json.dumps(results))
"""


async def run(works: list[str], allow: str = "", pinned: tuple[str, ...] = ()) -> list[tuple[str | None, int]]:
    """What each work raised, and how often it was refused."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-c", UNDER_HOOK, json.dumps([works, allow, pinned]), cwd=ROOT, stdout=subprocess.PIPE
    )
    return [(raised, refused) for raised, refused in json.loads((await process.communicate())[0])]


WAYS = {
    "requests": "requests.get('http://{host}:{port}/', timeout=3)",
    "a name": "requests.get('http://localhost:{port}/', timeout=3)",
    "urllib": "urllib.request.urlopen('http://{host}:{port}/', timeout=3)",
    "http": "http.client.HTTPConnection('{host}', {port}, timeout=3).connect()",
    "smtp": "smtplib.SMTP('{host}', {port}, timeout=3)",
    "a socket": "socket.create_connection(('{host}', {port}), 3)",
    "connect_ex": "socket.socket().connect_ex(('{host}', {port}))",
    "a name in connect": "socket.socket().connect(('localhost', {port}))",
    "mapped": "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', {port}))",
    "datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{host}', {port}))",
    "a file": "socket.socket(socket.AF_UNIX).connect('/run/postgresql/.s.PGSQL.5432')",
    "listening": "socket.socket().bind(('0.0.0.0', 0))",
}


async def test_no_way_leads_to_this_machine() -> None:
    heard = 0

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += 1
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        results = await run([way.format(host="127.0.0.1", port=port) for way in WAYS.values()])
    passed = [way for way, (raised, refused) in zip(WAYS, results, strict=True) if raised is None or not refused]
    assert (passed, heard) == ([], 0)


@pytest.mark.parametrize(("allow", "pinned"), [("127.0.0.1", ()), ("", ("127.0.0.1",))])
async def test_what_is_allowed_or_was_checked_before_is_spoken_to(allow: str, pinned: tuple[str, ...]) -> None:
    async def answer_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 OK\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer_it, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        [(raised, refusals)] = await run([f"requests.get('http://localhost:{port}/', timeout=3)"], allow, pinned)
        assert (raised, refusals) in {(None, 0), (None, 1)}  # ::1 is tried first where there is one


DEEDS = {
    "a program": "subprocess.run(['true'])",
    "a shell": "os.system('true')",
    "exec": "os.execv('/bin/true', ['true'])",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {{}})",
    "fork": "os.fork()",
    "a file": "open({path!r}, 'w')",
    "appending": "open({path!r}, 'ab')",
    "by flags": "os.open({path!r}, os.O_WRONLY | os.O_CREAT)",
    "a temporary file": "tempfile.NamedTemporaryFile()",
    "removing": "os.remove({path!r})",
    "removing all": "shutil.rmtree({path!r})",
    "a folder": "os.mkdir({path!r})",
}


async def test_nothing_is_started_and_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    results = await run([deed.format(path=str(path)) for deed in DEEDS.values()])
    done = [deed for deed, (raised, refused) in zip(DEEDS, results, strict=True) if raised is None or not refused]
    assert done == []
    assert not path.exists()


@pytest.mark.parametrize(
    ("place", "may"),
    [
        (("203.0.114.7", 443), True),
        (("2606:4700::1", 443, 0, 0), True),
        (("10.0.0.1", 443), False),
        (("fe80::1%lo", 443, 0, 1), False),
        (("hooks.example", 443), False),
        (("", 443), False),
        ("/run/socket", False),
        (b"\0abstract", False),
        ((7, 443), False),
        (None, True),
    ],
)
def test_a_place_is_an_address_that_may_be_spoken_to(place: Any, may: bool) -> None:
    assert may_speak_to(place, AllowList(), set()) is may


def test_reading_is_no_writing() -> None:
    assert not is_writing(("/etc/hosts", "r", os.O_RDONLY))
    assert not is_writing((os.devnull, "w", None))
    assert is_writing(("/tmp/x", None, os.O_RDWR))  # noqa: S108 - nothing is opened
    assert is_writing(("/tmp/x", "r+", None))  # noqa: S108


def test_what_is_refused_is_noted_and_raised() -> None:
    noted: list[str] = []
    with pytest.raises(Refused):
        make_hook("", set(), noted.append)("socket.connect", (None, ("127.0.0.1", 1)))
    assert "MAYDAY_ALERTS_ALLOW" in noted[0]


def test_of_apprise_s_log_the_warnings_and_the_answer_are_kept_and_never_the_payload() -> None:
    logger = logging.getLogger("apprise")
    with listening_to_apprise() as told:
        logger.debug("Slack POST URL: https://hooks.slack.com/services/T/B/secret")
        logger.debug("Response Details:\r\n%r", b"invalid_token")
        logger.warning("Failed to send Slack notification: error=403.")
    logger.warning("of another message")
    assert told.words == ["Failed to send Slack notification: error=403."]
    assert told.details == "b'invalid_token'"


def test_what_a_library_raises_is_told_by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_secret(_: object) -> tuple[bool, str]:
        raise RuntimeError("https://user:secret@host/")

    monkeypatch.setattr("worker.alerts.apprise_program.send", raise_secret)
    line = answer({"id": 7})
    assert b"secret" not in line
    assert b"RuntimeError" in line


@pytest.mark.parametrize("told", ["\\" * 9_000, '"' * 9_000, "\x00" * 9_000, "😀" * 9_000, "\ud800" * 10, "a\nb"])
def test_an_answer_is_one_line_that_a_pipe_takes_at_once(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setattr("worker.alerts.apprise_program.send", lambda _: (True, told))
    line = answer({"id": 10**9})
    assert len(line) < 4_096
    assert line.count(b"\n") == 1
    assert json.loads(line)["accepted"] is True
