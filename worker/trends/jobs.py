"""Jobs that come again: what stood out at this hour of another day is expected again. Pure."""

from collections.abc import Callable, Mapping, Sequence

PERIODS_DAYS = (7, 14, 28, 29, 30, 31)  # of every week, of every other one, of every month
JOB_HOURS = 7  # clock hours that the last six hours touch


def list_job_hours(days: int) -> range:
    """The hours, as hours before this one, in which a job would have run so many days ago that runs now: those of the last
    seven hours, and the one after, since clocks are set back and forth."""
    return range(24 * days - 1, 24 * days + JOB_HOURS)


def list_earlier_hours(known_hours: int) -> list[int]:
    """All such hours that a series of so many hours has not, as hours before this one."""
    hours = {hour for days in PERIODS_DAYS for hour in list_job_hours(days)}
    return sorted(hour for hour in hours if hour >= known_hours)


def find_jobs(
    hourly: Sequence[int],
    earlier: Mapping[int, int],
    age_hours: float,
    beyond: Callable[[int, int], float],
) -> list[float]:
    """The errors beyond the expected in the same hours of one of these days before, 0 where none stood out.

    Newest first: the hour after this one, this one, and the six before it. `hourly`: errors per clock hour, the newest last;
    `earlier`: those of hours before these, by hours before this one. `age_hours`: since it was first seen. `beyond(count,
    hours_ago)`: how many of so many errors are beyond what is expected at the hour of the day so many hours ago, 0 where they
    do not stand out.
    """
    jobs = [0.0] * (JOB_HOURS + 1)
    for days in PERIODS_DAYS:
        if age_hours < 24 * days + JOB_HOURS:
            break
        for place, hour in enumerate(list_job_hours(days)):
            count = hourly[-1 - hour] if hour < len(hourly) else earlier.get(hour, 0)
            jobs[place] = max(jobs[place], beyond(count, place - 1))
    return jobs
