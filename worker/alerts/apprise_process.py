"""Keeps the process in which Apprise runs: started with the first message, started again when it ended, never waited for
longer than a message may take."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

import structlog

from common.settings import ROOT

log = structlog.get_logger()

PROGRAM = "worker.alerts.apprise_program"
CHILD_SECONDS, START_SECONDS = 10.0, 10.0
AT_ONCE = 4
LINE_BYTES = 65_536
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


class AppriseFailed(Exception):
    """The process ended, or did not answer in time."""


class AppriseProcess:
    """Sends by Apprise, at most AT_ONCE messages at once."""

    def __init__(self, seconds: float = CHILD_SECONDS) -> None:
        self.seconds = seconds
        self.process: Process | None = None
        self.reading: asyncio.Task[None] | None = None
        self.waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.count = 0
        self.turns = asyncio.Semaphore(AT_ONCE)
        self.starting = asyncio.Lock()

    async def send(self, request: dict[str, Any]) -> tuple[bool, str]:
        """Whether the service took it, and what was told of it. Raises AppriseFailed, TimeoutError, OSError."""
        async with self.turns:
            process = await self.start()
            self.count += 1
            number, answer = self.count, asyncio.get_running_loop().create_future()
            self.waiting[number] = answer
            try:
                assert process.stdin is not None  # noqa: S101 - a pipe, as it was started
                process.stdin.write(json.dumps({**request, "id": number, "seconds": self.seconds}).encode() + b"\n")
                # a process that was started just now loads Apprise first
                async with asyncio.timeout(self.seconds + START_SECONDS):
                    told = await answer
            finally:
                self.waiting.pop(number, None)
        return bool(told["accepted"]), str(told["told"])

    async def start(self) -> Process:
        """The process that runs, or a new one. Raises OSError."""
        async with self.starting:
            if self.process is None or self.process.returncode is not None:
                await self.close()
                environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
                self.process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", PROGRAM,
                    stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL, limit=LINE_BYTES, start_new_session=True,
                    cwd=ROOT, env={**environment, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
                )  # fmt: skip
                self.reading = asyncio.create_task(self.read(self.process), name="apprise answers")
            return self.process

    async def read(self, process: Process) -> None:
        """Give each answer to whoever waits for it, until the process ends; then all others are told that it did."""
        assert process.stdout is not None  # noqa: S101 - a pipe, as it was started
        try:
            async for line in process.stdout:
                told = json.loads(line)
                waiting = self.waiting.get(told["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
        except ValueError as error:
            log.warning("apprise_not_understood", error=type(error).__name__)
        for waiting in self.waiting.values():
            if not waiting.done():
                waiting.set_exception(AppriseFailed("the process in which Apprise runs has ended"))

    async def close(self) -> None:
        """End the process, if there is one, with all that it is about."""
        process, self.process = self.process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()  # upon which it ends, its children with it
            try:
                async with asyncio.timeout(1.0):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self.reading is not None:
            await self.reading
            self.reading = None
