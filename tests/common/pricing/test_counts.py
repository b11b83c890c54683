"""Counts of tokens make sense, or are refused."""

from decimal import Decimal

import pytest

from common.pricing import TokenCounts, split_total


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"input": -1, "output": 0}, "negative"),
        ({"input": 10, "output": 0, "cached": 6, "cache_write": 5}, "do not fit in 10"),
        ({"input": 0, "output": 1, "reasoning": 2}, "do not fit in 1 of output"),
        ({"input": 5, "output": 0, "cache_write": 1, "cache_write_1h": 2}, "do not fit in 1 written"),
    ],
)
def test_parts_larger_than_the_whole_are_refused(parts: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenCounts(**parts)


def test_the_odd_token_of_a_split_is_output() -> None:
    assert split_total(5) == TokenCounts(input=2, output=3)
    assert split_total(100, Decimal("0.2")) == TokenCounts(80, 20)
    with pytest.raises(ValueError, match="from 0 to 1"):
        split_total(5, Decimal("1.5"))
