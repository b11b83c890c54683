"""Who is back from silence, by what was known of its ways."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.trends.returns import SILENCE_HOURS, hours_since_return, is_back_from_silence

LONG = 90 * 24.0


def silent_for(days: int, *, seen_before: list[int]) -> tuple[list[int], int, list[int], float]:
    """Back since this hour, seen on these days before the silence, as days before its beginning."""
    hours_ago = [24 * (days + before) + 1 for before in seen_before]
    hourly = [int(ago in hours_ago) for ago in range(335, 0, -1)] + [1]
    return hourly, 1, [ago // 24 for ago in hours_ago if ago >= 336], LONG


def test_it_is_back_for_as_long_as_the_first_errors_of_the_day_are_ago() -> None:
    assert hours_since_return([5] * 100 + [0] * 30 + [1, 0], 24) == 2
    assert hours_since_return([5] * 100 + [0] * 30, 24) == 0
    assert hours_since_return([], 24) == 0


@pytest.mark.parametrize(
    ("days", "seen_before", "is_back"),
    [
        (8, list(range(30)), True),  # every day of a month
        (6, list(range(30)), False),
        (16, list(range(5)), True),  # every day of five
        (8, list(range(5)), False),
        (7, [0, 7, 14, 21], False),  # a weekly job
        (14, [0, 14, 28], False),
        (31, [0, 30, 61], False),
        (12, [0, 4, 17, 23, 31, 44], False),  # now and then
        (80, [0, 2, 3, 5, 8, 9, 11], True),
        (40, [0], False),  # once
    ],
)
def test_a_silence_is_judged_by_the_gaps_of_before(days: int, seen_before: list[int], is_back: bool) -> None:
    assert is_back_from_silence(*silent_for(days, seen_before=seen_before)) is is_back


def test_what_was_not_seen_for_as_long_as_can_be_looked_back_is_back() -> None:
    assert is_back_from_silence([0] * 335 + [1], 1, [], LONG)
    assert not is_back_from_silence([0] * 335 + [1], 1, [], SILENCE_HOURS)
    assert not is_back_from_silence([0] * 35 + [1], 1, [], LONG)


@given(st.lists(st.integers(0, 3), max_size=336), st.integers(1, 24), st.lists(st.integers(14, 106), max_size=40))
def test_a_silence_of_less_than_a_week_is_none(hourly: list[int], back_for: int, earlier_days: list[int]) -> None:
    with_a_gap = [*hourly, 1, *[0] * (SILENCE_HOURS - 1), *[1] * back_for]
    assert not is_back_from_silence(with_a_gap, back_for, earlier_days, LONG)


def test_fewer_than_one_of_a_thousand_rare_patterns_is_called_back_on_a_day() -> None:
    draw = random.Random(7)
    days_lived = called = 0
    for _ in range(4_000):
        mean_days = draw.uniform(2, 20)
        at, times = 0.0, []
        while at < 180:
            at += draw.expovariate(1 / mean_days)
            times.append(int(at * 24))
        for number, hour in enumerate(times):
            if hour < 92 * 24 or hour >= 180 * 24:
                continue
            before = [hour - one for one in times[:number] if hour - one <= 106 * 24]
            hourly = [int(ago in before) for ago in range(335, 0, -1)] + [1]
            called += is_back_from_silence(hourly, 1, [ago // 24 for ago in before if ago >= 336], LONG)
        days_lived += 88
    assert called / days_lived < 0.001
