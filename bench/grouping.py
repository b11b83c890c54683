"""Grouping accuracy on labelled log sets, and its cost beside drain3 where that is installed.

    python -m bench.grouping --data DIR [--json FILE]

DIR holds CSV files with the columns EventId and Content; only Content is fed, in file order. GA: share of messages
whose group holds exactly the messages of their label. FGA: F1 over groups that are exactly one label's messages.
"""

import argparse
import csv
import importlib
import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from common.fingerprint import fingerprint_error
from worker.clustering import Skeleton, cluster_skeletons

_T = TypeVar("_T")
ERRORS, DISTINCT = 500_000, 15_000


def group_messages(messages: Iterable[str]) -> list[Hashable]:
    """The group of each message, found as the service finds it: fingerprint at ingest, then clusters."""
    texts: dict[int, str] = {}
    counts: defaultdict[int, int] = defaultdict(int)
    values = []
    for message in messages:
        found = fingerprint_error(message=message, error_type=None, stack_trace=None)
        texts[found.value] = found.skeleton
        counts[found.value] += 1
        values.append(found.value)
    clusters = cluster_skeletons(Skeleton(value, None, text, counts[value]) for value, text in texts.items())
    group = {value: number for number, cluster in enumerate(clusters) for value in cluster.fingerprints}
    return [group[value] for value in values]


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


def measure_set(path: Path) -> dict[str, Any]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["EventId"], row["Content"]) for row in csv.DictReader(file)]
    labels, messages = zip(*rows, strict=True)
    groups, seconds = _timed(lambda: group_messages(messages))
    accuracy, f1 = score(labels, groups)
    shuffled = random.Random(7).sample(range(len(messages)), len(messages))
    again = group_messages(messages[number] for number in shuffled)
    same = set(_members([groups[number] for number in shuffled])) == set(_members(again))
    return {
        "set": path.stem,
        "messages": len(messages),
        "ga": round(accuracy, 4),
        "fga": round(f1, 4),
        "groups": len(set(groups)),
        "labels": len(set(labels)),
        "ms": round(seconds * 1e3, 1),
        "same_when_shuffled": same,
    }


def _timed(call: Callable[[], _T]) -> tuple[_T, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


def make_stream(seed: int = 1) -> list[str]:
    """500,000 errors over 15,000 distinct messages of 300 templates, the frequent ones far more often."""
    dice = random.Random(seed)
    words = ["".join(dice.choices("abcdefghijklmnoprstuvw", k=dice.randint(3, 9))) for _ in range(900)]
    templates = [[dice.choice(words) for _ in range(dice.randint(5, 14))] for _ in range(300)]
    distinct: dict[str, None] = {}
    while len(distinct) < DISTINCT:
        line = list(dice.choice(templates))
        for value in (f"id={dice.randint(1, 10**6)}", f"10.0.{dice.randint(0, 255)}.{dice.randint(0, 255)}:80"):
            line.insert(len(line) // 2, value)
        line[-1] = dice.choice(words)
        distinct[" ".join(line)] = None
    pool = list(distinct)
    return dice.choices(pool, weights=[1 / (1 + number) ** 0.7 for number in range(len(pool))], k=ERRORS)


def measure_cost() -> dict[str, Any]:
    stream = make_stream()
    ours, seconds = _timed(lambda: group_messages(stream))
    result = {
        "errors": ERRORS,
        "distinct": len(set(stream)),
        "groups": len(set(ours)),
        "seconds": round(seconds, 2),
    }
    try:
        drain3: Any = importlib.import_module("drain3")
    except ImportError:
        return result | {"drain3": "not installed: pip install drain3 in an environment of its own to compare"}
    miner = drain3.TemplateMiner()
    _, drain_seconds = _timed(lambda: [miner.add_log_message(message) for message in stream])
    return result | {"drain3_seconds": round(drain_seconds, 2), "times_faster": round(drain_seconds / seconds, 1)}


def report(data: Path) -> dict[str, Any]:
    """All figures as one JSON value; raises FileNotFoundError where the folder has no CSV file."""
    paths = sorted(data.glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"no CSV files in {data}")
    sets = [measure_set(path) for path in paths]
    mean = {key: round(sum(row[key] for row in sets) / len(sets), 4) for key in ("ga", "fga")}
    return {"sets": sets, "mean": mean, "cost": measure_cost()}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="grouping accuracy and cost")
    parser.add_argument("--data", type=Path, required=True, help="a folder of CSV files: EventId, Content")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    result = report(options.data)
    print(f"{'set':<16}{'GA':>8}{'FGA':>8}{'groups':>8}{'labels':>8}{'ms':>9}  shuffled")
    for row in result["sets"]:
        same = "same" if row["same_when_shuffled"] else "DIFFERS"
        print(f"{row['set']:<16}{row['ga']:>8.3f}{row['fga']:>8.3f}{row['groups']:>8}{row['labels']:>8}", end="")
        print(f"{row['ms']:>9.1f}  {same}")
    print(f"{'mean':<16}{result['mean']['ga']:>8.3f}{result['mean']['fga']:>8.3f}")
    print("cost:", ", ".join(f"{name} {value}" for name, value in result["cost"].items()))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
