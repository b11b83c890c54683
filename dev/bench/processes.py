"""Server processes of the benches: started, waited for, ended; what they use, as the kernel counts it (Linux)."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.settings import ROOT

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0
# Metrics are counted, but not served on a port that another Mayday of this machine may have.
QUIET = {"MAYDAY_LOG_LEVEL": "warning", "MAYDAY_API_METRICS_PORT": "0"}


@dataclass(frozen=True, slots=True)
class Server:
    """A program that listens on a port of this machine."""

    pid: int
    port: int

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    @property
    def memory_bytes(self) -> int:
        """Resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def run_server(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run `python -m module ...`, which must listen on MAYDAY_PORT; it ends on the way out."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {}), "MAYDAY_PORT": str(port), **QUIET},
    )
    try:
        wait_for(port, process)
        yield Server(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def run_worker(environment: Mapping[str, str]) -> Iterator[int]:
    """Run `mayday worker`, whose number it gives; it ends on the way out."""
    own = {**os.environ, **environment, **QUIET, "MAYDAY_WORKER_METRICS_PORT": "0"}
    process = subprocess.Popen([sys.executable, "-m", "cli", "worker"], cwd=ROOT, env=own)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def peak_bytes(pid: int) -> int:
    """The most memory that a process had resident so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} does not listen")


def cpu_seconds(pid: int) -> float:
    """CPU of a process, its children, and theirs that ended: in steps of a tick, usually 10 ms."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().partition(" ")
        except OSError:
            continue
        fields = rest.rpartition(") ")[2].split()
        if int(number) == pid:
            ticks += sum(int(field) for field in fields[11:15])
        elif int(fields[1]) == pid:
            ticks += sum(int(field) for field in fields[11:13])
    return ticks / TICKS_PER_SECOND
