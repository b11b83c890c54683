"""The base of a projection: weekdays are believed as far as the noise allows, and a moved level is seen."""

from datetime import date, timedelta
from random import Random

import pytest

from worker.spending.spend_level import (
    draw_to_centre,
    find_move,
    fit_level,
    fit_weekday_factors,
    measure_noise,
    measure_runs,
)

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
    steady = [900, 1_100] * 50
    # sample variance 0.01 x 100 / 97, kurtosis taken as 3: times 1 + sqrt(2 / 100)
    assert measure_noise(steady, [1_000] * 100) == pytest.approx((0.01 * 100 / 97 * 1.1414) ** 0.5, rel=1e-4)
    assert measure_noise([1_000] * 9, [1_000] * 9) == 0


@pytest.mark.parametrize(("factor", "ago"), [(3.0, 4), (3.0, 7), (0.3, 10), (0.4, 21), (2.0, 28)])
def test_a_step_is_seen_with_its_age(factor: float, ago: int) -> None:
    amounts = [*noisy(40), *noisy(ago, 1_000 * factor, seed=2)]
    assert find_move(amounts, [1.0] * len(amounts)) == ago
    level = fit_level(days(*amounts))
    assert level.level == pytest.approx(1_000 * factor, rel=0.2)
    assert level.is_moving == (ago <= 14)


def test_one_burst_is_no_move() -> None:
    history = noisy(45)
    history[-2] *= 5
    assert find_move(history, [1.0] * 45) is None


def test_runs_of_agents_are_no_move_and_their_mean_is_the_level() -> None:
    level = fit_level(days(*([1_000] * 5 + [0] * 4) * 8, *[1_000] * 5))
    assert level.moved is None
    assert level.growth is None
    assert level.level == pytest.approx(1_000 * 5 / 9, rel=0.1)
    alone = [1_000.0, 0.0] * 20
    together = ([1_000.0] * 10 + [0.0] * 10) * 2
    assert measure_runs(together, [500] * 40) > 2 * measure_runs(alone, [500] * 40)


def test_a_pause_that_is_over_counts_for_nothing() -> None:
    history = noisy(60)
    history[30:44] = [0] * 14
    level = fit_level(days(*history))
    assert level.level == pytest.approx(1_000, rel=0.1)
    assert (level.paused, level.moved) == (0, None)
    assert level.noise < 0.4


def test_a_pause_that_holds_on_ends_the_less_likely_the_longer_it_was() -> None:
    level = fit_level(days(*noisy(50), *[0] * 6))
    assert (level.paused, level.is_moving) == (6, True)
    assert level.level == pytest.approx(1_000, rel=0.1)
    assert level.returned(level.last + timedelta(days=6)) == 0.5


def test_steady_growth_is_carried_on() -> None:
    level = fit_level(days(*[round(amount * 1.012**n) for n, amount in enumerate(noisy(90))]))
    assert level.growth is not None
    assert level.level == pytest.approx(1_000 * 1.012**89, rel=0.1)
    assert level.expect(level.last + timedelta(days=20)) > 1.1 * level.level


def test_two_weeks_show_no_move() -> None:
    assert find_move([1_000] * 7 + [3_000] * 6, [1.0] * 13) is None
