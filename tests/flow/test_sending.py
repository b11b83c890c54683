"""The senders of docs/sending.md, as they stand there, lose nothing and send nothing twice, whatever is in the way."""

import asyncio
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from common.settings import ROOT
from tests.api.serving import serving
from tests.conftest import Service

ERRORS = 700  # two batches
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"
LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"

PYTHON = f"""
log = logging.getLogger("shop")
log.addHandler(MaydayHandler(sys.argv[1], sys.argv[2], "shop", release="1.2"))
for number in range({ERRORS} - 1):
    log.error("payment %d failed", number)
try:
    {{}}["cart"]
except KeyError:
    log.exception("no cart")
log.handlers[0].close(20)
"""
NODE = f"""
const [url, key] = process.argv.slice(2);
const mayday = new Mayday({{ url, key, service: "shop", release: "1.2", timeoutSeconds: 1 }});
for (let number = 0; number < {ERRORS} - 1; number++) mayday.report(`payment ${{number}} failed`);
mayday.report(new TypeError("no cart"));
await mayday.close(20);
"""


def read_block(language: str) -> str:
    page = (ROOT / "docs/sending.md").read_text()
    [block] = re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return str(block)


class Road:
    """Everything that goes wrong on the way to Mayday, once each, and then nothing."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.troubles = ["refused", "cut", "busy", "lost", "large"]
        self.seen: list[str] = []

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trouble = self.troubles.pop(0) if self.troubles else "none"
        self.seen.append(trouble)
        try:
            if trouble == "refused":
                return
            head = await reader.readuntil(b"\r\n\r\n")
            if trouble == "cut":
                return
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            body = await reader.readexactly(length)
            if trouble in ("busy", "large"):
                writer.write(BUSY if trouble == "busy" else LARGE)
                await writer.drain()
                return
            answer = await self.ask(head, body)
            if trouble != "lost":  # stored, and the sender does not hear of it
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def ask(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        fields = re.sub(rb"(?i)connection: [^\r]*\r\n", b"", head)
        writer.write(fields.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def rough_road(port: int) -> AsyncIterator[tuple[str, Road]]:
    road = Road(port)
    server = await asyncio.start_server(road.carry, "127.0.0.1", 0, limit=2**24)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", road


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_what_is_copied_from_the_docs_delivers_every_error_once(
    service: Service, tmp_path: Path, language: str
) -> None:
    program = sys.executable if language == "python" else shutil.which("node")
    if program is None:
        pytest.skip("there is no node here")
    script = tmp_path / ("sender.py" if language == "python" else "sender.mjs")
    script.write_text(read_block(language) + (PYTHON if language == "python" else NODE))
    project = await service.project()
    key = project.ingest.headers["Authorization"].removeprefix("Bearer ")
    async with serving(service.settings) as port, rough_road(port) as (url, road):
        sender = await asyncio.create_subprocess_exec(program, script, url, key, stderr=asyncio.subprocess.PIPE)
        _, complaints = await asyncio.wait_for(sender.communicate(), 60)
    assert (sender.returncode, complaints.decode()) == (0, "")
    assert set(road.seen) == {"refused", "cut", "busy", "lost", "large", "none"}
    [stored] = await service.execute("SELECT count(*) AS all, count(DISTINCT message) AS kinds FROM errors")
    assert (stored.all, stored.kinds) == (ERRORS, ERRORS)
    [last] = (await project.get("/api/errors", text="cart"))["errors"]
    assert (last["error_type"], last["release"]) == ("KeyError" if language == "python" else "TypeError", "1.2")
