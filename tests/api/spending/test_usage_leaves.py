"""What a usage object holds, number by number; what nobody knows is told in plain letters."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.spending.usage_leaves import (
    TOLD_CHARS,
    UsageUnreadable,
    classify,
    read_amount,
    read_leaves,
    recall_kind,
    to_plain,
)
from api.spending.usage_words import Meaning


def test_parts_of_a_list_that_are_called_alike_are_added() -> None:
    parts = [{"modality": "IMAGE", "tokenCount": 3}, {"modality": "IMAGE", "tokenCount": 4}]
    leaves = read_leaves({"candidatesTokensDetails": parts})
    assert [number for _, number in leaves.counts[Meaning("output", "image")]] == [7]


@pytest.mark.parametrize(
    ("raw", "modes"),
    [({"service_tier": "flex"}, ["flex"]), ({"serviceTier": {"type": "priority"}}, ["priority"]), ({"speed": "fast"}, ["fast"]),
     ({"trafficType": "ON_DEMAND_PRIORITY"}, ["priority"]), ({"service_tier": "default"}, []),
     ({"gen_ai.openai.response.service_tier": "flex"}, ["flex"]), ({"service_tier": None}, [])],
)  # fmt: skip
def test_a_tier_is_known_wherever_it_stands(raw: dict[str, Any], modes: list[str]) -> None:
    leaves = read_leaves(raw)
    assert (leaves.modes, leaves.told) == (modes, [])


@pytest.mark.parametrize(
    "raw", [{"service_tier": "moon"}, {"service_tier": 5}, {"speed": "warp"}, {"cache_tier": "gold"}, {"cache_hit": True},
            {"tool_calls": [1]}, {"web_search_requests": "many"}, {"cost": "dear"}, {"iterations": ["x"]}, {"x": 0.5}]
)  # fmt: skip
def test_what_is_not_understood_is_told(raw: dict[str, Any]) -> None:
    assert len(read_leaves(raw).told) == 1


def test_what_is_nothing_or_no_money_is_not_told() -> None:
    raw: dict[str, Any] = {
        "cache_x": 0, "tier": None, "tool_x": {}, "audio_x": [], "type": "tokens", "queue_time": 3.5, "colour": "red",
        "system_fingerprint": "fp", "cached": False,
    }  # fmt: skip
    assert read_leaves(raw).told == []


def test_nesting_beyond_any_usage_object_is_refused() -> None:
    raw: dict[str, Any] = {}
    inner = raw
    for _ in range(40):
        inner["a"] = {}
        inner = inner["a"]
    inner["b"] = 1
    with pytest.raises(UsageUnreadable, match="nested too deep"):
        read_leaves(raw)


def test_amounts_are_exact_and_of_this_world() -> None:
    assert [read_amount(value) for value in (0.1, "2", 3)] == [Decimal("0.1"), 2, 3]
    strange: list[Any] = [True, -1, "x", float("nan"), float("inf"), 1e30, None, []]
    assert [read_amount(value) for value in strange] == [None] * 8


def test_long_keys_are_not_remembered() -> None:
    before = recall_kind.cache_info().currsize
    classify(("x" * 101,))
    assert recall_kind.cache_info().currsize == before


@given(st.text())
def test_what_is_told_has_plain_letters_and_an_end(text: str) -> None:
    told = to_plain(text)
    assert told.isascii()
    assert len(told) <= TOLD_CHARS
    assert "\x00" not in told
