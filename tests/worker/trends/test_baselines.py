"""What a pattern's past lets one expect: its level, its shape of the day, and how much hours differ."""

import pytest

from worker.trends.baselines import DAY, DISPERSION, Baseline, Noise, follow_level, learn_habits, summarize_past

DAYS = 13
STEADY = [3, 4, 5, 4] * 6 * DAYS
NIGHTLY = ([40] + [1] * 23) * DAYS


def test_a_steady_pattern_is_expected_as_it_was() -> None:
    past = summarize_past(STEADY, 0)
    baseline = Baseline.of(past, learn_habits([past]))
    assert past.mean == 4
    assert baseline.hourly == pytest.approx([4] * DAY, rel=0.3)


def test_a_job_of_every_night_is_expected_at_its_hour_alone() -> None:
    past = summarize_past(NIGHTLY, 0)
    expected = Baseline.of(past, learn_habits([past])).hourly
    assert expected[0] > 10 * max(expected[3:22])


def test_hours_of_the_day_are_told_by_the_hour_that_follows_the_past() -> None:
    assert summarize_past(NIGHTLY, 5).by_hour.index(40) == 5


def test_one_incident_of_the_past_is_forgiven_and_what_happens_again_and_again_is_not() -> None:
    once, often = list(STEADY), list(STEADY)
    once[100] = 900
    for hour in range(50, 300, 37):
        often[hour] = 900
    assert summarize_past(once, 0).mean == pytest.approx(4, rel=0.05)
    assert summarize_past(often, 0).mean > 10


def test_the_level_follows_what_changed_some_days_ago() -> None:
    level, doubt = follow_level(summarize_past([2] * DAY * 6 + [6] * DAY * 7, 0), DISPERSION)
    assert 5 < level <= 6.5
    assert 0 < doubt < 1


def test_common_habits_have_a_mean_of_one_whatever_the_order_of_the_patterns() -> None:
    pasts = [summarize_past(STEADY, 0), summarize_past(NIGHTLY, 0)]
    habits = learn_habits(pasts)
    assert sum(habits.shape) / DAY == pytest.approx(1)
    assert learn_habits(pasts[::-1]) == habits


def test_without_a_pattern_there_are_usual_habits() -> None:
    habits = learn_habits([])
    assert habits.shape == pytest.approx([1] * DAY)
    assert habits.noise.dispersion == pytest.approx(DISPERSION)


def test_clumps_weigh_most_where_errors_are_rare() -> None:
    noise = Noise(0.2, 1.0)
    assert noise.at(0.5) == pytest.approx(2.2)
    assert noise.at(100) == pytest.approx(0.21)
