"""How old an answer is, by what it knows; how the errors of the curve are spread."""

from datetime import date

from bench.beside import age_of
from bench.curve import plan_days


def test_an_answer_is_as_old_as_the_first_acknowledged_batch_that_it_lacks() -> None:
    acknowledged_at = {0: 1.0, 1: 2.0, 2: 3.0, 3: 9.0}
    assert age_of(0, 5.0, acknowledged_at) == 3.0
    assert age_of(2, 5.0, acknowledged_at) == 0.0
    assert age_of(-1, 0.5, acknowledged_at) == 0.0


def test_the_days_of_the_curve_hold_all_rows_and_end_yesterday() -> None:
    days = list(plan_days(100, date(2026, 11, 24), 29))
    assert sum(count for _, count in days) == 100
    assert (days[0][0], days[-1][0]) == (date(2026, 10, 26), date(2026, 11, 23))
