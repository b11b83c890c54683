"""What counts as one effective run per tick."""

from datetime import UTC, datetime, timedelta

from tests.fleet.history import Run, find_double_runs, longest_gap_seconds

START = datetime(2026, 3, 1, tzinfo=UTC)


def run(start: float, end: float, outcome: str = "done") -> Run:
    return Run(START + timedelta(seconds=start), START + timedelta(seconds=end), outcome)


def test_runs_that_follow_each_other_by_a_period_are_well() -> None:
    assert find_double_runs([run(0, 1), run(5, 6), run(9.5, 11)], every_seconds=5) == []


def test_overlapping_runs_and_two_in_a_tick_are_found() -> None:
    assert len(find_double_runs([run(0, 6), run(5, 7)], every_seconds=5)) == 1
    assert len(find_double_runs([run(0, 1), run(2, 3)], every_seconds=5)) == 1
    assert find_double_runs([run(0, 1, "failed"), run(2, 3)], every_seconds=5) == []


def test_the_longest_gap_is_between_successes() -> None:
    assert longest_gap_seconds([run(0, 1), run(5, 6, "failed"), run(10, 12)]) == 11
