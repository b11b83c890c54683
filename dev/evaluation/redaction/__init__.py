"""How much of what is secret redaction takes out, and what else: recall and false finds by kind.

    ./mayday bench redaction [--count N] [--show N] [--docs] [--json FILE]

Two sets are made by seeded generators: one was looked at while the rules were made; the other was set aside, with
templates, names, keys and a seed of its own, scored, and the rules mended by it (docs/security.md has both figures).
`--docs` writes the tables into docs/security.md, `--show` prints what failed.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from api.ingest.sanitize.redaction import redact_value
from common.settings import ROOT
from dev.evaluation.redaction.held_out import HELD_OUT_INNOCENTS, HELD_OUT_SECRETS
from dev.evaluation.redaction.innocents import INNOCENTS
from dev.evaluation.redaction.making import Kind, Sample, make_samples
from dev.evaluation.redaction.once_held_out import MORE_INNOCENTS, MORE_SECRETS
from dev.evaluation.redaction.secrets import SECRETS
from dev.figures import write_figures

COUNT = 400  # samples of a kind
SEEN_SEED, HELD_OUT_SEED = 1, 20_261
PART_CHARS = 12  # of a secret that is as long, no half may be left either
PAGE = ROOT / "docs/security.md"
BEGINS, ENDS = "<!-- made by ./mayday bench redaction --docs -->\n", "<!-- end -->\n"


class Score(NamedTuple):
    """Of one kind: how many samples, and those that were wrongly left or wrongly changed."""

    kind: str
    samples: int
    failed: list[tuple[Any, Any]]

    @property
    def share(self) -> float:
        return len(self.failed) / self.samples


class SetScore(NamedTuple):
    """Of a set of samples: the secrets and the innocent by kind."""

    secrets: list[Score]
    innocents: list[Score]


def score_sets(count: int = COUNT) -> dict[str, SetScore]:
    return {
        "seen": SetScore(
            score((*SECRETS, *MORE_SECRETS), SEEN_SEED, count, is_left),
            score((*INNOCENTS, *MORE_INNOCENTS), SEEN_SEED, count, is_changed),
        ),
        "set aside": SetScore(
            score(HELD_OUT_SECRETS, HELD_OUT_SEED, count, is_left),
            score(HELD_OUT_INNOCENTS, HELD_OUT_SEED, count, is_changed),
        ),
    }


def score(kinds: Sequence[Kind], seed: int, count: int, fails: Callable[[Sample, Any], bool]) -> list[Score]:
    """The samples of each kind, and those that fail by what redaction makes of them."""
    counts: Counter[str] = Counter()
    failed: defaultdict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for sample in make_samples(kinds, seed, count):
        redacted = redact_value(sample.value)[0]
        counts[sample.kind] += 1
        if fails(sample, redacted):
            failed[sample.kind].append((sample.value, redacted))
    return [Score(kind, samples, failed[kind]) for kind, samples in counts.items()]


def is_changed(sample: Sample, redacted: Any) -> bool:
    return bool(redacted != sample.value)


def is_left(sample: Sample, redacted: Any) -> bool:
    """Whether the secret or half of it can still be read."""
    text = redacted if isinstance(redacted, str) else json.dumps(redacted, ensure_ascii=False)
    secret = sample.secret
    if len(secret) < PART_CHARS:
        return secret in text
    middle = len(secret) // 2
    return secret[:middle] in text or secret[middle:] in text


def failed_share(scores: Iterable[Score]) -> float:
    scores = list(scores)
    return sum(len(one.failed) for one in scores) / sum(one.samples for one in scores)


def describe(sets: dict[str, SetScore]) -> str:
    """The tables of docs/security.md."""
    rows = [
        f"| {name} | {len(one.secrets)} | {total(one.secrets):,} | {1 - failed_share(one.secrets):.2%} "
        f"| {len(one.innocents)} | {total(one.innocents):,} | {failed_share(one.innocents):.3%} |\n"
        for name, one in sets.items()
    ]
    head = (
        "| set | kinds of secrets | samples | taken out | kinds of innocent texts | samples | changed |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(rows) + "\n" + describe_kinds(sets)


def describe_kinds(sets: dict[str, SetScore]) -> str:
    head = "| kind | set | samples | {} |\n| --- | --- | --- | --- |\n"
    secrets = [
        f"| {kind.kind} | {name} | {kind.samples} | {1 - kind.share:.1%} |\n"
        for name, one in sets.items()
        for kind in one.secrets
    ]
    innocents = [
        f"| {kind.kind} | {name} | {kind.samples} | {kind.share:.2%} |\n"
        for name, one in sets.items()
        for kind in one.innocents
    ]
    return head.format("taken out") + "".join(secrets) + "\n" + head.format("changed") + "".join(innocents)


def total(scores: Iterable[Score]) -> int:
    return sum(one.samples for one in scores)


def write_page(table: str) -> None:
    """Put the tables where they stand in docs/security.md."""
    marked = re.compile(f"(?s)({re.escape(BEGINS)}).*?({re.escape(ENDS)})")
    PAGE.write_text(marked.sub(lambda match: match[1] + "\n" + table + "\n" + match[2], PAGE.read_text()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="mayday bench redaction", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="samples of each kind")
    parser.add_argument("--show", type=int, default=0, help="how many of each kind's failures to print")
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/security.md")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    options = parser.parse_args(arguments)
    sets = score_sets(options.count)
    print(describe(sets))
    for kind in [kind for one in sets.values() for kind in (*one.secrets, *one.innocents)]:
        for sent, redacted in kind.failed[: options.show]:
            print(f"{kind.kind}: {sent!r} -> {redacted!r}")
    if options.docs:
        write_page(describe(sets))
    figures = {
        name: {"left": failed_share(one.secrets), "changed": failed_share(one.innocents)} for name, one in sets.items()
    }
    write_figures(options.json, figures)
