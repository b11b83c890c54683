"""`mayday up` from outside: started, used over HTTP, killed, started again. Imports nothing of ours."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mayday:
    """One `mayday up` on a home of its own."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.log = home.parent / "up.log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAYDAY_")}
        self.environment = kept | {
            "MAYDAY_HOME": str(home),
            "MAYDAY_PORT": str(port),
            "MAYDAY_PATTERNS_EVERY_SECONDS": "10",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "up"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        until = time.monotonic() + 90
        while "Ctrl-C stops it" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def end(self, wish: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(wish)
        return self.process.wait(60)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def keys(self) -> dict[str, str]:
        lines = (self.home / "keys.env").read_text().split()
        return dict(line.split("=", 1) for line in lines)

    def client(self, scope: str) -> httpx.Client:
        key = self.keys()[f"MAYDAY_{scope}_KEY"]
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"X-API-Key": key}, trust_env=False)

    def send_by(self, dsn: str) -> int:
        """The status of an event that is sent with this DSN."""
        place, number = dsn.rsplit("/", 1)
        scheme, key, host = re.split(r"://|@", place)
        url = f"{scheme}://{host}/api/{number}/store/"
        return httpx.post(url, params={"sentry_key": key}, json={"message": "m"}, trust_env=False).status_code

    def count(self) -> int:
        with self.client("READ") as client:
            return len(client.get("/api/errors", params={"limit": 200}).raise_for_status().json()["errors"])


@pytest.fixture
def mayday() -> Iterator[Mayday]:
    with tempfile.TemporaryDirectory(prefix="mayday-") as folder:
        Path(folder).chmod(0o711)
        running = Mayday(Path(folder) / "home", free_port())
        yield running
        if running.process and running.process.poll() is None:
            running.end(signal.SIGTERM)


def test_ctrl_c_stops_one_that_a_shell_put_into_the_background(mayday: Mayday) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit it, as from a script's `&`
    try:
        mayday.start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert mayday.end(signal.SIGINT) == 0


def printed_curls(log: str) -> list[str]:
    return re.findall(r"^  (curl .*)$", log, re.MULTILINE)


def test_the_printed_lines_work_and_data_outlives_restarts_and_kills(mayday: Mayday) -> None:
    mayday.start()
    post, patterns = printed_curls(mayday.log.read_text())
    answers = [
        subprocess.run(["bash", "-c", c], capture_output=True, text=True, check=True).stdout for c in (post, patterns)
    ]
    assert '"count":1' in answers[0]
    assert "count|trend|services|last_seen|title" in answers[1]
    assert (mayday.home / "keys.env").stat().st_mode & 0o777 == 0o600
    dsn = mayday.keys()["MAYDAY_DSN"]
    assert f"DSN         {dsn}" in mayday.log.read_text()
    assert mayday.send_by(dsn) == 200
    assert mayday.end(signal.SIGINT) == 0

    without = [line for line in (mayday.home / "keys.env").read_text().splitlines(keepends=True) if "DSN" not in line]
    (mayday.home / "keys.env").write_text("".join(without))  # as a home of before there were DSNs
    mayday.start()
    assert mayday.count() == 2
    keys = mayday.keys()
    assert keys["MAYDAY_DSN"] == dsn
    assert mayday.end(signal.SIGKILL) != 0

    mayday.start()
    assert mayday.count() == 2
    assert mayday.keys() == keys
    del mayday.environment["MAYDAY_PORT"]  # as in another terminal: the home knows where it listens
    doctor = mayday.run("doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert mayday.run("key", "list").stdout.count("valid") == 4
    made = mayday.run("key", "create", "--scope", "ingest")
    assert made.stdout.startswith("mayday_ingest_")
    assert mayday.send_by(made.stderr.split()[-1]) == 200
    assert "DSN" not in mayday.run("key", "create", "--scope", "read").stderr
    assert mayday.run("migrate", "--check").returncode == 0
    assert mayday.end(signal.SIGTERM) == 0


def test_what_is_in_the_way_is_said_in_a_sentence(mayday: Mayday) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", mayday.port))
        taken.listen()
        refused = mayday.run("up")
    assert refused.returncode == 1
    assert "MAYDAY_PORT" in refused.stderr
    assert not mayday.home.exists()

    mayday.start()
    mayday.environment["MAYDAY_PORT"] = str(free_port())
    second = mayday.run("up")
    assert second.returncode == 1
    assert "another Mayday runs" in second.stderr
    assert mayday.end(signal.SIGTERM) == 0


def test_errors_sent_while_the_api_goes_away_and_comes_back_are_all_there(mayday: Mayday, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"order {n} failed\n" for n in range(150)))
    mayday.start()
    mayday.end(signal.SIGTERM)
    sender = subprocess.Popen(
        [sys.executable, "-m", "cli", "send", "--batch-size", "10", str(lines)],
        cwd=ROOT,
        env=mayday.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    mayday.start()
    output, said = sender.communicate(timeout=60)
    assert sender.returncode == 0
    assert said.count("does not answer") == 1
    assert "tried again for 300 s" in said
    assert "150 stored, 0 duplicates, 0 rejected, 0 not delivered" in output
    assert mayday.count() == 150
    again = mayday.run("send", str(lines))
    assert "0 stored, 150 duplicates" in again.stdout
    assert mayday.end(signal.SIGTERM) == 0
