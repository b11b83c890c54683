"""How many injected changes the trend rule finds, and how often it cries for nothing, beside three simpler rules.

    mayday bench trends [--json FILE] [--seeds N] [--patterns N] [--setting NAME ...]

What is simulated stands in `dev/evaluation/trend_simulation.py`. Two questions, for each setting:

- recall at 0.1 % false alarms: each rule's scores are cut where one in a thousand quiet patterns would be an alarm;
- at the default setting: in a run of all patterns, of which one in twenty has changed, the share of changed patterns
  that is found and that of quiet ones that is called; the same share in runs where nothing has changed, of all
  patterns and of twenty, where false-discovery control has least to work with.

Before these, patterns that come by a calendar or now and then (`dev/evaluation/trend_kinds.py`): how often one is called.

`truth` is no rule: it is told the rate, the cycle and the noise that the counts were drawn from, so hardly any rule
can do better. All rules look at the last hour and the last six, and none calls fewer than five errors.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, TypedDict

from dev.evaluation.trend_kinds import run_kinds
from dev.evaluation.trend_simulation import (
    CHANGES,
    SETTINGS,
    WEEKLY,
    Series,
    SimulatedPattern,
    SimulatedProject,
    simulate_project,
)
from dev.figures import write_figures
from worker.trends.scores import LEAST_COUNT, LEAST_RATIO, RECENT_HOURS, Activity, Score, score_trends
from worker.trends.tails import upper_tail

FALSE_ALARMS = 0.001
CHANGED_EVERY = 20
SMALL_PROJECT = 20
KINDS_PATTERNS = 500
FIRST_SEED = 1
Rule = Callable[[SimulatedPattern, Series], float]


def score_poisson(_: SimulatedPattern, series: Series) -> float:
    """Deviance of a Poisson count from the mean of fourteen days, as a normal deviate."""
    mean = max(fmean(series.hourly[:-RECENT_HOURS]), 1e-3)
    return max(_deviate(series.last_hour, mean), _deviate(series.last_six_hours, 6 * mean))


def _deviate(count: int, mean: float) -> float:
    if count < LEAST_COUNT or count <= mean:
        return 0.0
    return math.sqrt(2 * (count * math.log(count / mean) - count + mean))


def score_ewma(_: SimulatedPattern, series: Series, weight: float = 0.1) -> float:
    """Standard deviations from the exponentially weighted mean, both weighted alike."""
    mean, variance = float(series.hourly[0]), 1.0
    for count in series.hourly[1:-RECENT_HOURS]:
        step = count - mean
        mean += weight * step
        variance = (1 - weight) * (variance + weight * step * step)
    return _deviations(series, mean, math.sqrt(variance))


def score_two_sigma(_: SimulatedPattern, series: Series) -> float:
    """Standard deviations from the mean hour of the last seven days."""
    hours = series.hourly[-7 * 24 - RECENT_HOURS : -RECENT_HOURS]
    return _deviations(series, fmean(hours), pstdev(hours))


def _deviations(series: Series, mean: float, deviation: float) -> float:
    deviation = max(deviation, 1e-3)
    hour = (series.last_hour - mean) / deviation if series.last_hour >= LEAST_COUNT else 0.0
    six = (series.last_six_hours - 6 * mean) / (deviation * math.sqrt(6))
    return max(hour, six if series.last_six_hours >= LEAST_COUNT else 0.0)


def score_truth(pattern: SimulatedPattern, series: Series) -> float:
    """The smaller negative-binomial tail given what the counts were drawn from, as -log10."""
    windows = ((series.last_hour, pattern.last_hour), (series.last_six_hours, pattern.last_six_hours))
    tails = [
        upper_tail(count, truth.mean, truth.dispersion)
        for count, truth in windows
        if count >= max(LEAST_COUNT, LEAST_RATIO * truth.mean)
    ]
    return -math.log10(max(1e-300, min(tails, default=1.0)))


RULES: dict[str, tuple[Rule, float]] = {  # with the threshold that each is commonly used with
    "Poisson, p < 0.001": (score_poisson, 3.09),
    "EWMA, 3 sigma": (score_ewma, 3.0),
    "mean + 2 sigma": (score_two_sigma, 2.0),
    "truth, p < 0.001": (score_truth, 3.0),
}
OURS = "Mayday"


class Summary(TypedDict):
    """Shares; recalls by change."""

    recall: dict[str, float]
    default_recall: dict[str, float]
    weekly_called: dict[str, float]
    default_false_alarms: float
    default_false_alarms_nothing_changed: float
    default_false_alarms_twenty_patterns: float


class Measured(TypedDict):
    cpu_seconds_per_1000_patterns: float
    rules: dict[str, Summary]


@dataclass(slots=True)
class Tally:
    """Scores of one rule by change; and at its default setting, whether each changed, quiet, calm pattern was called:
    quiet ones stood beside changed ones, calm ones did not."""

    scores: dict[str, list[float]]
    found: dict[str, list[bool]]
    weekly: dict[str, list[bool]]
    quiet: list[bool]
    calm: list[bool]
    calm_small: list[bool]

    @classmethod
    def empty(cls) -> "Tally":
        found: dict[str, list[bool]] = {name: [] for name in CHANGES if name != "quiet"}
        return cls({name: [] for name in CHANGES}, found, {name: [] for name in WEEKLY}, [], [], [])

    def summary(self) -> Summary:
        quiet = sorted(self.scores["quiet"], reverse=True)
        cut = quiet[int(len(quiet) * FALSE_ALARMS)]
        return {
            "recall": {name: fmean(score > cut for score in self.scores[name]) for name in self.found},
            "default_recall": {name: fmean(found) for name, found in self.found.items()},
            "weekly_called": {name: fmean(called) for name, called in self.weekly.items()},
            "default_false_alarms": fmean(self.quiet),
            "default_false_alarms_nothing_changed": fmean(self.calm),
            "default_false_alarms_twenty_patterns": fmean(self.calm_small),
        }


def tally_ours(project: SimulatedProject, tally: Tally) -> float:
    """Adds one project; CPU seconds per thousand patterns."""
    started, runs = time.process_time(), 0
    for name in CHANGES:
        scores = _run(project, [name] * len(project.patterns))
        tally.scores[name] += map(_strength, scores)
        runs += 1
        if name == "quiet":
            tally.calm += map(_is_called, scores)
    seconds = time.process_time() - started
    for offset, name in enumerate(tally.found):
        changed = [index % CHANGED_EVERY == offset for index in range(len(project.patterns))]
        called = list(map(_is_called, _run(project, [name if one else "quiet" for one in changed])))
        tally.found[name] += [call for call, is_changed in zip(called, changed, strict=True) if is_changed]
        tally.quiet += [call for call, is_changed in zip(called, changed, strict=True) if not is_changed]
    old = [index for index, pattern in enumerate(project.patterns) if pattern.weekly]
    for name, called_jobs in tally.weekly.items():
        jobs = set(old[::CHANGED_EVERY])
        called = list(
            map(_is_called, _run(project, [name if i in jobs else "quiet" for i in range(len(project.patterns))]))
        )
        called_jobs += [called[index] for index in jobs]
    for start in range(0, len(project.patterns), SMALL_PROJECT):
        small = SimulatedProject(project.now, project.patterns[start : start + SMALL_PROJECT])
        tally.calm_small += map(_is_called, _run(small, ["quiet"] * len(small.patterns)))
    return seconds * 1000 / (runs * len(project.patterns))


def _run(project: SimulatedProject, changes: Sequence[str]) -> list[Score]:
    """What Mayday says of a project's patterns, each with its change."""
    activities = {}
    for index, (pattern, change) in enumerate(zip(project.patterns, changes, strict=True)):
        series = (pattern.by_change | pattern.weekly)[change]
        activities[index] = Activity(
            series.hourly, series.last_hour, series.last_six_hours, pattern.first_seen, project.now
        )
    return list(score_trends(activities, project.now).values())


