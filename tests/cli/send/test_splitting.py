"""Records are found in chunks of any size; what is held of an input is bounded, and what is torn is told."""

import csv
import io
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.send import splitting
from cli.send.sniffing import Form, Shape
from cli.send.splitting import split_lines, split_records
from tests.cli.send.reading import in_chunks, without_pauses

VALUES = [{"message": 'a "quoted\\" [', "n": [1, {"x": "}"}]}, {"message": "b"}, {"message": "\\"}]
FORMS_OF_JSON = [
    json.dumps(VALUES), json.dumps(VALUES, indent=2), "\n".join(map(json.dumps, VALUES)), "".join(map(json.dumps, VALUES)),
    "\n".join(json.dumps(value, indent=2) for value in VALUES), f" {json.dumps(VALUES)}\n",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMS_OF_JSON)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
def test_values_of_json(text: str, size: int) -> None:
    found = without_pauses(split_records(in_chunks(text.encode(), size), Shape(Form.json)))
    assert [one.record for one in found] == VALUES


def test_a_list_of_texts_and_of_other_things() -> None:
    found = without_pauses(split_records(in_chunks(b'["a, b", 7, null, {"message": "c"}]', 4), Shape(Form.json)))
    assert [one.record.get("message") for one in found] == ["a, b", None, None, "c"]
    assert [bool(one.problem) for one in found] == [False, True, True, False]


def test_lines_of_json_and_plain_ones_mixed() -> None:
    text = b'starting\n{"level":"error"}\n\n{broken\nend'
    found = without_pauses(split_records(in_chunks(text, 5), Shape(Form.plain)))
    assert [(one.number, one.is_plain) for one in found] == [(1, True), (2, False), (3, True), (4, True), (5, True)]
    found = without_pauses(split_records(in_chunks(text, 5), Shape(Form.ndjson)))
    assert [one.number for one in found if one.problem] == [4]


def test_lines_that_docker_cut_are_whole() -> None:
    parts = ["x" * 16_384, "y" * 16_384, "end\n"]
    text = "".join(json.dumps({"log": part, "stream": "stdout", "time": "t"}) + "\n" for part in parts)
    [found] = without_pauses(split_records(in_chunks(text.encode(), 1_000), Shape(Form.ndjson)))
    assert found.record["log"] == "".join(parts)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_with_cells_over_lines(delimiter: str) -> None:
    rows = [["level", "message"], ["ERROR", f'a "b"{delimiter}\nc'], ["", ""], ["WARN", "größer"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    found = without_pauses(split_records(in_chunks(text.getvalue().encode(), 3), Shape(Form.csv, delimiter)))
    assert [(one.number, dict(one.record)) for one in found] == [
        (2, {"level": "ERROR", "message": rows[1][1]}),
        (5, {"level": "WARN", "message": "größer"}),
    ]


def test_a_cell_of_a_megabyte_is_read() -> None:
    """Python's own limit is 131,072 characters."""
    [found] = without_pauses(split_records(iter([b"message\n", b"x" * 1_000_000 + b"\n"]), Shape(Form.csv)))
    assert len(found.record["message"]) == 1_000_000


def test_a_quote_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "CELL_MAX_CHARS", 1_000)
    text = b'message\n"torn\n' + b"row\n" * 1_000
    found = without_pauses(split_records(in_chunks(text, 100), Shape(Form.csv)))
    assert found[0].problem == "a quote in this row does not end"
    assert len(found) > 500  # what comes behind is read again


def test_of_a_line_without_end_a_megabyte_is_kept() -> None:
    lines = list(split_lines(iter([b"x" * 2**16] * 64 + [b"\nnext\n"])))
    assert [len(line or b"") for line in lines] == [splitting.LINE_MAX_BYTES, 4]


def test_pauses_pass_through() -> None:
    chunks = iter([b"a\nb", None, b"c\n"])
    assert list(split_lines(chunks)) == [b"a", None, b"bc"]


@given(st.binary(max_size=400), st.sampled_from([Form.plain, Form.ndjson, Form.json, Form.csv]), st.integers(1, 50))
def test_any_bytes_are_split(text: bytes, form: Form, size: int) -> None:
    without_pauses(split_records(in_chunks(text, size), Shape(form)))


def test_lines_are_the_same_in_chunks_of_any_size() -> None:
    rng = random.Random(7)
    text = b"".join(rng.choices([b"a", b"\n", b"bc\r\n"], k=500))
    expected = text.split(b"\n")
    for size in (1, 3, 64, 5_000):
        assert without_pauses(split_lines(in_chunks(text, size))) == (expected if expected[-1] else expected[:-1])
