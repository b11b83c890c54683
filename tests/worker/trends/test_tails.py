"""Tail probabilities against sums by hand, and false-discovery control against its paper."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.trends.tails import adjust_p_values, incomplete_beta, lower_tail, upper_tail

counts = st.one_of(st.integers(0, 3), st.integers(0, 10**12))


def test_tails_agree_with_sums_of_the_distribution() -> None:
    mean, dispersion = 3.0, 0.5  # size 2, so the probability of k is (k + 1) 0.4^2 0.6^k
    below = sum((k + 1) * 0.16 * 0.6**k for k in range(8))
    assert upper_tail(8, mean, dispersion) == pytest.approx(1 - below, rel=1e-9)
    assert lower_tail(7, mean, dispersion) == pytest.approx(below, rel=1e-9)
    assert upper_tail(0, mean, dispersion) == 1.0


def test_a_vanishing_dispersion_is_the_poisson_tail() -> None:
    poisson = 1 - sum(math.exp(-2) * 2**k / math.factorial(k) for k in range(5))
    assert upper_tail(5, 2.0, 0.0) == pytest.approx(poisson, rel=0.01)


@given(counts, st.floats(1e-9, 1e12), st.floats(0, 1e6))
def test_tails_are_probabilities_for_any_numbers(count: int, mean: float, dispersion: float) -> None:
    assert 0 <= upper_tail(count, mean, dispersion) <= 1
    assert 0 <= lower_tail(count, mean, dispersion) <= 1


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    assert adjust_p_values([0.01, 0.04, 0.03, 0.005], 4) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert adjust_p_values([0.01, 0.02], 100) == pytest.approx([1.0, 1.0])
    assert adjust_p_values([], 5) == []


def test_the_incomplete_beta_function_has_its_known_values() -> None:
    assert incomplete_beta(1, 1, 0.3) == pytest.approx(0.3)
    assert incomplete_beta(2, 1, 0.5) == pytest.approx(0.25)
    assert incomplete_beta(2, 3, 0.4) == pytest.approx(1 - incomplete_beta(3, 2, 0.6))
    assert (incomplete_beta(2, 3, 0), incomplete_beta(2, 3, 1)) == (0.0, 1.0)


def test_q_values_keep_the_order_of_their_p_values_and_are_never_below_them() -> None:
    p_values = [0.2, 0.001, 0.04, 0.04]
    q_values = adjust_p_values(p_values, 10)
    assert all(q >= p for p, q in zip(p_values, q_values, strict=True))
    assert q_values[1] < q_values[2] == q_values[3] < q_values[0]
