"""The session of docs/first-hour.md, played in real terminals: from `up` to the first error, `show` and `resolve`.

`MAYDAY_WRITE_SESSION=1 ./mayday test tests/system/test_first_hour.py` writes it into the page again.
"""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.terminals import COLOURS, ROOT, Terminal, run_in_terminal
from tests.system.test_up import free_port

PAGE = ROOT / "docs/first-hour.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COLUMNS = 110
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What is another one each time, and what stands for it in the page; as long as it, so that columns stay columns.
STAND_INS = [
    (r"(mayday_(?:ingest|read))_\w{12}_\w{38}", r"\1_..."),
    (UUID, "52c9e63a-5dfb-563a-aed6-9e871febbef5"),
    (r"; \./mayday show [0-9a-f]{8}", "; ./mayday show be5e2d1d"),
    (r"(?<!; ./mayday )(show|resolve|ignore|reopen) [0-9a-f]{8}\b", r"\1 1febbef5"),
    (r"(shop\s+)[0-9a-f]{8}(\s+payment)", r"\1be5e2d1d\2"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-12-01 09:00:00"),
    (r"\d+ (?:s|min) ago", "7 s ago"),
    (r"[0-9a-f]{32}@", "63b1d0f29ac84f0c9d8e1b7a2c5e4f60@"),
    (r"/signin/[0-9a-f]{32}\.\S{43}", "/signin/..."),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8000"),
    (r"/\S+?/home\b", "/srv/mayday"),
]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAYDAY_")}
    with tempfile.TemporaryDirectory(prefix="mayday-") as folder:
        Path(folder).chmod(0o711)
        without_metrics = {"MAYDAY_API_METRICS_PORT": "0", "MAYDAY_WORKER_METRICS_PORT": "0"}
        place = {"MAYDAY_HOME": f"{folder}/home", "MAYDAY_PORT": str(free_port()), "TZ": "UTC"}
        yield {**kept, **without_metrics, **place}


def tidy(shown: str) -> str:
    lines = (line.rstrip() for line in COLOURS.sub("", shown).splitlines())
    text = "\n".join(lines).strip("\n")
    for pattern, stand_in in STAND_INS:
        text = re.sub(pattern, stand_in, text)
    return f"{text}\n"


def ask(environment: dict[str, str], *arguments: str) -> str:
    """A command as it is typed into the second terminal, and what it shows."""
    status, shown = run_in_terminal(arguments, environment, columns=COLUMNS)
    assert status == 0, shown
    return f"$ ./mayday {' '.join(arguments)}\n{shown.strip()}\n\n"


def await_worker(environment: dict[str, str]) -> None:
    """Until it has run every job once, as it has for whoever reads what `up` says before they send something."""
    keys = dict(line.split("=", 1) for line in (Path(environment["MAYDAY_HOME"]) / "keys.env").read_text().split())
    url = f"http://127.0.0.1:{environment['MAYDAY_PORT']}/api/status"
    ends_at = time.monotonic() + 120
    while time.monotonic() < ends_at:
        status = httpx.get(url, headers={"X-API-Key": keys["MAYDAY_ADMIN_KEY"]}, timeout=10, trust_env=False).json()
        if status["service"]["job_seconds"].get("budgets") is not None:
            return
        time.sleep(0.2)
    raise AssertionError(status)


def play(environment: dict[str, str]) -> tuple[str, str]:
    """What the first and the second terminal show."""
    first = Terminal(["up"], environment, columns=400)
    try:
        greeting = first.until(lambda shown: "Ctrl-C stops it." in shown)
        [curl] = re.findall(r"^  (curl .*/batch .*)$", greeting, re.MULTILINE)
        await_worker(environment)
        sent = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True).stdout
        first.until(lambda shown: "first error:" in shown and "./mayday tail" in shown)
        second = f"$ {curl}\n{sent}\n\n" + "".join(
            ask(environment, *command) for command in (["patterns"], ["show", "1"], ["resolve", "1"], ["patterns"])
        )
        first.type("\x03")
        assert first.end() == 0
    finally:
        first.close()
    return tidy(f"$ ./mayday up\n{first.shown}"), tidy(second)


def loosely(block: str) -> str:
    """Without what follows from the lengths of words: columns are as wide as an age that is another one each time."""
    return re.sub(r" {2,}", "  ", block)


def test_the_session_of_the_page_is_what_happens(environment: dict[str, str]) -> None:
    blocks = play(environment)
    if os.environ.get("MAYDAY_WRITE_SESSION"):
        written = iter(blocks)
        PAGE.write_text(BLOCK.sub(lambda _: f"```console\n{next(written)}```", PAGE.read_text()))
    assert [loosely(block) for block in BLOCK.findall(PAGE.read_text())] == [loosely(block) for block in blocks]
    log = (Path(environment["MAYDAY_HOME"]) / "mayday.log").read_text()
    events = {json.loads(line)["event"] for line in log.splitlines()}
    assert {"api_started", "worker_started", "worker_stopped"} <= events


def test_with_the_whole_log_a_terminal_shows_it_and_a_terminal_that_is_closed_stops_all_in_order(
    environment: dict[str, str],
) -> None:
    verbose = Terminal(["up", "--verbose"], environment)
    try:
        verbose.until(lambda shown: "worker_started" in shown)
        assert "api_started" in verbose.shown
        verbose.hang_up()
        assert verbose.process.wait(60) == 0
    finally:
        verbose.close()
    home = Path(environment["MAYDAY_HOME"])
    assert not (home / "running.env").exists()
    assert "worker_stopped" in (home / "mayday.log").read_text()
