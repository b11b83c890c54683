"""Periods are calendar spans in a zone: they meet without gap or overlap, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.budgets.periods import (
    PeriodKind,
    UnknownZone,
    find_zone,
    local_day,
    parse_month,
    period_at,
    share_elapsed,
    span_period,
    utc_day,
)

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # parts are year to second


def test_a_month_in_berlin_begins_at_its_own_midnight() -> None:
    march = period_at(utc(2026, 2, 28, 23, 30), PeriodKind.month, BERLIN)
    assert (march.first, march.end) == (date(2026, 3, 1), date(2026, 4, 1))
    assert (march.starts_at, march.ends_at) == (utc(2026, 2, 28, 23), utc(2026, 3, 31, 22))
    assert march.ends_at - march.starts_at == timedelta(days=31, hours=-1)


def test_weeks_begin_on_monday_and_hold_the_change_of_clocks() -> None:
    week = period_at(utc(2026, 11, 1, 12), PeriodKind.week, NEW_YORK)
    assert (week.first, week.end) == (date(2026, 10, 26), date(2026, 11, 2))
    assert week.ends_at - week.starts_at == timedelta(days=7, hours=1)
    assert len(week.days()) == 7


def test_neighbours_meet() -> None:
    december = span_period(PeriodKind.month, date(2026, 12, 31), BERLIN)
    assert december.following.first == date(2027, 1, 1)
    assert december.previous.first == date(2026, 11, 1)
    assert december.following.previous == december


def test_complete_days_are_those_that_are_over_there() -> None:
    month = parse_month("2026-03", BERLIN)
    assert month.complete_days(utc(2026, 3, 2, 22, 59)) == [date(2026, 3, 1)]
    assert month.complete_days(utc(2026, 3, 2, 23)) == [date(2026, 3, 1), date(2026, 3, 2)]
    assert len(month.complete_days(utc(2027, 1, 1))) == 31


def test_half_of_a_day_of_23_hours() -> None:
    spring = date(2026, 3, 29)
    assert share_elapsed(spring, utc(2026, 3, 28, 23), BERLIN) == 0.0
    assert share_elapsed(spring, utc(2026, 3, 29, 10, 30), BERLIN) == 0.5
    assert share_elapsed(spring, utc(2026, 3, 29, 22), BERLIN) == 1.0


def test_where_midnight_is_skipped_the_day_begins_when_the_clock_jumps() -> None:
    day = span_period(PeriodKind.day, date(2026, 9, 6), ZoneInfo("America/Santiago"))
    assert day.starts_at == utc(2026, 9, 6, 4)
    assert day.ends_at - day.starts_at == timedelta(hours=23)


def test_a_day_that_a_country_skipped_has_no_length() -> None:
    skipped = span_period(PeriodKind.day, date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert skipped.starts_at == skipped.ends_at


def test_days_never_run_backwards_where_clocks_go_back_over_midnight() -> None:
    # on 2010-11-07 St John's went from 00:01 back to 23:01 of the day before
    zone = ZoneInfo("America/St_Johns")
    assert local_day(utc(2010, 11, 7, 2, 30, 30), zone) == date(2010, 11, 7)
    assert local_day(utc(2010, 11, 7, 3, 0), zone) == date(2010, 11, 7)


@pytest.mark.parametrize(
    ("kind", "starts_on", "day", "first", "end"),
    [
        (PeriodKind.week, 7, date(2026, 11, 29), date(2026, 11, 29), date(2026, 12, 6)),  # a Sunday
        (PeriodKind.week, 7, date(2026, 11, 28), date(2026, 11, 22), date(2026, 11, 29)),
        (PeriodKind.week, 3, date(2026, 11, 24), date(2026, 11, 18), date(2026, 11, 25)),
        (PeriodKind.month, 26, date(2026, 11, 25), date(2026, 10, 26), date(2026, 11, 26)),
        (PeriodKind.month, 26, date(2026, 11, 26), date(2026, 11, 26), date(2026, 12, 26)),
        (PeriodKind.month, 15, date(2027, 1, 1), date(2026, 12, 15), date(2027, 1, 15)),
        (PeriodKind.month, 31, date(2026, 2, 27), date(2026, 1, 31), date(2026, 2, 28)),
        (PeriodKind.month, 31, date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 31)),
        (PeriodKind.month, 31, date(2026, 4, 30), date(2026, 4, 30), date(2026, 5, 31)),
    ],
)
def test_fiscal_periods_begin_where_they_are_said_to(
    kind: PeriodKind, starts_on: int, day: date, first: date, end: date
) -> None:
    period = span_period(kind, day, BERLIN, starts_on)
    assert (period.first, period.end) == (first, end)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(
        [
            (PeriodKind.day, 1),
            *((PeriodKind.week, day) for day in range(1, 8)),
            *((PeriodKind.month, day) for day in range(1, 32)),
        ]
    ),
    st.sampled_from(ZONES).map(ZoneInfo),
)
def test_every_instant_is_in_one_period(
    instant: datetime, kind_and_start: tuple[PeriodKind, int], zone: ZoneInfo
) -> None:
    period = period_at(instant, kind_and_start[0], zone, kind_and_start[1])
    assert period.starts_at <= instant < period.ends_at
    assert period.following.starts_at == period.ends_at
    assert period.previous.ends_at == period.starts_at
    assert instant.astimezone(zone).date() in (local_day(instant, zone), local_day(instant, zone) - timedelta(days=1))


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "America", "a" * 5_000, "Europe/Berl\0in"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone, match="Europe/Berlin"):
        find_zone(name)


def test_a_known_zone_is_found() -> None:
    assert find_zone("Europe/Berlin") is BERLIN


@pytest.mark.parametrize("text", ["2026-13", "2026-2", "0000-01", "2026-02-01", "", "٢٠٢٦-02"])
def test_a_month_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="written as 2026-02"):
        parse_month(text, BERLIN)


def test_the_utc_day_of_an_instant_elsewhere() -> None:
    assert utc_day(datetime(2026, 3, 1, 0, 30, tzinfo=BERLIN)) == date(2026, 2, 28)
    with pytest.raises(ValueError, match="time zone"):
        utc_day(datetime(2026, 3, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        local_day(datetime(2026, 3, 1), BERLIN)  # noqa: DTZ001
