"""What receivers of other protocols make of any text is storable, and says what was done to it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from api.ingest.receivers.building import CLEANED, NO_MESSAGE, TRUNCATED, build_error, decode, read_json
from api.ingest.sanitize.cleaning import UNSTORABLE


def test_json_that_python_writes_is_read() -> None:
    assert str(read_json(b'{"a": NaN, "b": [Infinity, -Infinity]}', depth=8, values=100)[0]) == (
        "{'a': nan, 'b': [inf, -inf]}"
    )


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary(max_size=20) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_either_reader_of_json_says_the_same(raw: bytes) -> None:
    try:
        expected = from_json(raw)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            decode(raw)
    else:
        assert repr(decode(raw)) == repr(expected)


@pytest.mark.parametrize("depth", [100, 149, 150, 250, 100_000])
def test_what_is_too_deep_for_a_reader_is_cut_before_it_is_read(depth: int) -> None:
    value, _ = read_json(b"[" * depth + b"]" * depth, depth=8, values=1_000_000)
    found = 0
    while isinstance(value, list) and value:
        value, found = value[0], found + 1
    assert found < 200


def test_what_cannot_be_stored_is_replaced_and_told() -> None:
    value, adjustments = read_json(b'{"a": "x\\u0000y", "b": "\\ud800", "c": "\xff"}', depth=8, values=100)
    assert value == {
        "a": "x\N{REPLACEMENT CHARACTER}y",
        "b": "\N{REPLACEMENT CHARACTER}",
        "c": "\N{REPLACEMENT CHARACTER}",
    }
    assert adjustments == CLEANED


def test_more_values_than_are_kept_are_cut_before_they_are_read() -> None:
    value, adjustments = read_json(b"[%s]" % b",".join([b"[]"] * 100_000), depth=8, values=1_000)
    assert len(value) <= 1_001
    assert adjustments == TRUNCATED


@given(
    st.text(max_size=500),
    st.dictionaries(st.text(max_size=9), st.none() | st.booleans() | st.floats() | st.text(), max_size=150),
)
def test_any_text_makes_an_error(text: str, tags: dict[str, object]) -> None:
    """Names as long as they may be, tags as texts, and a message in any case."""
    error, adjustments = build_error(service=text, severity="error", message=text, release=text, tags=tags)
    assert 1 <= len(error.service) <= 200
    assert error.message == (UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text) or NO_MESSAGE)
    kept = {UNSTORABLE.sub("?", name) for name, value in tags.items() if value is not None}
    assert bool(adjustments & TRUNCATED) == (len(text) > 200 or len(kept) > 100)
    assert not isinstance(error.tags, str)
    assert all(isinstance(tag, str) for tag in (error.tags or {}).values())


def test_what_was_adjusted_before_is_told_as_well() -> None:
    assert build_error(service="a", severity="info", message="b", adjustments=CLEANED).adjustments == CLEANED
    assert to_json(build_error(service="a", severity="info", message="b", tags={"n": 7}).value.tags) == b'{"n":"7"}'
