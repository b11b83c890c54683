"""Errors have ids that stay: a file that is sent again, or that has grown, is known again."""

from dataclasses import replace
from pathlib import Path

from cli.send.mapping import with_severity
from common.uuid7 import time_of_uuid7
from tests.cli.send.reading import OPTIONS, read_file

LOG = "2026-11-23 18:04:05 ERROR one\n2026-11-23 18:04:05 ERROR one\n2026-11-23 18:04:06 ERROR two\n"


def ids(path: Path) -> list[str]:
    return [error["event_id"] for error in read_file(path)[0]]


def test_the_same_file_has_the_same_ids_and_equal_lines_each_its_own(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(LOG)
    assert ids(path) == ids(path)
    assert len(set(ids(path))) == 3


def test_of_a_log_that_has_grown_only_what_is_new_is_new(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(LOG)
    before = ids(path)
    path.write_text(LOG + "2026-11-23 18:04:07 ERROR three\n")
    assert ids(path)[:3] == before


def test_another_file_has_other_ids(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(LOG)
    assert not set(ids(tmp_path / "a.log")) & set(ids(tmp_path / "b.log"))


def test_without_a_time_the_files_own_is_that_of_the_id(tmp_path: Path) -> None:
    from uuid import UUID

    path = tmp_path / "app.txt"
    path.write_text("it failed\n")
    at = time_of_uuid7(UUID(ids(path)[0]))
    assert at is not None
    assert abs(at.timestamp() - path.stat().st_mtime) < 0.01


def test_what_was_saved_is_the_same_when_it_is_sent_again(tmp_path: Path) -> None:
    import json

    path = tmp_path / "app.log"
    path.write_text(LOG)
    errors, _ = read_file(path)
    saved = tmp_path / "failed.ndjson"
    saved.write_text("".join(f"{json.dumps(error)}\n" for error in errors))
    assert read_file(saved)[0] == errors


def test_where_nothing_names_a_level_all_is_errors() -> None:
    assert with_severity(OPTIONS, names_level=False).severity == "error"
    assert with_severity(OPTIONS, names_level=True).severity is None
    assert with_severity(replace(OPTIONS, severity="warning"), names_level=False).severity == "warning"
