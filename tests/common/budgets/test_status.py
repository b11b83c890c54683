"""A budget's figures say what they mean, and say it exactly at the thresholds."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.budgets import (
    Band,
    BudgetState,
    check_thresholds,
    divide_tokens,
    name_band,
    name_level,
    read_status,
    show_kilo,
    show_percent,
)


def test_golden_use_of_200_000() -> None:
    status = read_status(126_600, 200_000)
    assert status.used_percent == Decimal("63.3")
    assert status.reserve_percent == Decimal("36.7")
    assert status.state == BudgetState.ok
    assert status.crossed == ()
    assert (show_percent(status.used_percent), show_percent(status.reserve_percent)) == ("63.3 %", "36.7 %")


@pytest.mark.parametrize(
    ("used", "state", "crossed"),
    [
        (0, "ok", []),
        (159_999, "ok", []),
        (160_000, "warn", [80]),
        (179_999, "warn", [80]),
        (180_000, "critical", [80, 90]),
        (199_999, "critical", [80, 90]),
        (200_000, "exceeded", [80, 90, 100]),
        (300_000, "exceeded", [80, 90, 100]),
    ],
)
def test_states_of_200_000(used: int, state: str, crossed: list[int]) -> None:
    status = read_status(used, 200_000)
    assert status.state.value == state
    assert status.crossed == tuple(map(Decimal, crossed))


def test_nothing_is_left_of_a_budget_that_is_overdrawn() -> None:
    assert read_status(300_000, 200_000).reserve_percent == 0


@pytest.mark.parametrize(
    ("thresholds", "states"),
    [
        ("50 80 90 100", "warn warn critical exceeded"),
        ("80 100", "warn exceeded"),
        ("75", "warn"),
        ("100 120", "exceeded exceeded"),
        ("90 50", "critical warn"),
    ],
)
def test_each_threshold_leads_to_a_state(thresholds: str, states: str) -> None:
    given_ones = [Decimal(one) for one in thresholds.split()]
    assert [name_level(one, given_ones).value for one in given_ones] == states.split()


def test_an_overdrawn_budget_is_exceeded_whatever_its_thresholds() -> None:
    assert read_status(100, 100, [Decimal(120)]).state == BudgetState.exceeded
    assert read_status(Decimal("8.00"), Decimal("10.00"), [Decimal(80)]).state == BudgetState.warn


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_used_and_reserve_add_up_and_states_follow_the_use(used: int, limit: int) -> None:
    status = read_status(used, limit)
    assert (status.state == BudgetState.exceeded) == (used >= limit)
    assert (Decimal(80) in status.crossed) == (10 * used >= 8 * limit)
    assert used > limit or abs(status.used_percent + status.reserve_percent - 100) < Decimal("1e-20")


@pytest.mark.parametrize(("used", "limit"), [(1, 0), (-1, 5), (1, -5)])
def test_figures_that_cannot_be_are_refused(used: int, limit: int) -> None:
    with pytest.raises(ValueError, match="a limit is positive"):
        read_status(used, limit)


@pytest.mark.parametrize("thresholds", ["", "80 80", "0", "-5", "1001", "NaN", "1 2 3 4 5 6 7 8 9 10 11"])
def test_thresholds_out_of_place_are_refused(thresholds: str) -> None:
    with pytest.raises(ValueError, match="threshold"):
        check_thresholds([Decimal(one) for one in thresholds.split()])


@pytest.mark.parametrize(
    ("tokens", "deliverables", "shown", "band"),
    [
        (12_450, 4, "3.1K", Band.ok),
        (35_670, 6, "5.9K", Band.watch),
        (20_000, 4, "5.0K", Band.ok),
        (20_001, 4, "5.0K", Band.watch),
        (24_000, 4, "6.0K", Band.watch),
        (24_001, 4, "6.0K", Band.alert),
        (999, 1, "999", Band.ok),
    ],
)
def test_tokens_per_deliverable_and_their_band(tokens: int, deliverables: int, shown: str, band: Band) -> None:
    each = divide_tokens(tokens, deliverables)
    assert each is not None
    assert (show_kilo(each), name_band(each)) == (shown, band)


def test_bands_can_be_set_and_nothing_finished_has_none() -> None:
    assert name_band(8_000, 8_000, 9_000) is Band.ok
    assert divide_tokens(5, 0) is None


@pytest.mark.parametrize(
    ("percent", "shown"),
    [("99.96", "99.9 %"), ("100", "100.0 %"), ("0.01", "0.1 %"), ("0", "0.0 %"), ("80.05", "80.1 %")],
)
def test_rounding_never_hides_that_a_limit_holds_or_something_was_used(percent: str, shown: str) -> None:
    assert show_percent(Decimal(percent)) == shown
