"""What is cut out of a text before it is parsed is what would have been cut out of the value."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from api.ingest.receivers import json_bounds
from api.ingest.receivers.json_bounds import cut_values, find_end, has_more_values, is_vast, is_within
from api.ingest.sanitize.cleaning import clean_value
from tests.api.ingest.receivers.test_json_text import SPACES

TEXTS = st.text(st.sampled_from('a[]{},:"\\\n\u00fc\U0001f600'), max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=40,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=6) | st.lists(VALUES, max_size=6)


def count_values(value: Any) -> int:
    """Keys and items, at any depth."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return len(inner) + sum(map(count_values, inner))


def as_text(value: Any, space: str, *, is_ascii: bool) -> bytes:
    return json.dumps(value, indent=space or None, ensure_ascii=is_ascii).encode()


@given(OBJECTS, st.integers(1, 30), st.integers(1, 6), SPACES, st.booleans())
@settings(max_examples=500)
def test_a_text_that_is_cut_means_what_its_value_does_that_is_cut(
    value: Any, most: int, depth: int, space: str, is_ascii: bool
) -> None:
    cut = json.loads(cut_values(as_text(value, space, is_ascii=is_ascii), depth, most + 1))
    assert clean_value(cut, depth, most) == clean_value(value, depth, most)
    assert count_values(cut) <= most + 1


@given(OBJECTS, SPACES, st.integers(0, 3))
def test_a_text_with_just_so_many_values_stays_as_it_is(value: Any, space: str, over: int) -> None:
    text = as_text(value, space, is_ascii=True)
    assert cut_values(text, 100, count_values(value) + over) == text


def test_what_is_left_out_is_not_read() -> None:
    assert cut_values(b'{"a":[1,2],"b":nope [}', 32, 3) == b'{"a":[1,2]}'
    assert cut_values(b'{"a":[{"b":[1,nope "]"]}],"c":2}', 2, 9) == b'{"a":[{}],"c":2}'


@pytest.mark.parametrize("text", [b"[1,", b'["a', b"[[]", b'{"a":{', b"[" + b'""' * 50 + b"]"])
def test_what_is_open_at_its_end_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"not closed"):
        cut_values(text, 32, 9)


@given(OBJECTS, SPACES, st.booleans(), TEXTS)
def test_the_end_is_found_in_blocks_as_by_the_reader(value: Any, space: str, is_ascii: bool, after: str) -> None:
    text = as_text(value, space, is_ascii=is_ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_bounds, "RUNS", 1)
        patch.setattr(json_bounds, "SMALLER_BYTES", (16, 8, 4))
        patch.setattr(json_bounds, "PAIRINGS", 1)
        assert find_end(b"[ " + text + after.encode(), 2) == 2 + len(text)


@pytest.mark.parametrize(
    "item", [b"[]", b"{}", b"1", b'"a"', b'"]\\"\\\\"', b"[[[[]]]]", b"[" * 40 + b"]" * 40, b'{"a":[1,{"b":"}"}]}']
)
def test_the_end_of_what_is_long_is_found(item: bytes) -> None:
    text = b"[" + (item + b",") * 20_000 + item + b"]"
    assert find_end(b'"' + text + b"]]", 1) == len(text) + 1
    with pytest.raises(ValueError, match="not closed"):
        find_end(text[:-1], 0)


def test_the_end_of_what_is_deep_is_found() -> None:
    assert find_end(b"[" * 300_000 + b"]" * 300_000 + b"]", 0) == 600_000


@given(OBJECTS, SPACES)
def test_values_are_counted_by_commas_and_brackets_outside_of_strings(value: Any, space: str) -> None:
    text = as_text(value, space, is_ascii=False)
    bare = json.dumps(json.loads(text, object_pairs_hook=lambda pairs: dict(enumerate(v for _, v in pairs))))

    def count(part: Any) -> int:
        if not isinstance(part, dict | list):
            return 0
        inner = list(part.values()) if isinstance(part, dict) else part
        return 1 + max(len(inner) - 1, 0) + sum(map(count, inner))

    number = count(json.loads(bare))
    assert has_more_values(text, number - 1)
    assert not has_more_values(text, number)


@given(OBJECTS, st.integers(1, 40))
def test_a_text_that_is_not_vast_holds_no_more_values(value: Any, most: int) -> None:
    assert is_vast(as_text(value, "", is_ascii=True), most) or count_values(value) <= most


@given(OBJECTS, st.integers(1, 6), st.integers(1, 30))
def test_what_is_told_to_be_within_limits_is_left_as_it_is_by_the_walk(value: object, depth: int, most: int) -> None:
    if is_within(value, to_json(value, inf_nan_mode="strings").decode(), depth, most):
        assert not clean_value(value, depth, most).is_cut


@pytest.mark.parametrize(
    ("value", "depth", "most", "is_so"),
    [
        ({"a": '[[[[{{{{,,,,\\"]]'}, 1, 2, True),
        ({"a": {"b": 1}}, 1, 9, False),
        ({"a": {"b": 1}}, 2, 9, True),
        ({"a": 1, "b": 2, "c": 3}, 9, 2, False),
        ({}, 1, 1, True),
    ],
)
def test_depth_and_number_are_those_of_the_value_and_not_of_its_texts(
    value: object, depth: int, most: int, is_so: bool
) -> None:
    assert is_within(value, to_json(value).decode(), depth, most) is is_so
