"""A reader sees the program's own frames; those of libraries are folded, and no line is lost."""

from hypothesis import given
from hypothesis import strategies as st

from api.pages.traces import fold_trace

PYTHON = """Traceback (most recent call last):
  File "/srv/app/main.py", line 3, in run
    go()
  File "/usr/lib/python3.11/site-packages/flask/app.py", line 880, in dispatch
    rv = view()
  File "/usr/lib/python3.11/site-packages/flask/app.py", line 900, in more
    rv = view()
ValueError: bad"""
GO = """panic: boom

goroutine 1 [running]:
main.pay(0x1)
\t/srv/shop/pay.go:12 +0x1d
net/http.HandlerFunc.ServeHTTP(0xc000)
\t/usr/local/go/src/net/http/server.go:2136 +0x29
net/http.(*ServeMux).ServeHTTP(0x0)
\t/usr/local/go/src/net/http/server.go:2514 +0x142"""


def test_frames_of_libraries_are_folded_with_their_code() -> None:
    blocks = fold_trace(PYTHON)
    assert [(block.is_own, block.is_folded, len(block.lines)) for block in blocks] == [
        (False, False, 1), (True, False, 2), (False, True, 4), (False, False, 1),
    ]  # fmt: skip


def test_a_function_in_go_stands_with_its_place() -> None:
    blocks = fold_trace(GO)
    assert ["main.pay(0x1)", "\t/srv/shop/pay.go:12 +0x1d"] in [list(block.lines) for block in blocks if block.is_own]
    assert [len(block.lines) for block in blocks if block.is_folded] == [4]


def test_where_nothing_is_the_programs_own_nothing_is_folded() -> None:
    assert not any(
        block.is_folded for block in fold_trace(PYTHON.replace("/srv/app", "/usr/lib/python3.11/site-packages"))
    )


@given(st.lists(st.sampled_from([*PYTHON.splitlines(), *GO.splitlines(), "", "\t", "text"]), max_size=30))
def test_no_line_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert [line for block in fold_trace(text) for line in block.lines] == text.splitlines()
