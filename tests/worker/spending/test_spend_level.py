"""The base of a projection: weekdays are believed as far as the noise allows, and a moved level is seen."""

from datetime import date, timedelta
from random import Random

import pytest

from worker.spending.spend_level import draw_to_centre, find_move, fit_level, fit_weekday_factors, measure_noise

MONDAY = date(2026, 1, 5)


def days(*amounts: int) -> list[tuple[date, int]]:
    return [(MONDAY + timedelta(days=n), amount) for n, amount in enumerate(amounts)]


def noisy(count: int, level: float = 1_000, spread: float = 0.2, seed: int = 1) -> list[int]:
    rng = Random(seed)
    return [round(level * rng.lognormvariate(0, spread)) for _ in range(count)]


def test_a_clear_rhythm_is_kept_nearly_whole() -> None:
    week = [1_000, 1_000, 1_000, 1_000, 1_000, 100, 100]
    assert fit_weekday_factors(days(*week * 8)) == pytest.approx([1.3462] * 5 + [0.1346] * 2, abs=1e-3)


def test_noise_is_no_rhythm() -> None:
    assert max(abs(factor - 1) for factor in fit_weekday_factors(days(*noisy(56)))) < 0.05


def test_one_day_of_seven_that_is_off_is_kept_as_well() -> None:
    factors = fit_weekday_factors(days(*[1_000, 1_000, 4_000, 1_000, 1_000, 1_000, 1_000] * 8))
    assert factors[2] == pytest.approx(2.8, abs=0.05)
    assert sum(factors) == pytest.approx(7)


def test_seven_days_prove_no_weekday_of_its_own() -> None:
    factors = fit_weekday_factors(days(900, 1_100, 1_000, 950, 1_050, 100, 120))
    assert len({round(factor, 9) for factor in factors[:5]}) == 1
    assert factors[5] == pytest.approx(factors[6]) == pytest.approx(0.145, abs=0.01)


def test_means_are_drawn_to_their_centre_by_the_noise_within() -> None:
    assert draw_to_centre([[1, 1], [3, 3]], [1, 1]) == [1, 3]
    assert draw_to_centre([[0, 2], [1, 3]], [1, 1]) == [1.5, 1.5]
    assert draw_to_centre([[1], [3]], [1, 1]) == [2, 2]


def test_recent_days_weigh_more() -> None:
    level = fit_level(days(*[1_000] * 28, *[1_200] * 3))
    assert 1_000 < level.level < 1_040 + 1_200 / 30
    assert not level.is_moving


def test_noise_has_one_standard_error_on_top() -> None:
    steady = days(*[900, 1_100] * 50)
    # sample variance 0.01 x 100 / 97, kurtosis taken as 3: times 1 + sqrt(2 / 100)
    assert measure_noise(steady, (1.0,) * 7, 1_000) == pytest.approx((0.01 * 100 / 97 * 1.1414) ** 0.5, rel=1e-4)
    assert measure_noise(days(*[1_000] * 9), (1.0,) * 7, 1_000) == 0


@pytest.mark.parametrize(("factor", "ago"), [(3.0, 4), (3.0, 7), (0.3, 10)])
def test_a_step_is_seen_with_its_age(factor: float, ago: int) -> None:
    history = days(*noisy(40), *noisy(ago, 1_000 * factor, seed=2))
    assert find_move(history, (1.0,) * 7) == ago
    assert fit_level(history).level == pytest.approx(1_000 * factor, rel=0.2)


def test_one_burst_is_no_move() -> None:
    history = noisy(45)
    history[-2] *= 5
    assert find_move(days(*history), (1.0,) * 7) is None


def test_spend_that_begins_after_silence_is_a_move() -> None:
    level = fit_level(days(*[0] * 30, *[1_000] * 7))
    assert level.is_moving
    assert level.level > 900


def test_two_weeks_show_no_move() -> None:
    assert find_move(days(*[1_000] * 7, *[3_000] * 6), (1.0,) * 7) is None
