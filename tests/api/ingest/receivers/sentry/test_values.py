"""Values are read as what they should be, whatever stands in their place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.sentry import values

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("sent", "objects"),
    [
        ({"values": [{"a": 1}, {"b": 2}]}, [{"a": 1}, {"b": 2}]),
        ([{"a": 1}, None, 7, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ({"type": "E"}, [{"type": "E"}]),
        ({"values": None}, [{"values": None}]),
        (None, []),
        ("text", []),
    ],
)
def test_an_interface_is_a_map_with_values_a_list_or_one_object(sent: Any, objects: list[Any]) -> None:
    assert values.list_values(sent) == objects


@pytest.mark.parametrize(
    ("sent", "pairs"),
    [
        ({"a": 1, "b": True}, [("a", 1), ("b", True)]),
        ([["a", 1], ["b", True]], [("a", 1), ("b", True)]),
        ([{"key": "a", "value": 1}, {"key": "b"}], [("a", 1), ("b", None)]),
        ([["a"], 7, ["a", 1, 2], {}], []),
        ("text", []),
    ],
)
def test_pairs_are_a_map_or_a_list(sent: Any, pairs: list[Any]) -> None:
    assert list(values.as_pairs(sent)) == pairs


@pytest.mark.parametrize(
    ("sent", "count"),
    [(7, 7), ("12", 12), (0, 0), (-1, None), (True, None), (2.5, None), ("x", None), ("9" * 20, None), (None, None)],
)
def test_a_count_is_a_whole_number_that_is_not_negative(sent: Any, count: int | None) -> None:
    assert values.as_count(sent) == count


@pytest.mark.parametrize(
    ("sent", "name"),
    [("a ", "a"), ("", None), (None, None), (7, "7"), (True, "true"), ({}, None), (["a"], None), (1.5, "1.5")],
)
def test_a_name_is_any_scalar(sent: Any, name: str | None) -> None:
    assert values.as_name(sent) == name


@given(json_values)
def test_any_value_can_be_read_as_any_other(value: Any) -> None:
    assert isinstance(values.as_text(value), str)
    assert values.as_name(value) is None or values.as_name(value)
    assert isinstance(dict(values.as_object(value)), dict)
    assert isinstance(list(values.as_list(value)), list)
    assert all(isinstance(one, dict) for one in values.list_values(value))
    assert all(isinstance(name, str) for name, _ in values.as_pairs(value))
    assert values.as_flag(value) in {None, True, False}
    assert values.without_nothing({"a": value}) in ({}, {"a": value}) or value != value
