"""What each pattern does now, from its counts: the pure score that the patterns job asks. Sources: docs/trends.md."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from worker.trends.baselines import Baseline, Past, learn_habits, summarize_past
from worker.trends.jobs import JOB_HOURS, find_jobs
from worker.trends.records import is_record
from worker.trends.returns import hours_since_return, is_back_from_silence
from worker.trends.tails import adjust_p_values, lower_tail, upper_tail

Trend = Literal["new", "regressed", "spiking", "rising", "steady", "falling"]
Window = Literal["1h", "6h"]
Key = TypeVar("Key", bound=Hashable)

HOUR = timedelta(hours=1)
HISTORY_HOURS = 14 * 24
FRESH_HOURS = 24  # so long a pattern is new, or regressed
NEW_COUNT = 3
LEAST_COUNT = 5
LEAST_RATIO = 2.0
HIGHEST_P = 0.002
HIGHEST_Q = 0.1
HIGHEST_RECORD_P = 0.02  # of a count beyond all that the pattern has done
WINDOW_HOURS: dict[Window, int] = {"1h": 1, "6h": 6}
WINDOW_SHARES: dict[Window, float] = {"1h": 0.75, "6h": 0.25}  # of the false alarms that a pattern may have
RECENT_HOURS = JOB_HOURS  # kept out of the baseline
LEAST_PAST_COUNT = 24  # fewer tell nothing of habits


@dataclass(frozen=True, slots=True)
class Activity:
    """One pattern's counts. All times are aware.

    `hourly`: errors per UTC clock hour, oldest first, without gaps; the last entry is the hour that `now` is in, so
    it is partial. The last 336 are used, or those since `first_seen`. `last_hour`, `last_six_hours`: errors in the 60
    and 360 minutes before `now`. `received_at`: when its newest error was, by the clock that decisions are dated by.
    `resolved_at`: when people said that it is resolved; None where they did not, or have taken it back. `earlier`: errors
    of the clock hours before `hourly` that `list_earlier_hours` names, by hours before now. `earlier_days`: the days before
    `hourly` on which it was seen, as days before now.
    """

    hourly: Sequence[int]
    last_hour: int
    last_six_hours: int
    first_seen: datetime
    received_at: datetime
    resolved_at: datetime | None = None
    earlier: Mapping[int, int] = field(default_factory=dict)
    earlier_days: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A trend and its reason: `count` errors in `window` where `expected` were, `ratio` between the two, `p_value` of
    a count so far off, `q_value` after all patterns of the run are weighed. All None where nothing was tested."""

    trend: Trend
    window: Window | None = None
    count: int | None = None
    expected: float | None = None
    ratio: float | None = None
    p_value: float | None = None
    q_value: float | None = None


@dataclass(frozen=True, slots=True)
class WindowTest:
    """A count against what was expected. `is_large`: enough errors, and far enough off, to be reported at all; `is_record`: and
    beyond all that the pattern has done (`worker/trends/records.py`)."""

    trend: Trend
    window: Window
    count: int
    expected: float
    p_value: float
    is_large: bool
    is_record: bool = False

    def rank(self, q_value: float) -> int:
        """2 where it is significant by itself and among the others of the run, 1 where it is a record and not likely, else 0:
        nothing to report."""
        if self.is_large and self.p_value <= HIGHEST_P and q_value <= HIGHEST_Q:
            return 2
        return int(self.is_record and self.p_value <= HIGHEST_RECORD_P)


def score_trends(activities: Mapping[Key, Activity], now: datetime) -> dict[Key, Score]:
    """The trend of each pattern of one run (one project); the order of the patterns does not matter."""
    named = {key: name_return(one, now) for key, one in activities.items()}
    tested = {key: activities[key] for key, trend in named.items() if trend is None}
    pasts = {key: past for key, one in tested.items() if (past := past_of(one, now))}
    habits = learn_habits(pasts.values())
    rises: list[tuple[Key, WindowTest]] = []
    falls: list[tuple[Key, WindowTest]] = []
    for key, past in pasts.items():
        baseline = Baseline.of(past, habits)
        rises += [(key, test) for test in find_rises(tested[key], baseline, now)]
        falls.append((key, find_fall(tested[key], baseline, now)))
    up, down = weigh(rises, len(tested)), weigh(falls, len(tested))
    fallen = {key: score for key, score in down.items() if score.trend == "falling" and up[key].trend == "steady"}
    scores = up | fallen
    return {key: Score(trend) if trend else scores.get(key, Score("steady")) for key, trend in named.items()}


def name_return(activity: Activity, now: datetime) -> Trend | None:
    """new or regressed, for a day; steady where a pattern is too young and rare for more; else None: to be tested."""
    if has_returned(activity, now):
        return "regressed"
    if activity.first_seen > now - FRESH_HOURS * HOUR:
        return "new" if sum(activity.hourly) >= NEW_COUNT else "steady"
    return None


def has_returned(activity: Activity, now: datetime) -> bool:
    """Seen in the last day for the first time since it was resolved, or after a silence that is not its way."""
    hourly = activity.hourly[-HISTORY_HOURS:]
    back_for = hours_since_return(hourly, FRESH_HOURS)
    if not back_for:
        return False
    resolved_at = activity.resolved_at
    if resolved_at is not None and activity.received_at > resolved_at:
        hours_since = max(0, int((_hour_of(now) - resolved_at) / HOUR))
        return not any(hourly[-hours_since - 1 : -FRESH_HOURS])
    return is_back_from_silence(hourly, back_for, activity.earlier_days, (now - activity.first_seen) / HOUR)


