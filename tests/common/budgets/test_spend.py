"""What was spent is read from as few sums as there can be, and each is counted once."""

from datetime import UTC, datetime, timedelta

from common.budgets.spend import cut_span


def test_a_span_is_cut_into_days_and_the_quarter_hours_at_its_ends() -> None:
    start, end = datetime(2026, 1, 31, 18, 15, tzinfo=UTC), datetime(2026, 2, 28, 18, 15, tzinfo=UTC)
    first, last = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)
    assert cut_span(start, end) == [(15, start, first), (1440, first, last), (15, last, end)]
    assert cut_span(first, last) == [(1440, first, last)]
    assert cut_span(start, start + timedelta(hours=1)) == [(15, start, start + timedelta(hours=1))]
