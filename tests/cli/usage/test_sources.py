"""What a file is, is told by what is in it, packed or not; what cannot be read is told with its place."""

import gzip
import json
from pathlib import Path

from cli.send.decoding import Input
from cli.usage.records import Options, Unread, UsageRecord
from cli.usage.sources import find_files, read_input
from tests.cli.usage.logs import claude_line, claude_noise, codex_log, write_log
from tests.cli.usage.test_exports import ANTHROPIC, LITELLM, OPENAI, TABLE


def read(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """The keys of the records of a file, and its unread places."""
    places = list(read_input(Input(path), Options(team="ops")))
    keys = [place.found.event_key for place in places if isinstance(place.found, UsageRecord)]
    return keys, [(place.number, place.found.reason) for place in places if isinstance(place.found, Unread)]


def test_logs_are_told_from_exports_by_what_is_in_them(tmp_path: Path) -> None:
    claude = write_log(tmp_path / "claude.jsonl", [*claude_noise(), claude_line("msg_1", 5)])
    codex = write_log(tmp_path / "codex.jsonl", codex_log())
    lines = write_log(tmp_path / "spend.ndjson", [LITELLM, {**LITELLM, "request_id": "2"}])
    assert read(claude) == (["msg_1"], [])
    assert len(read(codex)[0]) == 2
    assert read(lines) == (["chatcmpl-1", "2"], [])
    documents = {"list": [LITELLM, {**LITELLM, "request_id": "2"}], "page": OPENAI, "report": ANTHROPIC}
    counts = {}
    for name, document in documents.items():
        for indent in (None, 2):
            path = tmp_path / f"{name}-{indent}.json"
            path.write_text(json.dumps(document, indent=indent))
            counts[path.stem] = len(read(path)[0])
    assert counts == {"list-None": 2, "list-2": 2, "page-None": 1, "page-2": 1, "report-None": 1, "report-2": 1}


def test_tables_are_read_with_any_delimiter_and_packed(tmp_path: Path) -> None:
    for delimiter in ",;":
        cells = [[value.replace(",", "") for value in row] for row in (list(TABLE), list(TABLE.values()))]
        text = "\n".join(delimiter.join(row) for row in cells)
        path = tmp_path / f"table-{ord(delimiter)}.csv.gz"
        path.write_bytes(gzip.compress(text.encode()))
        keys, unread = read(path)
        assert (len(keys), unread) == (1, [])


def test_what_cannot_be_read_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    good = json.dumps(claude_line("msg_1", 5))
    path.write_text(f'{good}\n{{"type": "assistant", "usage": \n\n{{"colour": 5}}\n{good}\n')
    keys, unread = read(path)
    assert keys == ["msg_1", "msg_1"]
    assert [number for number, _ in unread] == [2, 4]
    binary = tmp_path / "picture.json"
    binary.write_bytes(b"\x89PNG" + bytes(100))
    assert "no text" in read(binary)[1][0][1]
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("")
    assert read(nothing) == ([], [])


def test_a_line_of_megabytes_is_whole(tmp_path: Path) -> None:
    line = claude_line("msg_big", 5)
    line["message"]["content"][0]["text"] = "x" * 3_000_000
    assert read(write_log(tmp_path / "big.jsonl", [line]))[0] == ["msg_big"]


def test_folders_are_searched_and_homes_are_known(tmp_path: Path, monkeypatch: object) -> None:
    inner = write_log(
        tmp_path / ".claude" / "projects" / "p" / "s-1" / "subagents" / "agent-a.jsonl", [claude_line("m", 1)]
    )
    (tmp_path / ".claude" / "projects" / "p" / "notes.txt").write_text("none")
    assert find_files([tmp_path]) == [inner]
    monkeypatch.setattr(Path, "home", lambda: tmp_path)  # type: ignore[attr-defined]
    assert find_files([]) == [inner]
