"""Patterns with nothing to tell are seldom called, and those that are back always, in the small."""

import random

import pytest

from dev.evaluation.trend_kinds import ASKED_HOURS, KINDS, LIFE_HOURS, as_activity, count_calls
from worker.trends.scores import HISTORY_HOURS


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_has_errors_to_ask_about_within_its_time(kind: str) -> None:
    life = KINDS[kind](random.Random(5))
    assert min(life) >= 0
    assert LIFE_HOURS - ASKED_HOURS <= max(life) <= LIFE_HOURS
    assert all(life.values())


def test_the_worker_knows_of_a_life_what_lies_before_the_moment() -> None:
    life = {100: 3, 1_000: 4, 1_000 + 24 * 28: 5, 1_000 + 24 * 28 + 3: 9}
    known = as_activity(life, 1_000 + 24 * 28)
    assert (len(known.hourly), known.hourly[-1], known.last_hour, known.last_six_hours) == (HISTORY_HOURS, 5, 5, 5)
    assert known.earlier == {24 * 28: 4}
    assert list(known.earlier_days) == [28, 65]


@pytest.mark.parametrize("kind", ["weekly, up to an hour late", "every other week", "monthly", "nightly, clocks set"])
def test_jobs_of_a_calendar_are_not_called(kind: str) -> None:
    calls = count_calls(kind, 12, seed=40)
    assert calls.moments > 12
    assert calls.share < 0.01


def test_what_is_back_from_a_silence_is_called() -> None:
    calls = count_calls("is back", 20, seed=40)
    assert (calls.moments, calls.called) == (20, 20)
