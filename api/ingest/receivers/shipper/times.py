"""When a log record was made, from the texts and numbers that loggers write. Pure.

Epochs are told apart by their size: below 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds, above
nanoseconds. A text without a zone is in the zone that is told, without a year in the year that brings it nearest to now.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
# What stands where in a text: each form is anchored, and no repeat in it is without bound.
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:[.,:](?P<fraction>\d{1,9}))?"
_HALF = r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
_ZONE_NAME = r"(?:UTC|GMT|CES?T|[ECMP][SD]T|BST|WES?T|EES?T|MSK|IST|JST)(?![A-Za-z])"
_ZONE = rf"(?: ?(?P<zone>Z(?![A-Za-z])|[+-]\d\d(?::?\d\d)?(?![\d:])|{_ZONE_NAME})(?: {_ZONE_NAME})?)?"
_NAMED = r"(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?"
_COMPACT = (
    r"[T -]?(?P<hour>[0-2]\d):?(?P<minute>[0-5]\d):?(?P<second>[0-5]\d)"
    rf"(?:[.,](?P<fraction>\d{{1,9}}))?{_ZONE}"
)
_ZONE_AND_YEAR = r"(?: (?P<zone>[A-Z]{3,4}|[+-]\d{4})(?= \d{4}))?(?: (?P<year>(?:19|20)\d\d)(?!\d))?"
FORMS = (
    # 2024-01-02T15:04:05.123Z, 2024/01/02 15:04:05, 2024-01-02 15:04:05,123 +0100
    rf"(?P<year>\d{{4}})(?P<dash>[-/.])(?P<month>\d{{1,2}})(?P=dash)(?P<day>\d{{1,2}})(?:[T ]{{1,2}}|-){_CLOCK}{_HALF}{_ZONE}",
    # 20240102T150405Z, 20240102 15:04:05
    r"(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)" + _COMPACT,
    # 02/Jan/2024:15:04:05 +0000, 02-Jan-2024 15:04:05.123, Tue, 02 Jan 2024 15:04:05 GMT
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})[-/ ]{_NAMED}[-/ ](?P<year>\d{{4}})(?:::?| |, ){_CLOCK}{_HALF}{_ZONE}",
    # Jan 2, 2024 3:04:05 PM, Jan 02 2024 15:04:05
    rf"{_WEEKDAY}{_NAMED} {{1,2}}(?P<day>\d{{1,2}}),? (?P<year>\d{{4}}),? (?:at )?{_CLOCK}{_HALF}{_ZONE}",
    # Tue Jan 02 15:04:05.123456 2024, Jan  2 15:04:05, Tue Jan 2 15:04:05 UTC 2024
    rf"{_WEEKDAY}{_NAMED} {{1,2}}(?P<day>\d{{1,2}}) {_CLOCK}{_ZONE_AND_YEAR}",
    # 01/02/2024 15:04:05, 1/2/2024 3:04:05 PM, 13.01.2024 15:04:05
    rf"(?P<first>\d{{1,2}})(?P<dash>[/.-])(?P<then>\d{{1,2}})(?P=dash)(?P<year>\d{{4}}),? {{1,2}}{_CLOCK}{_HALF}{_ZONE}",
    # 0102 15:04:05.123456 (glog), 01-02 15:04:05.123 (Android)
    rf"(?P<month>[01]\d)-?(?P<day>[0-3]\d) {_CLOCK}",
    # 24/01/02 15:04:05 (Spark), 2024-01-02
    rf"(?P<short>\d\d)/(?P<month>[01]\d)/(?P<day>[0-3]\d) {_CLOCK}{_ZONE}",
    r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)",
)
TEXTS = tuple(re.compile(form) for form in FORMS)
TEXT_CHARS = 64  # more is no time
EPOCH = re.compile(r"-?\d{9,20}(?:\.\d{1,9})?")
LEAST_EPOCH = 10**8  # in 1973; less is a count, an uptime or a status
UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "CET": 1, "CEST": 2, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7,
         "MDT": -6, "PST": -8, "PDT": -7, "BST": 1, "WET": 0, "WEST": 1, "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5,
         "JST": 9}  # fmt: skip
AHEAD = timedelta(days=2)  # a text without a year may be this far after now


class Clock(NamedTuple):
    """What times are read by: now, and the zone of texts that name none."""

    now: datetime
    zone: tzinfo = UTC


def read_time(value: Any, clock: Clock) -> datetime | None:
    """The instant that a value of JSON says, in UTC; None where it is no time."""
    if isinstance(value, str):
        return read_text(value.strip(), clock)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return read_epoch(value)
    return read_parts(value, clock) if isinstance(value, dict) else None


def read_epoch(number: float) -> datetime | None:
    """Of seconds, milliseconds, microseconds or nanoseconds, by the size of the number."""
    if not LEAST_EPOCH <= number < UNITS[-1][0]:  # NaN is neither
        return None
    unit = next(unit for end, unit in UNITS if number < end)
    whole, rest = divmod(number, unit)
    micros = round(rest * 10**6 / unit)
    try:
        return datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=micros)
    except (OverflowError, ValueError, OSError):
        return None


def read_parts(parts: Mapping[str, Any], clock: Clock) -> datetime | None:
    """Of `{"epochSecond": 1, "nanoOfSecond": 2}`, `{"seconds": 1, "nanos": 2}`, `{"$date": ...}` and the like."""
    seconds = next((parts[name] for name in ("epochSecond", "seconds") if name in parts), None)
    if isinstance(seconds, int) and not isinstance(seconds, bool):
        at = read_epoch(seconds)
        nanos = next((parts[name] for name in ("nanoOfSecond", "nanos") if name in parts), 0)
        micros = nanos // 1_000 if isinstance(nanos, int) and 0 <= nanos < 10**9 else 0
        return at + timedelta(microseconds=micros) if at else None
    for name in ("$date", "timestamp", "repr", "iso"):
        if isinstance(parts.get(name), str | int | float):
            return read_time(parts[name], clock)
    return None


def read_text(text: str, clock: Clock) -> datetime | None:
    """Of a text that is a time and nothing else."""
    text = text.strip("[]\"' ")
    if not text or len(text) > TEXT_CHARS:
        return None
    if EPOCH.fullmatch(text):
        return read_epoch(float(text) if "." in text else int(text))
    found = match_text(text)
    return instant_of(found, clock) if found else None


def match_text(text: str, start: int = 0) -> re.Match[str] | None:
    """Where a time stands at this place of a text, by the first form that it has."""
    for form in TEXTS:
        if found := form.match(text, start):
            return found
    return None


def instant_of(found: re.Match[str], clock: Clock) -> datetime | None:
    """In UTC; None where there is no such day or hour."""
    parts = {name: value for name, value in found.groupdict().items() if value}
    try:
        zone = zone_of(parts.get("zone", ""), clock)
        at = datetime(year_of(parts, clock), *day_of(parts), *clock_of(parts), tzinfo=zone)
        if not ({"year", "short"} & parts.keys()) and at > clock.now + AHEAD:
            at = at.replace(year=at.year - 1)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def year_of(parts: Mapping[str, str], clock: Clock) -> int:
    if "short" in parts:
        return 2_000 + int(parts["short"])
    return int(parts["year"]) if "year" in parts else clock.now.year


def day_of(parts: Mapping[str, str]) -> tuple[int, int]:
    """Month and day. Of two numbers the first is the month, unless a dot or its size says that it is the day."""
    if "name" in parts:
        return MONTHS[parts["name"].lower()], int(parts["day"])
    if "month" in parts:
        return int(parts["month"]), int(parts["day"])
    first, then = int(parts["first"]), int(parts["then"])
    is_day_first = first > 12 or parts["dash"] == "."
    return (then, first) if is_day_first else (first, then)


def clock_of(parts: Mapping[str, str]) -> tuple[int, int, int, int]:
    hour, minute, second = (int(parts.get(name, 0)) for name in ("hour", "minute", "second"))
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half in "pP" else 0)
    return (
        hour,
        minute,
        min(second, 59),
        int(parts.get("fraction", "0").ljust(6, "0")[:6]),
    )  # a leap second is the one before


def zone_of(name: str, clock: Clock) -> tzinfo:
    """Of `+02:00`, `Z`, `CEST`; the one that is told where it is none that is known."""
    if name[:1] in ("+", "-"):
        digits = name[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
        return timezone(-offset if name[0] == "-" else offset)
    return timezone(timedelta(hours=ZONES[name])) if name in ZONES else clock.zone