def past_of(activity: Activity, now: datetime) -> Past | None:
    """The summary of the hours before the last six; None where there are none, or too few errors in them and now to test."""
    hourly = hours_of_past(activity, now)
    quiet = activity.last_six_hours < LEAST_COUNT and sum(hourly) < LEAST_PAST_COUNT
    if not hourly or quiet:
        return None
    return summarize_past(hourly, (now.hour + 1 - RECENT_HOURS) % 24)


def hours_of_past(activity: Activity, now: datetime) -> Sequence[int]:
    """The errors per clock hour since it was first seen, without the last seven."""
    age_hours = int((_hour_of(now) - _hour_of(activity.first_seen)) / HOUR)
    return activity.hourly[-min(age_hours, HISTORY_HOURS) : -RECENT_HOURS]


def _hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def find_rises(activity: Activity, baseline: Baseline, now: datetime) -> list[WindowTest]:
    """The tests for a rise over the last hour and the last six. The hours that a window cuts count as the busier one, so
    that a job at five past is expected as soon as it runs; and so does the hour after, where a job stands out there, since a
    job of a local time comes an hour early or late once clocks are set."""
    this, last, sixth = (baseline.hourly[(now.hour - ago) % 24] for ago in (0, 1, 6))
    after = baseline.hourly[(now.hour + 1) % 24]
    early = after - max(this, last) if is_far_above(after, max(this, last)) else 0.0
    between = sum(baseline.hourly[(now.hour - ago) % 24] for ago in range(1, 6))
    after_jobs, this_jobs, last_jobs, *_ = jobs = find_past_jobs(activity, baseline, now)
    hour_jobs = this_jobs + max(after_jobs, last_jobs)
    hour = expect_again(hour_jobs, max(this, last) + early, baseline.dispersion, baseline.dispersion)
    six = expect_again(sum(jobs), between + max(this, sixth) + early, baseline.block_dispersion, baseline.dispersion)
    past = hours_of_past(activity, now)
    return [
        score_rise("spiking", "1h", activity.last_hour, *hour, past),
        score_rise("rising", "6h", activity.last_six_hours, *six, past),
    ]


def score_rise(
    trend: Trend, window: Window, count: int, expected: float, dispersion: float, past: Sequence[int]
) -> WindowTest:
    tail = upper_tail(count, expected, dispersion) if count >= LEAST_COUNT else 1.0
    is_large = is_far_above(count, expected)
    return WindowTest(
        trend, window, count, expected, min(1.0, tail / WINDOW_SHARES[window]), is_large,
        is_large and is_record(count, past, WINDOW_HOURS[window]),
    )  # fmt: skip


def is_far_above(more: float, less: float) -> bool:
    """Whether `more` is at least `LEAST_COUNT` errors and `LEAST_RATIO` times `less`: below that nothing is reported,
    however unlikely it is."""
    return more >= max(LEAST_COUNT, LEAST_RATIO * less)


def find_past_jobs(activity: Activity, baseline: Baseline, now: datetime) -> list[float]:
    """`find_jobs` by what this baseline expects."""

    def beyond(count: int, hours_ago: int) -> float:
        expected = baseline.hourly[(now.hour - hours_ago) % 24]
        if hours_ago < 0:  # a job of the hour after is early here, whether it has come there before or not
            expected = min(expected, baseline.hourly[now.hour])
        stood_out = is_far_above(count, expected) and upper_tail(count, expected, baseline.dispersion) <= HIGHEST_P
        return count - expected if stood_out else 0.0

    age_hours = (now - activity.first_seen) / HOUR
    return find_jobs(activity.hourly[-HISTORY_HOURS:], activity.earlier, age_hours, beyond)


def expect_again(jobs: float, expected: float, dispersion: float, job_dispersion: float) -> tuple[float, float]:
    """Errors to expect of a window with the jobs of a week ago, and their dispersion: with the jobs' own noise, and that
    of having seen them once."""
    total = expected + jobs
    return total, dispersion + (jobs / total) ** 2 * (job_dispersion + 1 / jobs) if jobs else dispersion


def find_fall(activity: Activity, baseline: Baseline, now: datetime) -> WindowTest:
    """The test for a fall over the last six hours; the hours that the window cuts count as the quieter one."""
    between = sum(baseline.hourly[(now.hour - ago) % 24] for ago in range(1, 6))
    expected = between + min(baseline.hourly[now.hour], baseline.hourly[(now.hour - 6) % 24])
    count = activity.last_six_hours
    is_large = is_far_above(expected, count)
    p_value = lower_tail(count, expected, baseline.block_dispersion) if is_large else 1.0
    return WindowTest("falling", "6h", count, expected, p_value, is_large)


def weigh(tests: Sequence[tuple[Key, WindowTest]], family: int) -> dict[Key, Score]:
    """One score per pattern: that of its first test which is significant, by itself and among a family of so many tests
    (Benjamini and Hochberg), else of its first record, else steady."""
    q_values = adjust_p_values([test.p_value if test.is_large else 1.0 for _, test in tests], family)
    best: dict[Key, tuple[int, float, WindowTest, float]] = {}
    for (key, test), q_value in zip(tests, q_values, strict=True):
        rank = test.rank(q_value)
        order = (rank, 0.0 if rank else -test.p_value)
        if key not in best or order > best[key][:2]:
            best[key] = (*order, test, q_value)
    return {key: score_test(test, q_value, holds=rank > 0) for key, (rank, _, test, q_value) in best.items()}


def score_test(test: WindowTest, q_value: float, *, holds: bool) -> Score:
    ratio = test.count / test.expected
    trend = test.trend if holds else "steady"
    return Score(trend, test.window, test.count, test.expected, ratio, test.p_value, q_value)
