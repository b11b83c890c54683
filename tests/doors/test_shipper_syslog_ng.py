"""A real syslog-ng (Debian: syslog-ng-core, syslog-ng-mod-http) sends its lines by the configuration of docs/shippers.md, and by
its defaults; with Mayday away for a while nothing is lost and nothing is stored twice."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.settings import ROOT
from tests.api.serving import serving
from tests.cli.send.test_outcomes import key_of
from tests.conftest import Service

SYSLOG_NG = shutil.which("syslog-ng", path="/usr/sbin:/usr/bin:/sbin")
pytestmark = pytest.mark.skipif(SYSLOG_NG is None, reason="there is no syslog-ng here")
DEFAULTS = 'destination d_mayday {{ http(url("{url}") headers("Authorization: Bearer {key}")); }};'


def documented(url: str, key: str) -> str:
    """The destination of docs/shippers.md, to this address with this key."""
    page = (ROOT / "docs/shippers.md").read_text()
    found = re.search(r"^destination d_mayday \{.*?^\};", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0].replace("https://mayday.example/api/logs", url).replace("KEY", key)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def syslog_ng(folder: Path, destination: str) -> AsyncIterator[int]:
    """Runs until the end; gives the port that takes lines of syslog."""
    port = free_port()
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(
        f"""@version: 3.38
@include "scl.conf"
options {{ keep-hostname(yes); time-reopen(1); }};
source s_tcp {{ network(ip("127.0.0.1") port({port})); }};
{destination}
log {{ source(s_tcp); destination(d_mayday); flags(flow-control); }};
"""
    )
    arguments = [
        "-F",
        "-f",
        configuration,
        "--no-caps",
        "-R",
        folder / "persist",
        "-c",
        folder / "control",
        "-p",
        folder / "pid",
    ]
    process = await asyncio.create_subprocess_exec(str(SYSLOG_NG), *map(str, arguments), stderr=asyncio.subprocess.PIPE)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.returncode is None, await process.stderr.read() if process.stderr else b""
            await asyncio.sleep(0.1)
        yield port
    finally:
        process.terminate()
        await process.communicate()


def line(number: int, priority: int = 11) -> bytes:
    return f"<{priority}>{datetime.now(UTC):%b %e %H:%M:%S} web1 shop[7]: charge {number} failed\n".encode()


async def write(port: int, data: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    writer.close()


async def wait_for(service: Service, count: int) -> None:
    for _ in range(600):
        if (await service.execute("SELECT count(*) AS n FROM errors"))[0].n >= count:
            return
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("form", ["documented", "defaults"])
async def test_lines_of_syslog_become_errors(service: Service, tmp_path: Path, form: str) -> None:
    project = await service.project()
    async with serving(service.settings) as port:
        url = f"http://127.0.0.1:{port}/api/logs"
        key = key_of(project)
        destination = documented(url, key) if form == "documented" else DEFAULTS.format(url=url, key=key)
        async with syslog_ng(tmp_path, destination) as syslog_port:
            lines = [*(line(number) for number in range(20)), line(99, priority=14).replace(b" failed", b" is done")]
            await write(syslog_port, b"".join(lines))
            await wait_for(service, 20)
            await asyncio.sleep(1.5)
    errors = (await project.get("/api/errors", limit=100))["errors"]
    assert sorted(error["message"] for error in errors) == sorted(f"charge {number} failed" for number in range(20))
    assert {(error["service"], error["severity"]) for error in errors} == {("shop", "error")}


async def test_what_is_sent_while_mayday_is_away_comes_when_it_is_back(service: Service, tmp_path: Path) -> None:
    project = await service.project()
    port = free_port()
    url = f"http://127.0.0.1:{port}/api/logs"
    async with syslog_ng(tmp_path, documented(url, key_of(project))) as syslog_port:
        await write(syslog_port, b"".join(line(number) for number in range(50)))
        await asyncio.sleep(3)
        async with serving(service.settings) as behind:
            forwarder = await asyncio.start_server(lambda r, w: forward(r, w, behind), "127.0.0.1", port)
            async with forwarder:
                await wait_for(service, 50)
                await asyncio.sleep(1)
    [row] = await service.execute("SELECT count(*) AS n, count(DISTINCT message) AS kinds FROM errors")
    assert (row.n, row.kinds) == (50, 50)


async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry one connection to where Mayday listens by now."""
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        sink.close()

    await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)
