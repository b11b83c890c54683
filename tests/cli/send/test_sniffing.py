"""What an input is, by what it begins with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.send.sniffing import Form, Shape, sniff

HEADS = [
    (b'{"level":"error","msg":"a"}\n{"level":"info"}\n', Shape(Form.ndjson)),
    (b'{"message":"a"}\n', Shape(Form.ndjson, names_level=False)),
    (b'{\n  "level": "error"\n}\n', Shape(Form.json)),
    (b'[\n  {"level": "error"}\n]', Shape(Form.json)),
    (b'[{"level": "error"}]', Shape(Form.json)),
    (b"[2026-11-23 18:04:05] app.ERROR: a\n", Shape(Form.plain)),
    (b"[error] a\n", Shape(Form.plain)),
    (b"level,message\nERROR,a\n", Shape(Form.csv)),
    (b"Timestamp;Level;Message\n", Shape(Form.csv, ";")),
    (b"time\tmessage\n", Shape(Form.csv, "\t", names_level=False)),
    (b"severity|text\n", Shape(Form.csv, "|")),
    (b"2026-11-23 18:04:05|ERROR|a|b\n", Shape(Form.plain)),
    (b"one, two\nthree, four\n", Shape(Form.plain, names_level=False)),
    (b"payment failed\n", Shape(Form.plain, names_level=False)),
    (b"level=error msg=a\n", Shape(Form.plain)),
    (b"#Version: 1.0\n#Fields: date time cs-method sc-status\n", Shape(Form.w3c)),
    (b"# a comment\nit failed\n", Shape(Form.plain, names_level=False)),
    (b"", Shape(Form.plain)),
]  # fmt: skip


@pytest.mark.parametrize(("head", "shape"), HEADS)
def test_by_its_beginning(head: bytes, shape: Shape) -> None:
    assert sniff(head, Form.auto) == shape


def test_a_column_that_is_told_makes_a_table() -> None:
    assert sniff(b"When;What\n1;a\n", Form.auto).form is Form.plain
    assert sniff(b"When;What\n1;a\n", Form.auto, ["What"]) == Shape(Form.csv, ";", names_level=False)


@given(st.binary(max_size=300), st.sampled_from(Form))
def test_any_bytes_are_something(head: bytes, asked: Form) -> None:
    shape = sniff(head, asked)
    assert shape.form is asked or asked is Form.auto
