"""Tables, lines and JSON of anything: what cannot be seen is written out, and what is JSON stays the same document."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from api.reads.cells import UNSEEN, show_unseen
from cli import output
from cli.output import (
    Column,
    Rows,
    draw_bars,
    make_table,
    print_json,
    print_lines,
    print_rows,
    show_age,
    show_names,
    show_span,
)

TEXTS = st.text(st.characters(exclude_categories=[]), max_size=40)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


class Out(io.TextIOWrapper):
    """Standard output that keeps what it gets, in UTF-8."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    def text(self) -> str:
        self.flush()
        buffer: Any = self.buffer
        return str(buffer.getvalue().decode())


@given(cells=st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=4))
def test_lines_of_a_pipe_have_a_line_a_row_and_a_tab_between_cells(cells: list[list[str]]) -> None:
    out = Out(is_terminal=False)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdout", out)
        print_lines(cells)
    lines = out.text().split("\n")[:-1]
    assert [line.count("\t") for line in lines] == [1] * len(cells)
    assert not any(UNSEEN.search(line.replace("\t", "")) for line in lines)


@given(document=DOCUMENTS, is_terminal=st.booleans())
def test_json_is_the_same_document_and_holds_nothing_unseen(document: Any, is_terminal: bool) -> None:
    out = Out(is_terminal=is_terminal)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.stdout", out)
        print_json(document)
    assert json.loads(out.text()) == document
    assert not UNSEEN.search(out.text().replace("\n", ""))
    assert is_terminal or out.text().count("\n") == 1


@given(text=TEXTS)
def test_a_cell_of_a_table_is_one_line_that_moves_nothing(text: str) -> None:
    file = io.StringIO()
    console = Console(
        file=file, width=200, force_terminal=True, color_system=None, markup=False, emoji=False, highlight=False
    )
    console.print(make_table(Rows([Column("a", is_long=True), Column("b")], [[text, "end"]]), 200))
    lines = file.getvalue().rstrip("\n").split("\n")
    assert len(lines) == 2
    assert not UNSEEN.search(lines[1])


@given(st.lists(st.tuples(TEXTS, st.text("word ", max_size=300)), min_size=1, max_size=3), st.integers(60, 200))
def test_a_long_column_has_what_the_others_leave_and_no_line_is_wider_than_the_terminal(
    cells: list[tuple[str, str]], width: int
) -> None:
    rows = Rows(
        [Column("a"), Column("b", is_long=True)], [(short[:10], long) for short, long in cells], is_numbered=True
    )
    file = io.StringIO()
    console = Console(
        file=file, width=200, force_terminal=True, color_system=None, markup=False, emoji=False, highlight=False
    )
    console.print(make_table(rows, width))
    lines = file.getvalue().rstrip("\n").split("\n")
    assert len(lines) == len(cells) + 1
    widest = max((len(show_unseen(short[:10])) for short, _ in cells), default=0)
    assert max(len(line.rstrip()) for line in lines) <= max(width, widest + 40)
    for line, (short, _) in zip(lines[1:], cells, strict=True):
        assert show_unseen(short[:10]) in line


def test_a_terminal_of_another_encoding_gets_what_it_has_no_letters_for_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    print_rows(Rows([Column("a")], [["Grüße"]]))
    print_json({"a": "Grüße"})
    *lines, document = raw.getvalue().decode("ascii").splitlines()
    assert lines == ["a", r"Gr\xfc\xdfe"]
    assert json.loads(document) == {"a": "Grüße"}


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_600, "1 h"), (47 * 3_600, "2 d"), (9e6, "104 d")]
)
def test_spans_are_told_in_their_largest_unit(seconds: float, shown: str) -> None:
    assert show_span(seconds) == shown


def test_ages_of_what_was_and_what_will_be() -> None:
    now = datetime.now(UTC)
    assert show_age(None) == "never"
    assert show_age((now - timedelta(hours=3)).isoformat()) == "3 h ago"
    assert show_age(now + timedelta(days=90, seconds=5)) == "in 90 d"


def test_names_and_bars() -> None:
    assert show_names([{"key": name, "count": 1} for name in ("a", "", "c", "d")]) == "a, (none), c +1"
    assert draw_bars([0, 1, 4, 8]) == " ▁▄█"
    assert draw_bars([]) == ""
    assert set(output.STYLES) >= {"critical", "regressed", "exceeded", "expired"}


SPENT = Rows(
    [Column("team", is_long=True), Column("input", is_number=True), Column("cached", is_number=True, is_spare=True),
     Column("usd", is_number=True)],
    [["checkout", "64819796", "57592000", "51.051836"]],
)  # fmt: skip


@pytest.mark.parametrize(
    ("width", "has_cached"),
    [(80, True), (36, False), (20, False)],
    ids=["all", "without what is spare", "over two lines"],
)
def test_a_number_is_never_cut(width: int, has_cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Out(is_terminal=True)
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("COLUMNS", str(width))
    print_rows(SPENT)
    shown = out.text()
    assert all(number in shown for number in ("64819796", "51.051836"))
    assert ("57592000" in shown) == has_cached
    assert ("no room for cached" in shown) != has_cached
    assert "\u2026" not in shown
