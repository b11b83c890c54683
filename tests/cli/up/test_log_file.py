"""The log of what `mayday up` runs: read line by line as children write it, and never larger than it may be for long."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded import HomeUnusable
from cli.up.log_file import LINE_MAX_BYTES, LogFile


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogFile]:
    log = LogFile(tmp_path, max_bytes=1_000)
    yield log
    log.close()


def write(log: LogFile, text: str) -> None:
    subprocess.run(["printf", "%s", text], stdout=log.file, check=True)


def test_lines_are_given_once_each_when_they_have_ended(log: LogFile) -> None:
    write(log, "one\ntw")
    assert list(log.read_lines()) == ["one"]
    write(log, "o\nthree\n")
    assert list(log.read_lines()) == ["two", "three"]
    assert list(log.read_lines()) == []


def test_what_an_earlier_start_left_is_not_shown_again(log: LogFile) -> None:
    write(log, "before\n")
    later = LogFile(log.path.parent)
    write(later, "after\n")
    assert list(later.read_lines()) == ["after"]
    later.close()


def test_a_log_that_has_grown_goes_on_empty_and_the_last_one_is_kept(log: LogFile) -> None:
    for letter in "abc":
        write(log, letter * 1_200 + "\n")
        assert list(log.read_lines()) == [letter * 1_200]
        write(log, "next\n")
        assert list(log.read_lines()) == ["next"]
        assert log.path.read_text() == "next\n"
        os.truncate(log.path, 0)
        log.read_to = 0
    kept = log.path.with_name("mayday.log.1")
    assert kept.read_text() == "c" * 1_200 + "\n"
    assert kept.stat().st_mode & 0o777 == log.path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in log.path.parent.iterdir()) == ["mayday.log", "mayday.log.1"]


def test_a_line_without_an_end_is_not_kept_in_memory_for_ever(log: LogFile) -> None:
    write(log, "x" * (LINE_MAX_BYTES + 1))
    assert [len(line) for line in log.read_lines()] == [LINE_MAX_BYTES + 1]
    assert log.unended == b""


def test_a_link_that_somebody_put_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mayday.log").symlink_to(tmp_path / "other")
    with pytest.raises(HomeUnusable, match="move it away"):
        LogFile(tmp_path)
    assert not (tmp_path / "other").exists()
