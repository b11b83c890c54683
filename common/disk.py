"""How fast errors fill the disk, and on which day it is full. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta

WHOLE_DAYS = 7


def grow_per_day(days: Mapping[date, int], today: date) -> float | None:
    """Mean bytes of the last seven whole days, or of as many as there are; None before the first.

    `days` has the bytes of each day's partition from the first that holds errors.
    """
    whole = [size_bytes for day, size_bytes in days.items() if today - timedelta(days=WHOLE_DAYS) <= day < today]
    return sum(whole) / len(whole) if whole else None


def find_full_day(
    days: Mapping[date, int], growth_bytes: float, today: date, *, used_bytes: int, disk_bytes: int, retention_days: int
) -> date | None:
    """The day on which `disk_bytes` are used at this pace; None when retention takes away what comes before that.

    Each day adds `growth_bytes` and takes the partition that the worker drops on it. After a whole retention as much
    goes as comes, so later days bring nothing new.
    """
    used = float(used_bytes)
    for ahead in range(retention_days + 2):
        day = today + timedelta(days=ahead)
        if ahead:
            dropped = day - timedelta(days=retention_days + 1)
            used += growth_bytes - (days.get(dropped, 0) if dropped < today else growth_bytes)
        if used > disk_bytes:
            return day
    return None