def _is_called(score: Score) -> bool:
    return score.trend in {"spiking", "rising"}


def _strength(score: Score) -> float:
    is_large = score.count is not None and score.ratio is not None and score.ratio >= LEAST_RATIO
    if score.trend == "falling" or not is_large or (score.count or 0) < LEAST_COUNT:
        return 0.0
    return -math.log10(max(1e-300, score.p_value or 0))


def tally_rule(project: SimulatedProject, rule: Rule, threshold: float, tally: Tally) -> None:
    """Adds one project; a rule of one pattern calls the same whatever stands beside it."""
    for name in CHANGES:
        scores = [rule(pattern, pattern.by_change[name]) for pattern in project.patterns]
        tally.scores[name] += scores
        called = [score > threshold for score in scores]
        if name == "quiet":
            tally.quiet += called
            tally.calm += called
            tally.calm_small += called
        else:
            tally.found[name] += called
    old = [pattern for pattern in project.patterns if pattern.weekly]
    for name, called_jobs in tally.weekly.items():
        called_jobs += [rule(pattern, pattern.weekly[name]) > threshold for pattern in old]


def measure(setting: str, seeds: Iterable[int], patterns: int) -> Measured:
    tallies = {name: Tally.empty() for name in (OURS, *RULES)}
    seconds = []
    for seed in seeds:
        project = simulate_project(seed, patterns, setting)
        seconds.append(tally_ours(project, tallies[OURS]))
        for name, (rule, threshold) in RULES.items():
            tally_rule(project, rule, threshold, tallies[name])
    rules = {name: tally.summary() for name, tally in tallies.items()}
    return {"cpu_seconds_per_1000_patterns": fmean(seconds), "rules": rules}


