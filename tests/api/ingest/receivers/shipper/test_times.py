"""Times in the many forms that loggers write, and epochs told apart by their size."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ingest.receivers.shipper.times import Clock, read_time

CLOCK = Clock(datetime(2026, 11, 29, 12, tzinfo=UTC))
AT = datetime(2026, 11, 23, 18, 4, 5, tzinfo=UTC)

TEXTS = [
    "2026-11-23T18:04:05Z", "2026-11-23 18:04:05", "2026-11-23T18:04:05.000000000Z", "2026-11-23 18:04:05,000",
    "2026-11-23T19:04:05+01:00", "2026-11-23 13:04:05 -0500", "2026-11-23 18:04:05.000 UTC",
    "2026-11-23 18:04:05 +0000 UTC", "2026/11/23 18:04:05", "20261123T180405Z", "20261123 18:04:05",
    "23/Nov/2026:18:04:05 +0000", "23-Nov-2026 18:04:05.000", "Mon, 23 Nov 2026 18:04:05 GMT",
    "Mon Nov 23 18:04:05.000000 2026", "Mon Nov 23 18:04:05 UTC 2026", "Nov 23 18:04:05", "Nov 23 2026 18:04:05",
    "Nov 23, 2026 6:04:05 PM", "11/23/2026 6:04:05 PM", "23.11.2026 18:04:05", "26/11/23 18:04:05",
    "1123 18:04:05.000000", "11-23 18:04:05.000", "2026-11-23 19:04:05 CET", "[2026-11-23 18:04:05]", "1795457045",
    "1795457045.000", "1795457045000", "1795457045000000", "1795457045000000000",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    assert read_time(text, CLOCK) == AT


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_epochs_by_their_size(unit: int) -> None:
    assert read_time(1_795_457_045 * unit, CLOCK) == AT
    assert read_time(str(1_795_457_045 * unit), CLOCK) == AT


def test_fractions_are_kept() -> None:
    assert read_time(1_795_457_045.25, CLOCK) == AT + timedelta(milliseconds=250)
    assert read_time(1_795_457_045_250, CLOCK) == AT + timedelta(milliseconds=250)
    assert read_time("2026-11-23T18:04:05.123456789Z", CLOCK) == AT + timedelta(microseconds=123_456)


@pytest.mark.parametrize(
    "parts",
    [
        {"epochSecond": 1_795_457_045, "nanoOfSecond": 0},
        {"seconds": 1_795_457_045, "nanos": 0},
        {"$date": "2026-11-23T18:04:05Z"},
        {"repr": "2026-11-23 18:04:05+00:00", "timestamp": 1_795_457_045.0},
    ],
)
def test_objects(parts: dict[str, object]) -> None:
    assert read_time(parts, CLOCK) == AT


def test_a_time_without_a_year_is_the_last_one() -> None:
    assert read_time("Dec 24 18:00:00", CLOCK) == datetime(2025, 12, 24, 18, tzinfo=UTC)
    new_year = Clock(datetime(2027, 1, 1, 0, 1, tzinfo=UTC))
    assert read_time("Dec 31 23:59:59", new_year) == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_time_without_a_zone_is_in_the_one_that_is_told() -> None:
    berlin = Clock(CLOCK.now, ZoneInfo("Europe/Berlin"))
    assert read_time("2026-11-23 19:04:05", berlin) == AT
    assert read_time("2026-11-23T18:04:05Z", berlin) == AT


@pytest.mark.parametrize(
    "value", ["", "12:00", "2026-13-41 00:00:00", "yesterday", 12, 4_711, True, None, {}, [], 1e300, float("nan")]
)
def test_what_is_no_time(value: object) -> None:
    assert read_time(value, CLOCK) is None


@given(
    st.text(max_size=70)
    | st.floats()
    | st.integers()
    | st.dictionaries(st.sampled_from(("seconds", "nanos", "$date")), st.integers() | st.text())
)
def test_anything_is_a_time_in_utc_or_none(value: object) -> None:
    found = read_time(value, CLOCK)
    assert found is None or found.utcoffset() == timedelta(0)
