"""Grouping accuracy on labelled log sets, and its cost beside drain3 where that is installed.

    mayday bench grouping --data DIR [--json FILE]

DIR holds CSV files with the columns EventId and Content; only Content is fed, in file order. GA: share of messages
whose group holds exactly the messages of their label. FGA: F1 over groups that are exactly one label's messages.
"""

import argparse
import csv
import importlib
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from common.fingerprint import fingerprint_error
from dev.figures import write_figures
from worker.grouping.clustering import Skeleton, cluster_skeletons

_T = TypeVar("_T")
ERRORS, DISTINCT = 500_000, 15_000


def group_messages(messages: Sequence[str]) -> list[Hashable]:
    """The group of each message: fingerprints of the distinct ones, then clusters of the distinct skeletons."""
    found = {
        message: fingerprint_error(message=message, error_type=None, stack_trace=None) for message in set(messages)
    }
    texts = {one.value: one.skeleton for one in found.values()}
    counts: Counter[int] = Counter()
    for message, count in Counter(messages).items():
        counts[found[message].value] += count
    clusters = cluster_skeletons(Skeleton(value, None, text, counts[value]) for value, text in texts.items())
    number = {value: number for number, cluster in enumerate(clusters) for value in cluster.fingerprints}
    group = {message: number[one.value] for message, one in found.items()}
    return [group[message] for message in messages]


def score(labels: Sequence[Hashable], groups: Sequence[Hashable]) -> tuple[float, float]:
    """GA and FGA, as Khan et al. (ICSE 2022) and Jiang et al. (ISSTA 2024) define them."""
    true, found = _members(labels), _members(groups)
    right = [members for members in found if members in set(true)]
    return sum(map(len, right)) / len(labels), 2 * len(right) / (len(true) + len(found))


def _members(keys: Sequence[Hashable]) -> list[tuple[int, ...]]:
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        members[key].append(number)
    return list(map(tuple, members.values()))


def read_set(path: Path) -> list[tuple[str, str]]:
    """(EventId, Content) pairs in file order."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["EventId"], row["Content"]) for row in csv.DictReader(file)]


def measure_set(path: Path) -> dict[str, Any]:
    labels, messages = zip(*read_set(path), strict=True)
    groups, seconds = _timed(lambda: group_messages(messages))
    accuracy, f1 = score(labels, groups)
    shuffled = random.Random(7).sample(range(len(messages)), len(messages))
    again = group_messages([messages[number] for number in shuffled])
    same = set(_members([groups[number] for number in shuffled])) == set(_members(again))
    return {
        "set": path.stem,
        "messages": len(messages),
        "ga": round(accuracy, 4),
        "fga": round(f1, 4),
        "groups": len(set(groups)),
        "labels": len(set(labels)),
        "cpu_ms": round(seconds * 1e3, 1),
        "same_when_shuffled": same,
    }


def _timed(call: Callable[[], _T]) -> tuple[_T, float]:
    start = time.process_time()
    return call(), time.process_time() - start


def make_stream(messages: Iterable[str], seed: int = 1) -> list[str]:
    """500,000 errors over 15,000 distinct messages: the sets' own, and copies of them with other digits."""
    dice = random.Random(seed)
    pool = dict.fromkeys(list(dict.fromkeys(messages))[:DISTINCT])
    varied = [message for message in pool if any(map(str.isdigit, message))]
    while len(pool) < DISTINCT:
        pool[re.sub(r"\d", lambda _: dice.choice("123456789"), dice.choice(varied))] = None
    weights = [1 / (1 + number) ** 0.7 for number in range(DISTINCT)]
    return dice.choices(dice.sample(list(pool), DISTINCT), weights, k=ERRORS)


def measure_cost(messages: Iterable[str]) -> dict[str, Any]:
    stream = make_stream(messages)
    groups, seconds = _timed(lambda: group_messages(stream))
    result = {
        "errors": ERRORS,
        "distinct": len(set(stream)),
        "groups": len(set(groups)),
        "cpu_seconds": round(seconds, 2),
    }
    try:
        drain3: Any = importlib.import_module("drain3")
    except ImportError:
        return result | {"drain3": "not installed: pip install drain3 in an environment of its own to compare"}
    miner = drain3.TemplateMiner()
    _, drain_seconds = _timed(lambda: [miner.add_log_message(message) for message in stream])
    return result | {
        "drain3_cpu_seconds": round(drain_seconds, 2),
        "times_faster": round(drain_seconds / seconds, 1),
    }


def report(data: Path) -> dict[str, Any]:
    """All figures as one JSON value; raises FileNotFoundError where the folder has no CSV file."""
    paths = sorted(data.glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"no CSV files in {data}")
    everything = [message for path in paths for _, message in read_set(path)]
    cost = measure_cost(everything)  # first, while the memo is cold
    sets = [measure_set(path) for path in paths]
    mean = {key: round(sum(row[key] for row in sets) / len(sets), 4) for key in ("ga", "fga")}
    return {"sets": sets, "mean": mean, "cost": cost}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="grouping accuracy and cost")
    parser.add_argument("--data", type=Path, required=True, help="a folder of CSV files: EventId, Content")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    result = report(options.data)
    print(f"{'set':<16}{'GA':>8}{'FGA':>8}{'groups':>8}{'labels':>8}{'cpu ms':>9}  shuffled")
    for row in result["sets"]:
        same = "same" if row["same_when_shuffled"] else "DIFFERS"
        print(f"{row['set']:<16}{row['ga']:>8.3f}{row['fga']:>8.3f}{row['groups']:>8}{row['labels']:>8}", end="")
        print(f"{row['cpu_ms']:>9.1f}  {same}")
    print(f"{'mean':<16}{result['mean']['ga']:>8.3f}{result['mean']['fga']:>8.3f}")
    print("cost:", ", ".join(f"{name} {value}" for name, value in result["cost"].items()))
    write_figures(options.json, result)


if __name__ == "__main__":
    main()
