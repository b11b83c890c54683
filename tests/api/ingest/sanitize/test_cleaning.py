import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.sanitize.cleaning import clean_text, clean_value, cut_text

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(JSON_VALUES)
def test_whatever_is_cleaned_is_valid_utf8_json_without_nul(value: Any) -> None:
    text = json.dumps(clean_value(value, 32, 1_000).value, allow_nan=False, ensure_ascii=False)
    assert "\x00" not in text.encode().decode()
    assert "\\u0000" not in text


@given(JSON_VALUES)
def test_cleaning_twice_changes_nothing_more(value: Any) -> None:
    once = clean_value(value, 3, 20).value
    assert clean_value(once, 3, 20) == (once, False, False)


@given(JSON_VALUES, st.integers(1, 5))
def test_no_value_is_deeper_than_the_limit(value: Any, limit: int) -> None:
    assert depth_of(clean_value(value, limit, 1_000).value) <= limit


def test_keys_and_items_over_the_limit_are_cut() -> None:
    assert clean_value({str(n): n for n in range(50)}, 32, 10) == ({str(n): n for n in range(10)}, False, True)
    assert clean_value([[1, 2, 3], [4, 5, 6]], 32, 5) == ([[1, 2, 3], []], False, True)
    assert clean_value([[1, 2, 3], [4, 5, 6]], 32, 8) == ([[1, 2, 3], [4, 5, 6]], False, False)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("cut emoji \ud83d", "cut emoji \ufffd"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (10**400, "1" + "0" * 400),
        (-(10**300), "-1" + "0" * 300),
        ({"k\x00": [1.5, None, True]}, {"k\ufffd": [1.5, None, True]}),
    ],
)
def test_what_postgres_cannot_keep_is_replaced(value: Any, kept: Any) -> None:
    assert clean_value(value, 32, 1_000) == (kept, True, False)


@given(st.text(), st.integers(4, 60))
def test_cut_text_is_a_prefix_within_its_bytes(text: str, limit: int) -> None:
    cut = cut_text(clean_text(text), limit)
    assert clean_text(text).startswith(cut)
    assert len(cut.encode()) <= limit
    assert cut == clean_text(text) or len(cut.encode()) > limit - 4
