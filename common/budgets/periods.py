"""Calendar days, weeks and months in a time zone, as spans of UTC time; and the UTC day that errors are kept by. Pure."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class PeriodKind(StrEnum):
    """How long a budget's period is. Weeks begin on Monday and months on the first, unless a budget says otherwise."""

    day = "day"
    week = "week"
    month = "month"


class UnknownZone(ValueError):
    """A time zone that is not in the IANA database."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days `first` up to, not with, `end`, in a zone. `starts_on` as in `span_period`."""

    kind: PeriodKind
    first: date
    end: date
    zone: ZoneInfo
    starts_on: int = 1

    @property
    def starts_at(self) -> datetime:
        """First instant, UTC."""
        return find_midnight(self.first, self.zone)

    @property
    def ends_at(self) -> datetime:
        """First instant after it, UTC."""
        return find_midnight(self.end, self.zone)

    @property
    def following(self) -> "Period":
        """The period after it."""
        return span_period(self.kind, self.end, self.zone, self.starts_on)

    @property
    def previous(self) -> "Period":
        """The period before it."""
        return span_period(self.kind, self.first - timedelta(days=1), self.zone, self.starts_on)

    def days(self) -> list[date]:
        """Its days in order."""
        return [self.first + timedelta(days=n) for n in range((self.end - self.first).days)]

    def complete_days(self, now: datetime) -> list[date]:
        """Those of its days that are over at `now`."""
        return [day for day in self.days() if find_midnight(day + timedelta(days=1), self.zone) <= now]


def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name such as Europe/Berlin. Raises UnknownZone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"no time zone is called {name[:60]!r}: give an IANA name such as Europe/Berlin") from error


def find_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant, UTC, at which a day begins. Where clocks skip midnight, that at which they skip it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def period_at(instant: datetime, kind: PeriodKind, zone: ZoneInfo, starts_on: int = 1) -> Period:
    """The period that holds an instant. Raises ValueError on one without a time zone."""
    return span_period(kind, local_day(instant, zone), zone, starts_on)


def span_period(kind: PeriodKind, day: date, zone: ZoneInfo, starts_on: int = 1) -> Period:
    """The period that holds a day. `starts_on` is the day of the week that weeks begin on, 1 (Monday) to 7, or the day of the
    month that months begin on, 1 to 31: where a month is shorter, its last. Days have no such."""
    if kind is PeriodKind.day:
        return Period(kind, day, day + timedelta(days=1), zone)
    if kind is PeriodKind.week:
        first = day - timedelta(days=(day.isoweekday() - starts_on) % 7)
        return Period(kind, first, first + timedelta(days=7), zone, starts_on)
    this = day.replace(day=1)
    first, end = begin_month(this, starts_on), begin_month(this + timedelta(days=31), starts_on)
    if day < first:
        first, end = begin_month(this - timedelta(days=1), starts_on), first
    return Period(kind, first, end, zone, starts_on)


def begin_month(day: date, starts_on: int) -> date:
    """The day that a period begins on in the calendar month of a day."""
    return day.replace(day=min(starts_on, monthrange(day.year, day.month)[1]))


def parse_month(text: str, zone: ZoneInfo) -> Period:
    """The month written as 2026-02. Raises ValueError, also for the calendar's two ends, which not every zone has."""
    match = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if match is None or not 1 < int(match[1]) < 9999:
        raise ValueError(f"a month is written as 2026-02, not {text[:20]!r}")
    return span_period(PeriodKind.month, date(int(match[1]), int(match[2]), 1), zone)


def first_whole_month(now: datetime, days: int) -> date:
    """The first of the oldest month that is kept whole, in every zone, where sums are kept for so many days.

    Only whole months go, so that no report shows a month without its first days.
    """
    return utc_day(now - timedelta(days=days)).replace(day=1)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day that an instant falls on in a zone.

    Where clocks are set back over midnight the new day has begun already: days never run backwards.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    day = instant.astimezone(zone).date()
    after = day + timedelta(days=1)
    return after if find_midnight(after, zone) <= instant else day


def share_elapsed(day: date, now: datetime, zone: ZoneInfo) -> float:
    """Share of a day that is over, 0 to 1; a day may have 23 or 25 hours."""
    start, end = find_midnight(day, zone), find_midnight(day + timedelta(days=1), zone)
    if now <= start:
        return 0.0
    return 1.0 if now >= end else (now - start) / (end - start)


def utc_day(instant: datetime) -> date:
    """The UTC date of an instant: the day that an error is kept under."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).date()
