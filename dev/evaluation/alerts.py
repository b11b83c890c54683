"""How many messages the default rules send in a day, beside rules that are usual elsewhere, at the same recall.

    mayday bench alerts [--json FILE] [--seeds N] [--patterns N] [--setting NAME ...] [--data DIR]

A project of `patterns` patterns with fourteen days of past (`dev/evaluation/trend_simulation.py`) is lived through for a day, a
quarter of an hour at a time. With `--data`, a folder of CSV files with the columns EventId and Content, the same is done with
days made of these (`dev/evaluation/log_replay.py`). Half of the seeds, from 101 on, are held out: nothing was chosen by them.
Into the day go, drawn by the seed:

- failures of one pattern in forty: its rate times 5 to 20 for one to three hours, twenty errors more at least;
- two failures that several services see: five patterns each, whose errors name one thing, at once;
- failures that are new: one pattern in a hundred, ten errors an hour or more, of severity error;
- what is new and is no failure: as many patterns as one in twenty, of severity warning, and as many of severity error, with one
  to three errors each.

Three rules are gone by, each by the evaluator of alerts where it is ours:

- ours: the default rules for new failures and for spikes and incidents;
- "more than N in an hour" for each pattern, told again after it was under it, no oftener than once an hour: N is the largest
  with which it finds as much as ours does, so the one with the fewest messages;
- the same for any pattern, and a message for every new group beside it, which finds the new ones.

Follow-ups (it is over, it got worse) count as messages like any other. A failure is found by a message that names it while it
lasts or within an hour after. What is told of nothing injected is noise.
"""

import argparse
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import fmean
from uuid import UUID, uuid5

from common.alerts.changes import Change
from common.alerts.defaults import DEFAULT_RULES
from common.alerts.evaluation import Firing, Owed, evaluate, gather
from common.alerts.gathering import Thread
from common.alerts.rules import Rule
from dev.evaluation.log_replay import LogSets, read_sets, replay_day
from dev.evaluation.trend_simulation import NOISY_SETTINGS, Lived, live_day
from dev.figures import write_figures
from worker.trends.incidents import Onset, find_incidents
from worker.trends.scores import Activity, score_trends

QUARTERS = 96
QUARTER = timedelta(minutes=15)
SPACE = UUID(int=21)
OURS = ("New failures, and failures that are back", "Spikes and incidents")
FIRST_SEED, FIRST_HELD_OUT = 1, 101
SERVICES = 10  # of a simulated project


@dataclass(frozen=True, slots=True)
class Failure:
    """Patterns that fail together, from one quarter up to another."""

    patterns: frozenset[int]
    since: int
    until: int

    def is_found_by(self, quarter: int, patterns: Iterable[int]) -> bool:
        return self.since <= quarter <= self.until + 4 and not self.patterns.isdisjoint(patterns)


@dataclass(slots=True)
class Day:
    """A project's day: for each pattern what came by quarter of an hour, its past, and how severe it is."""

    lived: list[Lived]
    failures: list[Failure] = field(default_factory=list)
    severities: dict[int, str] = field(default_factory=dict)
    services: list[str] = field(default_factory=list)  # of each pattern
    names: dict[int, str] = field(default_factory=dict)  # of what several services name
    titles: list[str] = field(default_factory=list)  # of those that have one of their own

    def title(self, pattern: int) -> str:
        name = self.names.get(pattern)
        if name is None and pattern < len(self.titles):
            return self.titles[pattern]
        return f"call to {name} failed" if name else f"failure number {pattern}"


@dataclass(frozen=True, slots=True)
class Told:
    """One message: when, and of which patterns."""

    quarter: int
    patterns: frozenset[int]


def make_day(seed: int, patterns: int, setting: str) -> Day:
    """The same day for the same arguments."""
    lived = live_day(seed, patterns, setting)
    day = Day(lived, services=[f"service-{number % SERVICES}" for number in range(patterns)])
    break_day(random.Random(f"day {seed} {patterns} {setting}"), day, seed)
    return day


def make_replayed_day(seed: int, sets: LogSets) -> Day:
    """The same of log sets."""
    lived, titles, services = replay_day(seed, sets)
    day = Day(lived, titles=titles, services=services)
    break_day(random.Random(f"broken {seed}"), day, seed)
    return day


