"""Metrics of the programs as operators run them, asked over HTTP: of several processes, and on a port that is taken."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Programs:
    """The programs on the test's stores, with ports of their own."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.log = folder / "log"
        self.environment = {
            **os.environ,
            "MAYDAY_DATABASE_URL": database_url,
            "MAYDAY_REDIS_URL": redis_url,
            "MAYDAY_PORT": str(self.port),
            "MAYDAY_API_METRICS_PORT": str(self.metrics_port),
            "MAYDAY_WORKER_METRICS_PORT": str(self.metrics_port),
            "TMPDIR": str(folder),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cli", *arguments]

    def make_key(self) -> str:
        for arguments in (("project", "create", "default"), ("key", "create", "--scope", "ingest")):
            done = subprocess.run(
                self.command(*arguments), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
            )
        [key] = re.findall(r"mayday_ingest_\S+", done.stdout)
        return str(key)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(self.command(*arguments), cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                assert process.wait(30) == 0, self.log.read_text()
            finally:
                process.kill()
                process.wait()

    def until_told(self, line: str, seconds: float = 60) -> str:
        """Ask for metrics until one of them is this."""
        told = ""
        until = time.monotonic() + seconds
        while line not in told:
            assert time.monotonic() < until, told + self.log.read_text()
            time.sleep(0.1)
            try:
                told = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics", trust_env=False).text
            except httpx.TransportError:
                continue
        return told


def test_the_processes_of_one_api_are_added_up_and_one_that_died_keeps_its_counts(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    programs = Programs(database_url, redis_url, tmp_path)
    headers = {"X-API-Key": programs.make_key(), "Connection": "close"}
    error = {"service": "shop", "severity": "error", "message": "card declined"}
    with programs.running("api", "--processes", "2"):
        pools = programs.until_told('mayday_pool_connections_max{pool="writer_errors"} 4.0')
        assert 'mayday_pool_connections_max{pool="api_reads"} 16.0' in pools
        with httpx.Client(
            base_url=f"http://127.0.0.1:{programs.port}",
            headers=headers,
            trust_env=False,
            transport=httpx.HTTPTransport(retries=20),
        ) as client:
            for _ in range(20):
                assert client.post("/api/errors/log", json=error).status_code == 201
        told = programs.until_told('mayday_items_total{kind="errors",outcome="stored"} 20.0')
        assert "mayday_job_runs" not in told
        writing = {path.stem.rpartition("_")[2] for path in tmp_path.glob("mayday-metrics-*/gauge_*.db")}
        assert len(writing) == 2
        os.kill(int(writing.pop()), signal.SIGKILL)
        # uvicorn starts another in its place; the gauges of the dead one are gone, what it counted is not
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("mayday-metrics-*/counter_*.db"))) < 3:
            assert time.monotonic() < until
            time.sleep(0.1)
        told = programs.until_told('mayday_pool_connections_max{pool="writer_errors"} 4.0')
        assert 'mayday_items_total{kind="errors",outcome="stored"} 20.0' in told
    assert list(tmp_path.glob("mayday-metrics-*")) == []


def test_a_worker_tells_its_jobs_and_does_without_a_port_that_is_taken(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    programs = Programs(database_url, redis_url, tmp_path)
    programs.make_key()
    with programs.running("worker"):
        programs.until_told('mayday_job_runs_total{job_name="fold",outcome="done"}')
        told = programs.until_told('mayday_job_seconds_count{job_name="upkeep"} 1.0')
        assert "mayday_items_total" not in told
        with programs.running("worker"):
            until = time.monotonic() + 60
            while programs.log.read_text().count("worker_started") < 2:
                assert time.monotonic() < until, programs.log.read_text()
                time.sleep(0.1)
    assert "MAYDAY_WORKER_METRICS_PORT" in programs.log.read_text()


def test_a_frozen_worker_turns_the_check_and_readiness_within_two_periods(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    programs = Programs(database_url, redis_url, tmp_path)
    programs.environment["MAYDAY_WORKER_METRICS_PORT"] = "0"
    programs.make_key()

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            programs.command("worker", "--check"),
            cwd=ROOT,
            env=programs.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def status() -> str:
        return str(httpx.get(f"http://127.0.0.1:{programs.port}/readyz", trust_env=False).json()["status"])

    with programs.running("api"), programs.running("worker") as worker:
        programs.until_told('mayday_job_late_after_seconds{job_name="fold"} 17.0')
        until = time.monotonic() + 60
        while status() != "ready":
            assert time.monotonic() < until, programs.log.read_text()
            time.sleep(0.1)
        assert check().returncode == 0
        worker.send_signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        while status() == "ready":
            time.sleep(0.1)
        seconds = time.monotonic() - frozen_at
        stalled = check()
        worker.send_signal(signal.SIGCONT)
        assert stalled.returncode == 1
        assert "fold last ended well" in stalled.stdout
        assert 4 < seconds < 13  # two periods of five seconds since the last fold, which may be one period ago
        while status() != "ready":
            assert time.monotonic() < frozen_at + 60
            time.sleep(0.1)
