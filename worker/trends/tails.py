"""Tail probabilities of the negative binomial distribution, and false-discovery control over many tests. Pure."""

import math
from collections.abc import Sequence

MAX_STEPS = 300
LARGE_COUNT = 10_000.0
SMALLEST_DISPERSION = 1e-4
TINY = 1e-300


def upper_tail(count: float, mean: float, dispersion: float) -> float:
    """P(X >= count) for a negative binomial X with this mean and variance mean + dispersion * mean^2.

    It is the regularized incomplete beta function I_x(count, 1/dispersion) at x = mean / (mean + 1/dispersion)
    (Abramowitz and Stegun 26.5.26).
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    count, mean = _scale_down(count, mean)
    size = 1 / max(dispersion, SMALLEST_DISPERSION)
    return incomplete_beta(count, size, mean / (mean + size))


def lower_tail(count: float, mean: float, dispersion: float) -> float:
    """P(X <= count); parameters as in `upper_tail`."""
    if mean <= 0:
        return 1.0
    count, mean = _scale_down(count, mean)
    size = 1 / max(dispersion, SMALLEST_DISPERSION)
    return incomplete_beta(size, count + 1, size / (mean + size))


def _scale_down(count: float, mean: float) -> tuple[float, float]:
    """Beyond ten thousand only the dispersion matters: smaller numbers of the same ratio say the same, sooner."""
    factor = LARGE_COUNT / max(count, mean, LARGE_COUNT)
    return count * factor, mean * factor


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for positive a and b, by its continued fraction (DLMF 8.17.22) with Lentz's method."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return min(1.0, math.exp(log_front) * _beta_fraction(a, b, x) / a)


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MAX_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _not_zero(1 + even * d), _not_zero(1 + even / c)
        value *= c * d
        d, c = 1 / _not_zero(1 + odd * d), _not_zero(1 + odd / c)
        value *= c * d
        if abs(c * d - 1) < 1e-10:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY


def adjust_p_values(p_values: Sequence[float], family: int) -> list[float]:
    """Benjamini and Hochberg's q-values, in the order of the p-values, in a family of so many tests; those of the
    family that are not given count as p = 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__, reverse=True)
    q_values, lowest = [1.0] * len(p_values), 1.0
    for place, index in enumerate(order):
        lowest = min(lowest, p_values[index] * family / (len(p_values) - place))
        q_values[index] = lowest
    return q_values