def break_day(draw: random.Random, day: Day, seed: int) -> None:
    """Inject failures, and what is new and none."""
    patterns = len(day.lived)
    for pattern in draw.sample(range(patterns), patterns // 40):
        inject(draw, day, [pattern], draw.uniform(5, 20))
    for number in range(2):
        members = draw.sample(range(patterns), 5)
        day.names |= dict.fromkeys(members, f"orders-db-{seed}-{number}")
        inject(draw, day, members, draw.uniform(5, 20))
    for _ in range(max(1, patterns // 100)):
        start, length = draw.randrange(4, 80), draw.randrange(4, 12)
        rate = draw.uniform(10, 100) / 4
        counts = [round(draw.expovariate(1 / rate)) + 3 if start <= q < start + length else 0 for q in range(QUARTERS)]
        add_new(draw, day, counts, "error")
        day.failures.append(Failure(frozenset({len(day.lived) - 1}), start, start + length))
    for severity in ("warning", "error"):
        for _ in range(patterns // 20):
            counts = [0] * QUARTERS
            for _ in range(draw.randint(1, 3)):
                counts[draw.randrange(QUARTERS)] += 1
            add_new(draw, day, counts, severity)


def inject(draw: random.Random, day: Day, members: Sequence[int], factor: float) -> None:
    start, length = draw.randrange(8, 80), draw.randrange(4, 12)
    for pattern in members:
        today = day.lived[pattern].today
        for quarter in range(start, start + length):
            today[quarter] = round(today[quarter] * factor) + max(2, 20 // length)
    day.failures.append(Failure(frozenset(members), start, start + length))


def add_new(draw: random.Random, day: Day, counts: list[int], severity: str) -> None:
    day.severities[len(day.lived)] = severity
    day.services.append(draw.choice(day.services))
    day.lived.append(Lived(day.lived[0].midnight, [], counts))


def tell_ours(day: Day) -> list[Told]:
    """The messages of the default rules: trends and incidents are judged each quarter, and changes go through the evaluator."""
    rules = [
        Rule(rule_id=uuid5(SPACE, name), name=name, **DEFAULT_RULES[name].model_dump(by_alias=True)) for name in OURS
    ]
    threads: dict[UUID, dict[UUID, Thread]] = {rule.rule_id: {} for rule in rules}
    holding: dict[int, str] = {}
    known: set[int] = set()
    incidents: dict[str, int] = {}
    firings: dict[UUID, list[Firing]] = {rule.rule_id: [] for rule in rules}
    for quarter in range(QUARTERS):
        now = day.lived[0].midnight + (quarter + 1) * QUARTER
        changes, holding = judge(day, quarter, now, holding, known, incidents)
        for rule in rules:
            if changes and (firing := evaluate(rule, changes, threads[rule.rule_id])):
                firings[rule.rule_id].append(firing)
    return [tell(day, owed) for some in firings.values() for owed in gather(some)]


def tell(day: Day, owed: Owed) -> Told:
    """A message, and the quarter at whose end it is sent."""
    quarter = int((owed.due_at - day.lived[0].midnight) / QUARTER) - 1
    return Told(quarter, frozenset(p for change in owed.changes for p in change.facts["members"]))


def judge(
    day: Day, quarter: int, now: datetime, holding: Mapping[int, str], known: set[int], incidents: dict[str, int]
) -> tuple[list[Change], dict[int, str]]:
    """The changes of one quarter, and the trends that hold after it."""
    seen = [p for p, lived in enumerate(day.lived) if lived.has_come(quarter)]
    scores = score_trends({p: activity_of(day.lived[p], quarter, now) for p in seen}, now)
    rising: dict[int, str] = {p: score.trend for p, score in scores.items() if score.trend in {"spiking", "rising"}}
    changes = [make(day, now, p, "new") for p in seen if p not in known and not day.lived[p].hourly]
    known.update(seen)
    fresh = [p for p in rising if holding.get(p) != rising[p]]
    onsets = [Onset(str(p), day.title(p), frozenset({day.services[p]}), now) for p in fresh]
    found = find_incidents(onsets, ())
    for incident in found:
        members = [int(p) for p in incident.patterns]
        incidents |= dict.fromkeys(incident.patterns, min(members))
        changes.append(make(day, now, min(members), "incident", members))
    changes += [make(day, now, p, rising[p], incident=incidents.get(str(p))) for p in fresh]
    changes += [make(day, now, p, "over") for p in holding if p not in rising]
    return changes, rising


def make(
    day: Day, now: datetime, pattern: int, name: str, members: Sequence[int] = (), incident: int | None = None
) -> Change:
    subject = "incident" if name == "incident" else "pattern"
    facts = {
        "title": day.title(pattern),
        "severity": day.severities.get(pattern, "error"),
        "members": list(members) or [pattern],
        "services": sorted({day.services[one] for one in members or [pattern]}),
        "of": "trend",
        **({} if incident is None else {"incident": str(uuid5(SPACE, f"incident {incident}"))}),
    }
    subject_id = uuid5(SPACE, f"{subject} {pattern}")
    return Change(uuid5(SPACE, f"{name} {pattern} {now}"), now, subject, subject_id, name, facts)


def activity_of(lived: Lived, quarter: int, now: datetime) -> Activity:
    """What the worker sees of a pattern at the end of a quarter."""
    today = lived.today[: quarter + 1]
    hours = [sum(today[start : start + 4]) for start in range(0, len(today), 4)]
    before = lived.hourly[-6:]
    six = sum(today[-24:]) + (sum(before[-(24 - len(today)) // 4 :]) if len(today) < 24 else 0)
    last = sum(today[-4:])
    hourly = [*lived.hourly, *hours]
    first = now - timedelta(hours=len(lived.hourly)) if lived.hourly else now - timedelta(minutes=30)
    return Activity(([0] * 336 + hourly)[-336:], last, six, first, now)


def tell_more_than(day: Day, most: int) -> list[Told]:
    """The messages of a rule of more than so many in an hour, of each pattern, once an hour at most."""
    told = []
    for pattern, lived in enumerate(day.lived):
        was_over, last = False, -QUARTERS
        for quarter in range(QUARTERS):
            is_over = sum(lived.today[max(0, quarter - 3) : quarter + 1]) > most
            if is_over and not was_over and quarter - last >= 4:
                told.append(Told(quarter, frozenset({pattern})))
                last = quarter
            was_over = is_over
    return told


def tell_new_groups(day: Day) -> list[Told]:
    """A message for each pattern that was not there before."""
    return [
        Told(next(q for q, count in enumerate(lived.today) if count), frozenset({pattern}))
        for pattern, lived in enumerate(day.lived)
        if not lived.hourly and any(lived.today)
    ]


def find_recall(day: Day, told: Sequence[Told]) -> float:
    found = [any(failure.is_found_by(one.quarter, one.patterns) for one in told) for failure in day.failures]
    return fmean(found)


def match_recall(day: Day, recall: float, beside: Sequence[Told] = ()) -> list[Told]:
    """The fewest messages of "more than N in an hour", with those beside it, that find as much, or as much as it can find."""
    steps = (*range(2_000, 100, -100), *range(100, 20, -10), *range(20, -1, -1))
    tries = [[*tell_more_than(day, most), *beside] for most in steps]
    return min(tries, key=lambda told: (-min(recall, find_recall(day, told)), len(told)))


def measure(make_one: Callable[[int], Day], seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """Messages a day and recall of each kind of rule, means over the seeds."""
    figures: dict[str, list[tuple[int, float]]] = {}
    for seed in seeds:
        day = make_one(seed)
        ours, groups = tell_ours(day), tell_new_groups(day)
        recall = find_recall(day, ours)
        kinds = {
            "the default rules": ours,
            "more than N in an hour": match_recall(day, recall),
            "every new group, and more than N": match_recall(day, recall, groups),
        }
        for name, told in kinds.items():
            figures.setdefault(name, []).append((len(told), find_recall(day, told)))
    return {
        name: {"messages_a_day": fmean(n for n, _ in some), "recall": fmean(recall for _, recall in some)}
        for name, some in figures.items()
    }


def show(name: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    plain = rows["more than N in an hour"]["messages_a_day"]
    print(f"\n| {name} | messages a day | of the plain rule's | failures found |\n| --- | ---: | ---: | ---: |")
    for kind, row in rows.items():
        share = row["messages_a_day"] / plain
        print(f"| {kind} | {row['messages_a_day']:.1f} | {share:.0%} | {row['recall']:.2f} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--seeds", type=int, default=5, help="days per setting, and as many that are held out")
    parser.add_argument("--patterns", type=int, default=200, help="patterns per project")
    parser.add_argument("--setting", choices=NOISY_SETTINGS, nargs="+", default=list(NOISY_SETTINGS))
    parser.add_argument("--data", type=Path, help="a folder of CSV files (EventId, Content): their days as well")
    asked = parser.parse_args(arguments)
    days: dict[str, Callable[[int], Day]] = {
        setting: partial(make_day, patterns=asked.patterns, setting=setting) for setting in asked.setting
    }
    if asked.data:
        days["log sets"] = partial(make_replayed_day, sets=read_sets(asked.data))
    figures = {}
    for setting, make_one in days.items():
        for first, name in ((FIRST_SEED, setting), (FIRST_HELD_OUT, f"{setting}, held out")):
            figures[name] = measure(make_one, range(first, first + asked.seeds))
            show(name, figures[name])
    write_figures(asked.json, figures)


if __name__ == "__main__":
    main()
