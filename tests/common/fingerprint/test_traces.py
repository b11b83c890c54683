"""A stack trace is known by its types and its own frames, which outlive a deploy."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.fingerprint import Fingerprint, fingerprint_error, split_trace, traces
from common.fingerprint.traces import read_trace
from tests.common.fingerprint.trace_pairs import PAIRS, Pair
from tests.common.fingerprint.trace_samples import GO, JAVA, JAVASCRIPT, PYTHON, RUBY
from worker.grouping.clustering import Skeleton, cluster_skeletons


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
    assert (first.grouped_by, first.origin.rpartition(" ")[0], first.title) == ("stacktrace", origin, title)
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
    assert of_trace(library).origin.startswith("a/b.py:call ")


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


@given(TRACES)
@settings(max_examples=300)
def test_a_trace_that_was_seen_with_another_message_is_read_as_by_itself(trace: str) -> None:
    split = split_trace(trace)
    head = traces.head_of_line(split.line)
    read = read_trace(split)
    assert (read or traces.Trace((), ()))._replace(types=()) == traces.read_text(head, *split[1:])._replace(types=())


@given(TRACES)
@settings(max_examples=300)
def test_the_first_frame_alone_is_that_of_the_whole(trace: str) -> None:
    split = split_trace(trace)
    head = traces.head_of_line(split.line)
    whole = traces.read_text(head, *split[1:])
    assert traces.read_text(head, *split[1:], is_whole=False) == whole.cut()


def is_one_pattern(pair: Pair) -> bool:
    """As the worker groups them."""
    found = [
        (one, fingerprint_error(message=one.message, error_type=one.error_type, stack_trace=one.trace))
        for one in (pair.first, pair.second)
    ]
    skeletons = {seen.value: Skeleton(seen.value, one.error_type, seen.skeleton, 1, seen.origin) for one, seen in found}
    assert {seen.grouped_by for _, seen in found} == {"stacktrace"}, "no frame was read"
    return len(cluster_skeletons(skeletons.values())) == 1


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_traces_of_one_failure_are_one_pattern_and_others_are_not(pair: Pair) -> None:
    assert is_one_pattern(pair) is pair.is_one


def test_each_statement_of_a_function_is_a_failure_of_its_own() -> None:
    """By its source; where the trace has none, by what it says."""
    head = 'Traceback (most recent call last):\n  File "/srv/shop/forms.py", line 3, in validate\n'
    for source in ("    raise ValueError({!r})\n", "    raise ValueError(reason)\n", ""):
        values = {
            of_trace(f"{head}{source.format(said)}ValueError: {said}", "ValueError", said).value
            for said in ("name is empty", "card was declined")
        }
        assert len(values) == 2, source


def test_a_statement_is_one_failure_whatever_its_values_and_whoever_called_it() -> None:
    values = set()
    for caller, name in (("cart", "ann"), ("order", "bob"), ("pay", "eve")):
        trace = (
            f'Traceback (most recent call last):\n  File "/srv/shop/{caller}.py", line 9, in run\n    load(name)\n'
            '  File "/srv/shop/users.py", line 3, in load\n    raise LookupError(f"there is no user {name}")\n'
            f"LookupError: there is no user {name}"
        )
        values.add(of_trace(trace, "LookupError", f"there is no user {name}").value)
    assert len(values) == 1


def test_where_nothing_is_said_the_callers_tell() -> None:
    head = "java.lang.NullPointerException\n\tat com.acme.Check.notNull(Check.java:3)\n"
    traces = [f"{head}\tat com.acme.{caller}.run(X.java:9)" for caller in ("Cart", "Order")]
    assert len({of_trace(trace, None, "null").value for trace in traces}) == 2
    assert len({of_trace(trace, None, "card has run out").value for trace in traces}) == 1
