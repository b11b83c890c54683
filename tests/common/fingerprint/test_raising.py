"""A statement is told by its source where that says something, else by the message, else by its callers."""

import pytest

from common.fingerprint import Trace
from common.fingerprint.raising import add_callers, find_raised, says_something


@pytest.mark.parametrize(
    ("source", "is_told", "is_raise"),
    [
        ('raise ValueError("name is empty")', True, True),
        ('raise ValueError(f"no user {name}")', True, True),
        ('raise ValueError(f"{status} {body}")', False, True),
        ("raise ValueError(reason)", False, True),
        ('return rows["the name"]', False, False),
        ("", False, False),
    ],
)
def test_what_a_line_of_source_tells(source: str, is_told: bool, is_raise: bool) -> None:
    raised = find_raised(Trace(("E",), ("a.py:f",), source), None)
    assert (raised.is_told, raised.is_raise) == (is_told, is_raise)


def test_the_type_that_is_known_goes_before_that_of_the_trace() -> None:
    trace = Trace(("E", "Cause"), ("a.py:f",))
    assert find_raised(trace, "Known").types == ("Known", "Cause")
    assert find_raised(trace, "Known").origin != find_raised(trace, None).origin


def test_callers_are_told_apart_under_the_same_frame() -> None:
    traces = [Trace(("E",), ("a.py:f", caller)) for caller in ("b.py:g", "c.py:h")]
    first, second = (add_callers(find_raised(trace, None), trace).origin for trace in traces)
    assert first != second
    assert first.split()[0] == second.split()[0] == "a.py:f"


def test_a_message_of_one_word_says_nothing() -> None:
    assert not says_something("null")
    assert not says_something("<*>: <*>")
    assert says_something("card declined")
