"""A span in an address is the time of one step."""

from datetime import UTC, datetime, timedelta

from api.pages.spans import span_of


def test_a_span_begins_with_its_step_and_ends_with_the_next() -> None:
    start = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert span_of(start, timedelta(minutes=5)) == {
        "since": "2026-02-01T12:00:00+00:00",
        "until": "2026-02-01T12:05:00+00:00",
    }
