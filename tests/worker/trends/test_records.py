"""Records by literal counts, and that they are of whole windows of the past."""

from worker.trends.records import LEAST_HOURS, find_most, is_record


def test_a_record_is_half_again_as_much_as_the_most_that_was_ever_there() -> None:
    past = [0, 0, 10, 0] * 30
    assert is_record(15, past, 1)
    assert not is_record(14, past, 1)
    assert is_record(30, past, 6)
    assert not is_record(29, past, 6)


def test_a_past_of_less_than_three_days_has_no_records() -> None:
    assert is_record(9, [1] * LEAST_HOURS, 1)
    assert not is_record(9, [1] * (LEAST_HOURS - 1), 1)


def test_the_most_is_that_of_hours_on_end_wherever_they_begin() -> None:
    assert find_most([1, 0, 5, 6, 0, 7], 2) == 11
    assert find_most([1, 0, 5, 6, 0, 7], 6) == 19
    assert find_most([3, 0, 0], 1) == 3
