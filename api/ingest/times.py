"""Which time an error gets, and on which other days it may be stored already. Pure.

The day is part of an error's key, so Postgres itself refuses a second one on the same day. A retry may come to another
day than the first try where the time is the server's (none was sent, or one that cannot be right), where one that was
sent is at the edge of what is taken, or around midnight: only these are looked for on other days before they are stored
(api/storing/other_days.py, docs/decisions/0025).
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from api.storing.rows import LookBack
from common.settings import Settings

# Longer than from one process's judgement of an error until all others know of it: fifteen seconds for its request,
# its flush with all attempts, and a minute until each process has read the early days again.
SETTLED = timedelta(seconds=180)
# A sender that takes the time anew at each try comes to two days around midnight.
AROUND_MIDNIGHT = timedelta(minutes=10)
DAY = timedelta(days=1)
NO_DAYS: frozenset[date] = frozenset()


class Times(NamedTuple):
    """What the times of one request's errors are judged by. Those of the calm span, nearly all, need no more."""

    now: datetime
    oldest: datetime
    newest: datetime
    calm_from: datetime
    calm_until: datetime
    early: frozenset[date] | None

    @classmethod
    def at(cls, now: datetime, settings: Settings, early: frozenset[date] | None = NO_DAYS) -> "Times":
        """`early` are days of which errors were stored before they began; None where that is not known."""
        kept, taken = name_spans(settings.retention_days, settings.clock_ahead_max_seconds)
        oldest, newest = now - kept, now + taken
        midnight, calm_from, calm_until = find_calm(now.date())
        if early is None or now.date() in early or now - SETTLED < midnight:
            calm_until = calm_from
        return cls(now, oldest, newest, max(calm_from, oldest + SETTLED), min(calm_until, newest), early)

    def look_beside(self, at: datetime) -> LookBack | None:
        """Where an error of a time that is taken, and not calm, may be stored already."""
        day = at.date()
        if at < self.oldest + SETTLED or self.early is None or day in self.early:
            return self.look_everywhere()
        settled_day = (self.now - SETTLED).date()
        if settled_day < day or (at - AROUND_MIDNIGHT).date() < day or (at + AROUND_MIDNIGHT).date() > day:
            return LookBack(min(day - DAY, settled_day), day + DAY)
        return None

    def look_everywhere(self, at: datetime | None = None) -> LookBack:
        """Where an error may be that has the server's time, in place of `at` if there was one: on any day."""
        ahead = None
        if at is not None and self.now.date() < at.date() <= (self.now + (self.now - self.oldest)).date() + DAY:
            ahead = at.date()  # a day later than that, and the row is gone when its day comes
        return LookBack(self.oldest.date() - 2 * DAY, self.newest.date() + DAY, ahead)


@lru_cache(maxsize=8)
def name_spans(days: int, seconds: int) -> tuple[timedelta, timedelta]:
    """Remembered, as the next is: a frame is made for every few single errors."""
    return timedelta(days=days), timedelta(seconds=seconds)


@lru_cache(maxsize=8)
def find_calm(day: date) -> tuple[datetime, datetime, datetime]:
    """When a day begins, and from when to when its times are not around midnight."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight, midnight + AROUND_MIDNIGHT, midnight + DAY - AROUND_MIDNIGHT


def to_utc(sent: datetime) -> datetime | None:
    """In UTC, where a time without a zone is one already; None at the ends of the calendar. Times of one zone are
    compared in a tenth of the time that those of two take."""
    if sent.tzinfo is UTC:
        return sent
    try:
        return sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent.astimezone(UTC)
    except OverflowError:
        return None
