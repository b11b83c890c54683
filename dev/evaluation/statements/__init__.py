"""Grouping of the messages that packages raise, read from their sources: programs that nobody wrote for the purpose.

    ./mayday bench statements --python PATH ... --javascript PATH ... --java PATH ... --go PATH ... [--json FILE]

PATH is a folder of sources or a zip file (a wheel, Java's src.zip), with `:FOLDER` for a part of it. Half of the files are
set aside: rules are made with the others alone, and both halves are shown side by side. Of Python each statement is raised
with a trace as well, from three callers.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from common.fingerprint import fingerprint_error
from dev.evaluation.grouping import group_messages, score
from dev.evaluation.statements.making import Labelled, is_set_aside, make_errors, trace_of
from dev.evaluation.statements.sources import READERS, read_sources
from dev.figures import write_figures
from worker.grouping.clustering import Skeleton, cluster_skeletons

MOST = 1_500  # errors of one package
FEWEST = 10  # statements, below which a package says nothing
CALLERS = 3
HALVES = ("tuned", "set aside")


def group_raised(errors: Sequence[Labelled], name: str) -> list[Hashable]:
    """The pattern of each error, with a trace from one of several callers."""
    dice = random.Random(name)
    found = [
        fingerprint_error(
            message=error.message,
            error_type=error.statement.error_type,
            stack_trace=trace_of(error, dice.randrange(CALLERS)),
        )
        for error in errors
    ]
    counts = Counter(one.value for one in found)
    skeletons = {
        one.value: Skeleton(one.value, error.statement.error_type, one.skeleton, counts[one.value], one.origin)
        for error, one in zip(errors, found, strict=True)
    }
    clusters = cluster_skeletons(skeletons.values())
    number = {value: number for number, cluster in enumerate(clusters) for value in cluster.fingerprints}
    return [number[one.value] for one in found]


def place_of(error: Labelled) -> Hashable:
    """What a statement is told by where there is a trace."""
    return error.statement.file, error.statement.function, error.label


def measure(language: str, place: str) -> list[dict[str, Any]]:
    """GA and FGA of both halves of a package, by message, and of Python by trace."""
    path, _, under = place.partition(":")
    statements = read_sources(language, Path(path), under)
    ways: dict[str, tuple[Callable[[Sequence[Labelled]], list[Hashable]], Callable[[Labelled], Hashable]]] = {
        language: (lambda errors: group_messages([error.message for error in errors]), lambda error: error.label)
    }
    if language == "python":
        ways["python with traces"] = lambda errors: group_raised(errors, place), place_of
    rows = []
    for half in HALVES:
        some = [one for one in statements if is_set_aside(one) == (half == "set aside")]
        if len(some) < FEWEST:
            continue
        errors = make_errors(some, place)[:MOST]
        for kind, (group, label_of) in ways.items():
            accuracy, f1 = score([label_of(error) for error in errors], group(errors))
            rows.append(
                {"kind": kind, "half": half, "place": place, "statements": len(some), "ga": accuracy, "fga": f1}
            )
    return rows


def summarize(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """The means over packages by kind and half: GA, FGA, and the number of packages."""
    found: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
    for kind, half in sorted({(row["kind"], row["half"]) for row in rows}):
        some = [row for row in rows if (row["kind"], row["half"]) == (kind, half)]
        means = [round(sum(row[figure] for row in some) / len(some), 3) for figure in ("ga", "fga")]
        found[kind][half] = [*means, len(some)]
    return dict(found)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="grouping of the messages that packages raise")
    for language in READERS:
        parser.add_argument(
            f"--{language}", nargs="*", default=[], metavar="PATH", help="folders or zip files of sources"
        )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    rows = [row for language in READERS for place in getattr(options, language) for row in measure(language, place)]
    means = summarize(rows)
    print(f"{'kind':<24}" + "".join(f"{half + ' GA':>16}{'FGA':>8}{'sets':>6}" for half in HALVES))
    for kind, halves in means.items():
        cells = [halves.get(half, [0.0, 0.0, 0]) for half in HALVES]
        print(f"{kind:<24}" + "".join(f"{ga:>16.3f}{fga:>8.3f}{sets:>6.0f}" for ga, fga, sets in cells))
    write_figures(options.json, {"packages": rows, "means": means})
