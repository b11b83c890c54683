"""When the disk is full at this pace."""

from datetime import date, timedelta

from common.disk import find_full_day, grow_per_day

TODAY = date(2026, 3, 10)


def days_back(*sizes: int) -> dict[date, int]:
    """Partitions from today back."""
    return {TODAY - timedelta(days=n): size for n, size in enumerate(sizes)}


def test_growth_is_the_mean_of_the_last_seven_whole_days() -> None:
    assert grow_per_day(days_back(5, 10, 20, 30), TODAY) == 20
    assert grow_per_day(days_back(5, *[10] * 7, 1_000), TODAY) == 10
    assert grow_per_day(days_back(5) | {TODAY + timedelta(days=1): 1}, TODAY) is None


def full_day(used: int, disk: int, retention_days: int = 30, days: dict[date, int] | None = None) -> date | None:
    return find_full_day(
        days or days_back(100, 100), 100, TODAY, used_bytes=used, disk_bytes=disk, retention_days=retention_days
    )


def test_the_disk_is_full_when_growth_has_used_what_is_left() -> None:
    assert full_day(used=200, disk=650) == TODAY + timedelta(days=5)
    assert full_day(used=700, disk=650) == TODAY


def test_retention_takes_away_what_comes_so_that_the_disk_is_never_full() -> None:
    assert full_day(used=200, disk=650, retention_days=3) is None
    assert full_day(used=200, disk=350, retention_days=3) == TODAY + timedelta(days=2)


def test_a_large_day_that_is_dropped_makes_room() -> None:
    days = days_back(100, 100, 100, 500)
    assert full_day(used=800, disk=850, retention_days=3, days=days) is None
    assert full_day(used=800, disk=850, retention_days=4, days=days) == TODAY + timedelta(days=1)
