"""Growth is told from steps and wandering, silence that is a habit from a pause."""

import math
from random import Random

import pytest

from worker.spending.spend_changes import Growth, comes_in_runs, find_growth, find_pauses, fit_slope, is_step


def noisy(count: int, spread: float = 0.2, seed: int = 1) -> list[float]:
    rng = Random(seed)
    return [rng.lognormvariate(0, spread) for _ in range(count)]


def ones(ratios: list[float]) -> list[float]:
    return [1.0] * len(ratios)


@pytest.mark.parametrize("rate", [1.012, 0.988])
def test_steady_growth_and_decline_are_found(rate: float) -> None:
    ratios = [one * rate**n for n, one in enumerate(noisy(90))]
    found = find_growth(ratios, ones(ratios))
    assert found is not None
    assert found.per_day == pytest.approx(math.log(rate), abs=0.003)
    assert found.days == 84


def test_even_spend_and_a_step_are_no_growth() -> None:
    even = noisy(90)
    stepped = [one * (3 if n >= 60 else 1) for n, one in enumerate(even)]
    assert find_growth(even, ones(even)) is None
    assert is_step(stepped, ones(stepped))
    found = find_growth(stepped, ones(stepped))
    assert found is None


def test_a_slope_is_read_exactly_and_days_without_weight_say_nothing() -> None:
    ratios = [1.02**n for n in range(28)]
    assert fit_slope(ratios, ones(ratios))[0] == pytest.approx(math.log(1.02), abs=1e-4)
    ratios[10] = 0.0
    weights = [float(n != 10) for n in range(28)]
    assert fit_slope(ratios, weights)[0] == pytest.approx(math.log(1.02), abs=1e-4)
    assert fit_slope([0.0] * 28, [1.0] * 28) == (0.0, 0.0, 0.0)


def test_growth_wanes_over_as_many_days_as_it_was_seen() -> None:
    growth = Growth(0.01, 0.001, 50)
    assert growth.carry(0) == 1
    assert 1.0 < growth.carry(10) < math.exp(0.1)
    assert growth.carry(10_000) == pytest.approx(math.exp(0.01 * 49))


def test_pauses_are_runs_of_nearly_silent_days() -> None:
    ratios = [1.0] * 10 + [0.05] * 5 + [1.0] * 5 + [0.0] + [1.0] * 3 + [0.0] * 3
    assert find_pauses(ratios, ones(ratios)) == [(10, 15), (24, 27)]
    assert find_pauses([0.0] * 9, [1.0] * 9) == []


def test_several_pauses_are_a_habit_one_long_one_is_not() -> None:
    assert comes_in_runs([(3, 6), (10, 14), (20, 25)], 40)
    assert not comes_in_runs([(10, 24)], 40)
    assert not comes_in_runs([(3, 5), (10, 12), (20, 22)], 90)
