"""A projection says where the period ends, how sure that is, and nothing at all when it cannot know."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.spending.projection import (
    InsufficientHistory,
    Projection,
    SpendPeriod,
    chance_above,
    find_range,
    project_spend,
    quantile,
)

START, END = date(2026, 4, 1), date(2026, 5, 1)


def period(day: int, elapsed: float = 0.0) -> SpendPeriod:
    return SpendPeriod(START, END, START + timedelta(days=day - 1), elapsed)


def days(first: date, *amounts: int) -> list[tuple[date, int]]:
    return [(first + timedelta(days=n), amount) for n, amount in enumerate(amounts)]


def project(history: list[tuple[date, int]], at: SpendPeriod, limit: int = 200_000) -> Projection:
    found = project_spend(history, at, limit)
    assert isinstance(found, Projection)
    return found


def test_equal_days_end_where_they_must() -> None:
    found = project(days(START, *[5_000] * 10), period(11))
    assert (found.spent, found.projected, found.low, found.high) == (50_000, 150_000, 144_907, 155_197)
    assert found.exhausted_on is None
    assert found.breach_chance < 0.001
    assert (found.confidence, found.doubts, found.complete_days) == ("low", ("under_two_weeks",), 10)


def test_the_level_is_carried_over_the_month_boundary() -> None:
    found = project(days(START - timedelta(days=28), *[5_000] * 28), period(1))
    assert (found.spent, found.projected) == (0, 150_000)
    assert (found.confidence, found.doubts) == ("high", ())


def test_a_weekday_team_is_not_expected_to_work_at_weekends() -> None:
    first = date(2026, 3, 2)  # a Monday
    week = [10_000] * 5 + [0, 0]
    found = project(days(first, *(week * 4), 10_000, 10_000), period(1), 10**9)
    assert found.projected == 220_000  # April 2026 has 22 days from Monday to Friday
    assert found.low == pytest.approx(found.projected, rel=0.15)


def test_today_counts_with_what_it_has_and_what_is_left_of_it() -> None:
    history = days(START - timedelta(days=20), *[1_000] * 20)
    today = (START, 700)
    assert project([*history, today], period(1, 0.0)).projected == 30_700
    assert project([*history, today], period(1, 0.5)).projected == 30_200
    assert project([*history, today], period(1, 1.0)).projected == 29_700
    assert project([*history, today], period(1, 0.5)).complete_days == 20


def test_silent_days_are_days_without_spend() -> None:
    sparse = [(START, 7_000), (START + timedelta(days=5), 7_000)]
    found = project(sparse, period(8))
    assert found.complete_days == 7
    assert 14_000 + 23 * 1_000 < found.projected < 14_000 + 23 * 3_000  # about 2,000 a day, not 7,000


def test_days_may_come_twice_and_in_any_order_and_after_today() -> None:
    history = days(START, *[1_000] * 10)
    twice = [(day, 400) for day, _ in history] + [(day, 600) for day, _ in reversed(history)] + [(END, 10**9)]
    assert project(twice, period(11)) == project(history, period(11))


@pytest.mark.parametrize("count", [0, 1, 6])
def test_under_seven_complete_days_there_is_no_number(count: int) -> None:
    found = project_spend(days(START, *[5_000] * count), period(count + 1), 200_000)
    assert found == InsufficientHistory(spent=5_000 * count, complete_days=count)
    assert found.method == "insufficient_history"


def test_today_is_no_complete_day() -> None:
    assert isinstance(project_spend(days(START, *[5_000] * 7), period(7, 0.9), 200_000), InsufficientHistory)
    assert isinstance(project_spend(days(START, *[5_000] * 7), period(8), 200_000), Projection)


def test_the_day_the_limit_is_reached() -> None:
    history = days(START, *[10_000] * 10)
    assert project(history, period(11), 150_000).exhausted_on == date(2026, 4, 15)
    assert project(history, period(11), 95_000).exhausted_on == date(2026, 4, 10)
    assert project(history, period(11), 95_000).breach_chance == 1.0
    assert project(history, period(11), 100_000).breach_chance == 1.0
    assert project(history, period(11), 301_000).exhausted_on is None


def test_nothing_spent_is_nothing_projected() -> None:
    found = project(days(START, *[0] * 10), period(11))
    assert (found.projected, found.low, found.high, found.breach_chance) == (0, 0, 0, 0.0)


def test_a_level_that_moved_is_followed_and_doubted() -> None:
    noise = [900, 1_100, 1_000, 950, 1_050, 1_000, 1_000] * 6
    found = project(days(START - timedelta(days=42), *noise, *[3_000] * 8), period(9), 10**9)
    assert found.doubts == ("level_is_moving", "level_moved")
    assert found.confidence == "low"
    assert 80_000 <= found.projected <= 90_000  # 24,000 spent and 22 days of 3,000


def test_what_came_before_the_first_spend_is_no_history() -> None:
    found = project(days(START - timedelta(days=60), *[0] * 40, *[1_000] * 20), period(1))
    assert (found.projected, found.complete_days) == (30_000, 20)


def test_a_pause_widens_the_range_and_is_told() -> None:
    history = days(START - timedelta(days=54), *[900, 1_100] * 27, *[0] * 6)
    found = project(history, period(7))
    assert found.doubts == ("level_is_moving", "spend_is_paused")
    assert 0 < found.low < found.projected < 24_000
    assert found.high > 1.3 * found.projected


def test_a_months_last_days_are_expected_as_months_before_were() -> None:
    first = date(2026, 1, 1)
    ends = (date(2026, 2, 1), date(2026, 3, 1), START)
    months = [first + timedelta(days=n) for n in range((START - first).days)]
    history = [(day, 3_000 if any(0 < (end - day).days <= 4 for end in ends) else 1_000) for day in months]
    assert project([*history, *days(START, *[1_000] * 9)], period(10)).projected == pytest.approx(38_000, rel=0.05)


def test_a_weeks_and_a_days_budget_are_projected_alike() -> None:
    history = days(START - timedelta(days=28), *[1_000] * 28)
    week = SpendPeriod(date(2026, 3, 30), date(2026, 4, 6), START, 0.0)
    assert project(history, week).projected == 2_000 + 5_000
    day = SpendPeriod(START, START + timedelta(days=1), START, 0.25)
    assert project([*history, (START, 300)], day).projected == 300 + 750


@pytest.mark.parametrize(
    ("day", "elapsed", "message"), [(0, 0.0, "not in the period"), (31, 0.0, "not in the period"), (1, 1.1, "share")]
)
def test_a_day_outside_of_the_period_is_refused(day: int, elapsed: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        period(day, elapsed)


def test_figures_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        project_spend([(START, -1)], period(2), 5)
    with pytest.raises(ValueError, match="a limit is positive"):
        project_spend([], period(2), 0)


def test_the_log_normal_has_the_mean_and_variance_it_was_asked_for() -> None:
    # mean 100, variance 10,000: sigma squared is ln 2, the median 100 / sqrt(2)
    assert quantile(100, 10_000, 0) == pytest.approx(70.7106781)
    assert find_range(100, 10_000) == pytest.approx((24.3284, 205.5236), rel=1e-4)
    assert chance_above(70.7106781, 100, 10_000) == pytest.approx(0.5)
    assert chance_above(205.5236, 100, 10_000) == pytest.approx(0.1, abs=1e-4)
    assert (chance_above(100, 100, 0), chance_above(101, 100, 0)) == (1.0, 0.0)


AMOUNTS = st.lists(st.integers(0, 10**15) | st.just(0), min_size=7, max_size=120)


@given(AMOUNTS, st.integers(1, 30), st.floats(0, 1), st.integers(1, 10**17))
def test_any_history_gives_a_range_around_its_point(amounts: list[int], day: int, elapsed: float, limit: int) -> None:
    at = period(day, elapsed)
    history = days(at.today - timedelta(days=len(amounts) - 1), *amounts)
    found = project_spend(history, at, limit)
    if isinstance(found, InsufficientHistory):
        assert len(amounts) == 7
        return
    assert found.spent <= found.low <= found.projected <= found.high
    assert 0 <= found.breach_chance <= 1
    assert (found.breach_chance == 1) >= (found.spent >= limit)
    assert found.exhausted_on is None or START <= found.exhausted_on < END


@given(st.lists(st.integers(1, 10**6), min_size=10, max_size=60), st.integers(2, 1_000))
def test_the_unit_does_not_matter(amounts: list[int], by: int) -> None:
    first = START - timedelta(days=len(amounts))
    one = project(days(first, *amounts), period(1), 10**7)
    many = project(days(first, *(amount * by for amount in amounts)), period(1), by * 10**7)
    assert many.projected == pytest.approx(by * one.projected, rel=1e-6, abs=by)
    assert many.breach_chance == pytest.approx(one.breach_chance, abs=1e-6)
    assert (many.confidence, many.exhausted_on) == (one.confidence, one.exhausted_on)
