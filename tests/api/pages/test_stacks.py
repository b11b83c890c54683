"""Frames with source and locals are read from whatever stands under their name, and what is no stack is none."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.pages.stacks import SourceLine, read_stacks

FRAMES = [
    {"function": "main", "file": "/srv/shop/run.py", "line": 3, "in_app": True},
    {"function": "call", "file": "/usr/lib/python3/site-packages/flask/app.py", "line": 9, "in_app": False},
    {"function": "pay", "file": "/srv/shop/pay.py", "line": 41, "column": 2, "in_app": True, "source": "a\nraise b\nc",
     "source_from": 40, "locals": {"order": "4711"}},
]  # fmt: skip
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["frames", "type", "value", "source", "source_from", "line", "locals", "file"]), inner
        )
    ),
    max_leaves=20,
)


def test_the_innermost_frame_comes_first_and_libraries_stand_apart() -> None:
    [stack] = read_stacks([{"type": "Declined", "value": "order 4711", "frames": FRAMES}])
    assert [([frame.name for frame in block.frames], block.is_own) for block in stack.blocks] == [
        (["pay"], True), (["call"], False), (["main"], True)
    ]  # fmt: skip
    pay = stack.blocks[0].frames[0]
    assert (pay.place, pay.local) == ("/srv/shop/pay.py:41:2", {"order": "4711"})
    assert pay.source == [SourceLine(40, "a", False), SourceLine(41, "raise b", True), SourceLine(42, "c", False)]


def test_whose_a_frame_is_follows_from_where_it_lies_where_nobody_says() -> None:
    frames = [{**frame, "in_app": None} for frame in FRAMES]
    [stack] = read_stacks([{"frames": frames}])
    assert [block.is_own for block in stack.blocks] == [True, False, True]


def test_frames_that_tell_no_more_than_the_trace_are_left_to_it() -> None:
    assert read_stacks([{"type": "Declined", "frames": FRAMES[:2]}]) == []


@given(JSON)
def test_anything_is_read_or_left(value: Any) -> None:
    for stack in read_stacks(value):
        for block in stack.blocks:
            for frame in block.frames:
                assert isinstance(frame.place, str)
                assert isinstance(frame.source, list)
