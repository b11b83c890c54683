"""Each state from literal counts, bounds on any counts, and the seeded simulation in small."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dev.evaluation.trend_simulation import Series, SimulatedProject, simulate_project
from worker.trends import scores as trends
from worker.trends.scores import Activity, Score, score_trends

NOW = datetime(2026, 3, 18, 15, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=60)
STEADY = [3, 4, 5, 4] * 84  # fourteen days of four errors an hour


def activity(
    hourly: Sequence[int],
    last_hour: int = 0,
    last_six_hours: int = 0,
    *,
    first_seen: datetime = LONG_AGO,
    last_seen: datetime = NOW,
    resolved_at: datetime | None = None,
    earlier: Mapping[int, int] | None = None,
    earlier_days: Sequence[int] = (),
) -> Activity:
    return Activity(hourly, last_hour, last_six_hours, first_seen, last_seen, resolved_at, earlier or {}, earlier_days)


def score(one: Activity) -> Score:
    return score_trends({"it": one}, NOW)["it"]


def test_three_errors_within_a_day_are_new_and_two_are_not_yet() -> None:
    three = activity([0, 1, 2], 2, 3, first_seen=NOW - timedelta(hours=2))
    two = activity([0, 1, 1], 1, 2, first_seen=NOW - timedelta(hours=2))
    assert score(three) == Score("new")
    assert score(two) == Score("steady")


def test_a_pattern_is_no_longer_new_after_a_day() -> None:
    assert score(activity([9] * 26, 9, 54, first_seen=NOW - timedelta(hours=25))).trend == "steady"


def test_an_error_after_seven_silent_days_is_a_regression_for_a_day() -> None:
    assert score(activity([1] * 160 + [0] * 170 + [1] * 6, 1, 6, earlier_days=range(14, 60))).trend == "regressed"
    assert score(activity([0] * 335 + [1], 1, 1)).trend == "regressed"
    assert score(activity([1] * 130 + [0] * 170 + [1] * 36, 1, 6)).trend == "steady"


def test_an_error_after_six_silent_days_is_no_regression() -> None:
    assert score(activity([1] * 186 + [0] * 144 + [1] * 6, 1, 6)).trend != "regressed"


def test_silence_that_nobody_could_see_is_no_regression() -> None:
    assert score(activity([0] * 35 + [1], 1, 1)).trend == "steady"
    assert score(activity([0] * 335 + [1], 1, 1, first_seen=NOW - timedelta(days=5))).trend == "steady"


def test_a_resolved_pattern_that_comes_back_is_a_regression_for_a_day() -> None:
    resolved = NOW - timedelta(hours=40, minutes=10)
    silent = STEADY[:296] + [0] * 39
    assert score(activity([*silent, 1], 1, 1, resolved_at=resolved)).trend == "regressed"
    back_for_long = STEADY[:296] + [0] * 6 + [4] * 34
    assert score(activity(back_for_long, 4, 24, resolved_at=resolved)).trend == "steady"


def test_a_resolved_pattern_that_stays_away_is_no_regression() -> None:
    resolved = NOW - timedelta(hours=2)
    stayed = activity([*STEADY[:334], 0, 0], 0, 16, last_seen=NOW - timedelta(hours=3), resolved_at=resolved)
    assert score(stayed).trend == "steady"


def test_ten_times_the_usual_hour_is_spiking() -> None:
    found = score(activity([*STEADY[:334], 20, 20], 40, 60))
    assert (found.trend, found.window, found.count) == ("spiking", "1h", 40)
    assert found.expected == pytest.approx(4.1, abs=0.4)
    assert found.ratio == pytest.approx(40 / (found.expected or 0))
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.q_value == found.p_value


def test_three_times_the_usual_six_hours_is_rising() -> None:
    found = score(activity([*STEADY[:330], 12, 12, 12, 12, 12, 4], 9, 72))
    assert (found.trend, found.window, found.count) == ("rising", "6h", 72)


BURSTS = [8 * (hour % 24 == 7 * (hour // 24) % 24) for hour in range(331)]  # an hour a day, another one each day


def test_what_comes_in_bursts_is_told_once_it_is_beyond_all_of_them() -> None:
    beyond = score(activity([*BURSTS, 6, 6, 6, 6, 0], 0, 24))
    assert (beyond.trend, beyond.window) == ("rising", "6h")
    assert beyond.p_value is not None
    assert trends.HIGHEST_P < beyond.p_value <= trends.HIGHEST_RECORD_P
    assert score(activity([*BURSTS, 0, 0, 8, 0, 0], 0, 8)).trend == "steady"


def test_a_record_that_is_likely_is_none() -> None:
    likely = score(activity([*BURSTS, 4, 4, 4, 4, 0], 0, 16))
    assert likely.trend == "steady"
    assert likely.p_value is not None
    assert likely.p_value > trends.HIGHEST_RECORD_P


def test_a_pattern_that_stops_is_falling() -> None:
    found = score(activity([*STEADY[:329], 2, 0, 0, 0, 0, 0, 0], 0, 1))
    assert (found.trend, found.count) == ("falling", 1)
    assert found.expected == pytest.approx(24, abs=3)


def test_fewer_than_five_errors_never_spike() -> None:
    assert score(activity(([1] + [0] * 110) * 3 + [0, 0, 4], 4, 4)).trend == "steady"


def test_an_hour_that_is_not_twice_the_usual_never_spikes() -> None:
    assert score(activity([1000] * 334 + [900, 900], 1900, 6900)).trend == "steady"


def test_a_job_of_every_night_is_no_spike_when_it_runs() -> None:
    nightly = [100 if (15 - (335 - hour)) % 24 == 15 else 0 for hour in range(336)]
    assert score(activity(nightly, 100, 100)).trend == "steady"


def with_weekly_job(hours_off: int, errors: int = 60, hours: int = 1) -> list[int]:
    """Four errors an hour, and a job a week ago, so many hours later than now."""
    past = list(STEADY)
    for hour in range(hours):
        past[335 - 168 + hours_off - hour] = errors
    return past


@pytest.mark.parametrize("hours_off", [-1, 0, 1])
def test_a_job_of_every_week_is_no_spike_when_it_runs_nor_when_clocks_are_set(hours_off: int) -> None:
    assert score(activity([*with_weekly_job(hours_off)[:335], 60], 64, 84)).trend == "steady"


def test_a_weekly_job_of_some_hours_is_no_rise() -> None:
    past = with_weekly_job(0, hours=5)
    assert score(activity([*past[:331], 60, 60, 60, 60, 60], 60, 304)).trend == "steady"


def test_far_more_than_a_weekly_job_brings_is_spiking() -> None:
    found = score(activity([*with_weekly_job(0)[:335], 600], 600, 620))
    assert (found.trend, found.window, found.count) == ("spiking", "1h", 600)
    assert found.expected == pytest.approx(60, abs=2)


@pytest.mark.parametrize("hours_off", [-3, 3, 24])
def test_what_stood_out_a_week_ago_at_another_hour_hides_no_spike(hours_off: int) -> None:
    assert score(activity([*with_weekly_job(hours_off)[:335], 60], 64, 84)).trend == "spiking"


def test_a_pattern_that_is_not_a_week_old_has_no_weekly_job() -> None:
    young = activity([*with_weekly_job(0)[:335], 60], 64, 84, first_seen=NOW - timedelta(days=6))
    assert score(young).trend == "spiking"


@pytest.mark.parametrize("days", [14, 28, 29, 30, 31])
@pytest.mark.parametrize("hours_off", [-1, 0, 1])
def test_a_job_of_every_other_week_or_month_is_no_spike(days: int, hours_off: int) -> None:
    hours_ago = 24 * days + hours_off
    hourly = [40 if ago == hours_ago else 0 for ago in range(335, 0, -1)] + [40]
    job = activity(hourly, 40, 40, earlier={hours_ago: 40}, earlier_days=[days, 2 * days])
    assert score(job).trend == "steady"
    control = activity([0] * 335 + [40], 40, 40, earlier={24 * days + 5: 40}, earlier_days=[days, 2 * days])
    assert score(control).trend == "spiking"


@pytest.mark.parametrize("nights_since", [0, 1, 2])
@pytest.mark.parametrize("hour_then", [14, 16])
def test_a_job_of_a_local_time_is_no_spike_in_the_nights_after_clocks_were_set(
    nights_since: int, hour_then: int
) -> None:
    hourly = [0] * 336
    for day in range(14):
        is_after = day <= nights_since
        hourly[335 - 24 * day - (0 if is_after else NOW.hour - hour_then)] = 40
    assert score(activity(hourly, 40, 40)).trend == "steady"


def test_an_incident_of_last_week_hides_no_spike() -> None:
    past = STEADY[:150] + [300] * 8 + STEADY[158:334]
    assert score(activity([*past, 20, 20], 40, 60)).trend == "spiking"


def test_what_spikes_every_day_at_any_hour_does_not_spike_again() -> None:
    bursts = list(STEADY)
    for day in range(13):
        bursts[24 * day + (7 * day) % 24] = 60
    assert score(activity([*bursts[:334], 20, 20], 40, 60)).trend == "steady"


def test_the_order_of_the_patterns_does_not_matter() -> None:
    project = simulate_project(3, 60, "bursty")
    forward = score_project(project, "x5")
    activities = activities_of(project, "x5")
    backward = score_trends(dict(reversed(activities.items())), project.now)
    assert backward == forward


counts = st.one_of(st.integers(0, 3), st.integers(0, 10**12))


@settings(max_examples=60, deadline=None)
@given(
    hourly=st.lists(counts, max_size=400),
    last_hour=counts,
    more=counts,
    age=st.timedeltas(timedelta(hours=-1), timedelta(days=40)),
    resolved=st.none() | st.timedeltas(timedelta(0), timedelta(days=40)),
)
def test_any_counts_get_a_trend_and_sound_figures(
    hourly: list[int], last_hour: int, more: int, age: timedelta, resolved: timedelta | None
) -> None:
    one = Activity(hourly, last_hour, last_hour + more, NOW - age, NOW, NOW - resolved if resolved else None)
    found = score_trends({1: one, 2: activity(STEADY, 4, 24)}, NOW)[1]
    assert found.trend in {"new", "regressed", "spiking", "rising", "steady", "falling"}
    if found.p_value is not None:
        assert 0 <= found.p_value <= 1
        assert 0 <= (found.q_value or 0) <= 1
        assert math.isfinite(found.expected or 0)
        assert (found.expected or 0) > 0


@given(st.integers(1, 60))
def test_more_errors_in_the_last_hour_are_never_less_remarkable(count: int) -> None:
    fewer, more = (score(activity(STEADY, n, max(n, 24))) for n in (count, count + 1))
    if fewer.trend == "spiking":
        assert more.trend == "spiking"
        assert (more.p_value or 0) <= (fewer.p_value or 0)


def activities_of(project: SimulatedProject, change: str) -> dict[int, Activity]:
    return {i: as_activity(project, i, pattern.by_change[change]) for i, pattern in enumerate(project.patterns)}


def as_activity(project: SimulatedProject, index: int, series: Series) -> Activity:
    return activity(
        series.hourly,
        series.last_hour,
        series.last_six_hours,
        first_seen=project.patterns[index].first_seen,
        last_seen=project.now,
    )


def score_project(project: SimulatedProject, change: str) -> dict[int, Score]:
    return score_trends(activities_of(project, change), project.now)


def test_simulated_weekly_jobs_are_called_half_as_often_as_without_their_week(monkeypatch: pytest.MonkeyPatch) -> None:
    project = simulate_project(7, 600, "modelled")
    called = share_of_jobs_called(project, "weekly x10")
    assert share_of_jobs_called(project, "three times that") > 1.5 * called
    monkeypatch.setattr(trends, "find_jobs", lambda *_: [0.0] * 8)
    assert share_of_jobs_called(project, "weekly x10") > 2 * called


def share_of_jobs_called(project: SimulatedProject, name: str) -> float:
    """Of the patterns that are old enough every twentieth has the job."""
    jobs = [index for index, pattern in enumerate(project.patterns) if pattern.weekly][::20]
    series = [p.weekly[name] if i in jobs else p.by_change["quiet"] for i, p in enumerate(project.patterns)]
    scores = score_trends({i: as_activity(project, i, one) for i, one in enumerate(series)}, project.now)
    return sum(scores[index].trend in {"spiking", "rising"} for index in jobs) / len(jobs)


def share_called(project: SimulatedProject, change: str) -> float:
    scores = score_project(project, change).values()
    return sum(one.trend in {"spiking", "rising"} for one in scores) / len(scores)


@pytest.mark.parametrize(
    ("setting", "least_x5", "least_x10", "least_rise"), [("modelled", 0.42, 0.72, 0.48), ("bursty", 0.24, 0.52, 0.25)]
)
def test_simulated_changes_are_found_and_quiet_patterns_left_alone(
    setting: str, least_x5: float, least_x10: float, least_rise: float
) -> None:
    project = simulate_project(7, 600, setting)
    assert share_called(project, "quiet") <= 0.003
    assert share_called(project, "x5") >= least_x5
    assert share_called(project, "x10") >= least_x10
    assert share_called(project, "rise to x5") >= least_rise
