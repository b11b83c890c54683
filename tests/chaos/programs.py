"""Our programs as processes of their own: started, asked to end, killed, frozen, started again. Also for other suites."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cli.embedded.process import follow_parent, last_lines
from common.settings import ROOT

READY_SECONDS = 60.0
STOP_SECONDS = 20.0  # what a drain may take
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to load those of the system takes a client 0.1 s of CPU


class ProgramFailed(Exception):
    """A program ended or did not come up; the text has the end of its log."""


@dataclass(slots=True)
class Program:
    """One process of ours. `command` is what follows `python`; the log is appended to over restarts.

    `root` is where its code is: this release, unless a test has another.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    root: Path = ROOT
    process: subprocess.Popen[bytes] | None = None
    exits: list[int] = field(default_factory=list)

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAYDAY_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=self.root,
                env=kept | {"PYTHONPATH": str(self.root), "MAYDAY_LOG_FORMAT": "json"} | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=follow_parent(signal.SIGKILL),  # noqa: PLW1509 - threads here hold no locks of Python's
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, wish: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(wish)

    async def ended(self, seconds: float) -> int:
        """Wait for the end; its exit status. Raises ProgramFailed when it takes longer."""
        assert self.process is not None
        until = time.monotonic() + seconds
        while (code := self.process.poll()) is None:
            if time.monotonic() > until:
                raise ProgramFailed(f"{self.name} did not end within {seconds:.0f} s:\n{last_lines(self.log)}")
            await asyncio.sleep(0.02)
        self.exits.append(code)
        return code

    async def kill(self) -> None:
        """SIGKILL, and see it gone."""
        self.send(signal.SIGKILL)
        await self.ended(STOP_SECONDS)

    async def terminate(self) -> tuple[int, float]:
        """SIGTERM: its exit status, and the seconds that it took. Raises ProgramFailed, and kills, when it is too slow."""
        started = time.monotonic()
        self.send(signal.SIGTERM)
        try:
            return await self.ended(STOP_SECONDS), time.monotonic() - started
        except ProgramFailed:
            await self.kill()
            raise

    async def stop(self) -> None:
        """The way out of a test: by SIGTERM, else by SIGKILL."""
        if not self.is_running:
            return
        self.send(signal.SIGCONT)
        with suppress(ProgramFailed):
            await self.terminate()

    def memory_bytes(self) -> int:
        """Resident memory now; 0 for a process that is gone."""
        assert self.process is not None
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            return 0
        found = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(found[0].split()[1]) * 1024 if found else 0


@dataclass(slots=True)
class Api(Program):
    """An API process on ports of its own."""

    port: int = 0
    metrics_port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def is_ready(self) -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=5, verify=NO_CERTIFICATES) as client:
                return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def buffered_bytes(self, client: httpx.AsyncClient) -> float:
        """What waits for its commit, by its metrics; 0 while they do not answer."""
        try:
            told = (await client.get(f"http://127.0.0.1:{self.metrics_port}/metrics")).text
        except httpx.TransportError:
            return 0.0
        return sum(float(line.split()[-1]) for line in told.splitlines() if line.startswith("mayday_buffer_bytes{"))

    async def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Raises ProgramFailed when it ends, or is not ready in time."""
        until = time.monotonic() + seconds
        while not await self.is_ready():
            if not self.is_running or time.monotonic() > until:
                state = "is not ready" if self.is_running else "ended"
                raise ProgramFailed(f"{self.name} {state}; its log ends with:\n{last_lines(self.log)}")
            await asyncio.sleep(0.05)


def make_api(
    name: str,
    environment: Mapping[str, str],
    folder: Path,
    command: Sequence[str] = ("-m", "cli", "api"),
    root: Path = ROOT,
) -> Api:
    """An API that is not started yet, on a port that was free a moment ago and stays its own over restarts."""
    port, metrics_port = free_port(), free_port()
    ports = {"MAYDAY_PORT": str(port), "MAYDAY_API_METRICS_PORT": str(metrics_port)}
    return Api(
        name, command, {**environment, **ports}, folder / f"{name}.log", root, port=port, metrics_port=metrics_port
    )


def make_worker(
    name: str,
    environment: Mapping[str, str],
    folder: Path,
    command: Sequence[str] = ("-m", "cli", "worker"),
    root: Path = ROOT,
) -> Program:
    """A worker that is not started yet."""
    return Program(name, command, environment, folder / f"{name}.log", root)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
