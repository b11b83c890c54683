"""A stack trace is known by its types and its own frames, which outlive a deploy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.fingerprint import Fingerprint, fingerprint_error, traces
from tests.common.fingerprint.trace_samples import GO, JAVA, JAVASCRIPT, PYTHON, RUBY


def of_trace(trace: str, error_type: str | None = None, message: str = "it broke") -> Fingerprint:
    return fingerprint_error(message=message, error_type=error_type, stack_trace=trace)


@pytest.mark.parametrize(
    ("trace", "origin", "title"),
    [
        (PYTHON, "shop/views.py:show", "shop.errors.CartError: it broke"),
        (JAVA, "com.acme.Orders.place", "com.acme.OrderFailed: it broke"),
        (JAVASCRIPT, "src/users.js:loadUser", "TypeError: it broke"),
        (GO, "main.(*Server).handle", "panic: it broke"),
        (RUBY, "lib/cart.rb:total", "ZeroDivisionError: it broke"),
    ],
)
def test_a_trace_is_known_by_its_type_and_own_frames(trace: str, origin: str, title: str) -> None:
    first, again = of_trace(trace.format(n=41)), of_trace(trace.format(n=97), message="it broke")
    assert (first.grouped_by, first.origin, first.title) == ("stacktrace", origin, title)
    assert first.value == again.value


def test_another_function_or_type_is_another_fingerprint() -> None:
    trace = PYTHON.format(n=1)
    others = [
        trace.replace("in show", "in list"),
        trace.replace("CartError", "CartGone"),
        trace.replace("KeyError", "X"),
    ]
    assert len({of_trace(text).value for text in [trace, *others]}) == 4


def test_library_frames_count_only_where_no_other_is_left() -> None:
    library = 'Traceback (most recent call last):\n  File "/x/site-packages/a/b.py", line 3, in call\nOSError: x'
    assert of_trace(library).origin == "a/b.py:call"


def test_recursion_of_any_depth_is_one_fingerprint() -> None:
    frame = '  File "/app/tree.py", line 3, in walk\n    walk(child)\n'
    traces = [f"Traceback (most recent call last):\n{frame * depth}RecursionError: x" for depth in (2, 5, 300)]
    assert len({of_trace(trace).value for trace in traces}) == 1


def test_a_trace_without_frames_falls_back_to_the_message() -> None:
    assert of_trace("no frames in here").grouped_by == "message"


# What lines of traces are made of, whole and broken.
PIECES = st.sampled_from(
    [
        *('File "/srv/a.py", line 3, in f', "at com.x.A.f(A.java:3)", "at f (/srv/a.js:1:2)", "f@http://h/a.js:1:2"),
        *(
            "from a.rb:3:in `f'",
            "main.go:12",
            "main.f()",
            "goroutine 1 [running]:",
            "panic: ",
            "Caused by: ",
            "Suppressed: ",
        ),
        *(
            "[cause]: ",
            "KeyError",
            "com.x.Failed",
            "KeyError: ",
            "KeyError:x",
            ": ",
            "(Failed)",
            "Uncaught ",
            "\t",
            "    ",
            "| ",
        ),
        *(
            "Traceback (most recent call last):",
            'Exception in thread "main" ',
            "@",
            ".rb",
            "\r",
            "\u2028",
            "lost order 7",
        ),
    ]
)

TRACES = st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=6).map("\n".join)


@given(TRACES, st.booleans())
@settings(max_examples=500)
def test_a_trace_that_was_seen_with_another_message_is_read_as_by_itself(trace: str, last_first: bool) -> None:
    whole = traces._put_together(traces._lines(trace.rstrip("\n")), last_first)
    assert traces._read(*traces._split_at_message(trace, last_first)) == whole