def print_table(setting: str, measured: Measured) -> None:
    print(f"\n{setting}: {measured['cpu_seconds_per_1000_patterns']:.3f} s of CPU per 1,000 patterns")
    rules = measured["rules"].items()
    _print_recalls("recall at 0.1 % false alarms", {rule: row["recall"] for rule, row in rules})
    _print_recalls("recall at the default", {rule: row["default_recall"] for rule, row in rules})
    _print_recalls("weekly jobs called at the default", {rule: row["weekly_called"] for rule, row in rules})
    print("\n| false alarms at the default | one in twenty changed | nothing changed | the same, twenty patterns |")
    print("| --- | ---: | ---: | ---: |")
    for rule, row in rules:
        beside, calm = row["default_false_alarms"], row["default_false_alarms_nothing_changed"]
        print(f"| {rule} | {beside:.2%} | {calm:.2%} | {row['default_false_alarms_twenty_patterns']:.2%} |")


def _print_recalls(title: str, recalls: Mapping[str, Mapping[str, float]]) -> None:
    names = list(next(iter(recalls.values())))
    print(f"\n| {title} | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    for rule, recall in recalls.items():
        print(f"| {rule} | {' | '.join(f'{recall[name]:.3f}' for name in names)} |")


def _print_calls(kinds: Mapping[str, Mapping[str, float]]) -> None:
    print("| kind | asked | called | calls a pattern and day |\n| --- | ---: | ---: | ---: |")
    for kind, calls in kinds.items():
        print(f"| {kind} | {calls['moments']} | {calls['called']} | {calls['a_day']:.4f} |")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--seeds", type=int, default=10, help="projects per setting")
    parser.add_argument("--patterns", type=int, default=1_000, help="patterns per project")
    parser.add_argument("--setting", choices=SETTINGS, nargs="+", default=list(SETTINGS))
    asked = parser.parse_args(arguments)
    figures: dict[str, Any] = {}
    figures["kinds"] = {kind: asdict(calls) for kind, calls in run_kinds(KINDS_PATTERNS, FIRST_SEED).items()}
    _print_calls(figures["kinds"])
    for setting in asked.setting:
        figures[setting] = measure(setting, range(FIRST_SEED, FIRST_SEED + asked.seeds), asked.patterns)
        print_table(setting, figures[setting])
    write_figures(asked.json, figures)


if __name__ == "__main__":
    main()
