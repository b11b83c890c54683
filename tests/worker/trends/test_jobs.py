"""Which hours of other days a job would have run in, and what of their errors is expected again."""

from worker.trends.jobs import JOB_HOURS, PERIODS_DAYS, find_jobs, list_earlier_hours, list_job_hours

OLD = 100 * 24.0


def beyond(count: int, hours_ago: int) -> float:
    return count - 4.0 - hours_ago if count > 20 else 0.0


def test_the_hours_of_a_job_are_those_of_the_last_seven_and_the_one_after() -> None:
    assert list(list_job_hours(7)) == [167, 168, 169, 170, 171, 172, 173, 174]


def test_hours_that_the_series_has_are_not_asked_for_again() -> None:
    hours = list_earlier_hours(336)
    assert hours == sorted({hour for days in PERIODS_DAYS for hour in list_job_hours(days) if hour >= 336})
    assert hours[0] == 336


def test_what_stood_out_at_such_an_hour_is_expected_and_the_most_of_several_days() -> None:
    hourly = [4] * 336
    hourly[335 - 168] = 64
    assert find_jobs(hourly, {}, OLD, beyond) == [0, 60, 0, 0, 0, 0, 0, 0]
    assert find_jobs(hourly, {336: 104, 24 * 30 + 2: 54}, OLD, beyond) == [0, 100, 0, 48, 0, 0, 0, 0]


def test_a_pattern_has_no_job_of_before_it_was_seen() -> None:
    hourly = [64] * 336
    assert find_jobs(hourly, {}, 7 * 24 + JOB_HOURS - 1, beyond) == [0.0] * 8
    assert find_jobs([4] * 336, {24 * 30: 64}, 29 * 24 + JOB_HOURS, beyond) == [0.0] * 8
