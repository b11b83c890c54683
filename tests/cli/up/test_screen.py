"""What `mayday up` shows of the log: on a terminal what matters, or all of it; elsewhere it is none of its business."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.up.log_file import LogFile
from cli.up.screen import Screen, Terminal, make_screen
from common.settings import Settings

LINES = (
    '{"event": "job_done", "level": "info", "program": "worker", "deltas": 3}\n'
    '{"event": "queue_lost", "level": "warning", "program": "worker", "error": "gone"}\n'
    "Fatal Python error: \x1b[2J\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    log = LogFile(tmp_path)
    yield log
    log.close()


def shown(log: LogFile, capsys: pytest.CaptureFixture[str], *, is_verbose: bool) -> str:
    screen = Terminal(log, is_verbose)
    log.file.write(LINES.encode())
    log.file.flush()
    screen.refresh()
    return capsys.readouterr().err


def test_what_matters_is_shown(log: LogFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(log, capsys, is_verbose=False) == "mayday: worker warning: queue_lost error=gone\n"


def test_all_is_shown_where_that_is_wanted(log: LogFile, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(log, capsys, is_verbose=True).splitlines()
    assert len(lines) == 3
    assert "job_done" in lines[0]
    assert lines[2] == r"Fatal Python error: \x1b[2J"


def test_a_program_that_ended_is_told_with_the_end_of_its_log(log: LogFile) -> None:
    log.file.write(b"why it ended\n")
    log.file.flush()
    assert Terminal(log, is_verbose=False).tell_log() == f"its log {log.path} ends with:\nwhy it ended"


def test_without_a_terminal_there_is_no_file_and_the_programs_write_where_we_do(tmp_path: Path) -> None:
    with make_screen(Settings.load(home=tmp_path), is_verbose=True) as screen:
        screen.refresh()
        assert (type(screen), screen.output, dict(screen.environment)) == (Screen, None, {})
    assert list(tmp_path.iterdir()) == []
