"""Windows begin on the edges of what is counted, and their hours are told without a gap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.buckets import next_bucket
from common.snapshots.windows import HOUR, hour_series, name_window, since, start_of_window

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 29, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "start"),
    [
        (1, at(11, 35)),
        (6, at(6, 35)),
        (24, at(12, 35) - timedelta(days=1)),
        (168, at(12) - timedelta(days=7)),  # beyond the fine hours on the full hour
    ],
)
def test_a_window_begins_on_the_edge_of_what_is_still_counted_there(hours: int, start: datetime) -> None:
    assert start_of_window(at(12, 38, 21), hours) == start


@given(moments, st.integers(1, 168))
def test_a_window_is_never_shorter_than_its_name_and_less_than_an_hour_longer(now: datetime, hours: int) -> None:
    start = start_of_window(now, hours)
    assert timedelta(hours=hours) <= now - start < timedelta(hours=hours + 1)
    assert start.minute % 5 == start.second == start.microsecond == 0


@given(moments)
def test_the_next_bucket_begins_after_the_moment_and_within_five_minutes(moment: datetime) -> None:
    assert timedelta(0) < next_bucket(moment) - moment <= timedelta(minutes=5)
    assert next_bucket(moment).minute % 5 == 0


@pytest.mark.parametrize(("start", "whole"), [(at(11, 35), at(12)), (at(11), at(11)), (at(23, 55), at(0) + 24 * HOUR)])
def test_only_a_broken_first_hour_is_read_from_the_fine_counts(start: datetime, whole: datetime) -> None:
    assert since(start) == {"start": start, "first_whole_hour": whole}


def test_hours_without_errors_are_told_too_and_those_of_clocks_ahead() -> None:
    counts = {at(9): 3, at(12): 1}
    series = [(one.start.hour, one.count) for one in hour_series(counts, at(8, 35), at(10, 20))]
    assert series == [(8, 0), (9, 3), (10, 0), (11, 0), (12, 1)]


@pytest.mark.parametrize(("hours", "name"), [(1, "1h"), (6, "6h"), (24, "24h"), (168, "7d")])
def test_windows_are_called_as_readers_ask_for_them(hours: int, name: str) -> None:
    assert name_window(hours) == name
