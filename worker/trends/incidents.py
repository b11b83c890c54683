"""One failure seen by several services: patterns that begin together and name the same thing. Pure.

Two patterns are joined if they begin within minutes of each other, in different services, and there is evidence:
a shared trace id, a shared name (a word such as `orders-db` or `PaymentGateway`), or two shared plain words. Time
alone joins nothing: a deployment or a busy hour makes many patterns begin together.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

TOGETHER = timedelta(minutes=5)
MOST_SHARERS = 20  # a word in more titles than this names nothing; nor does a trace id, it is a constant
LEAST_LETTERS = 4
WORD = re.compile(r"<[^<>]{0,40}>|[A-Za-z0-9](?:[\w.:/-]{0,98}\w)?")
NAME = re.compile(r"\w[-_.:/]\w|[a-z][A-Z]|[A-Za-z]\d|[A-Z]{4}")
# What errors of all kinds say: it never shows that two have one cause.
COMMON = (
    "abort aborted access after another argument attribute bad because been before call calling cannot client closed"
    " code connect connecting connection connections could critical data denied does down error errors exceeded"
    " exception expected fail failed failure fatal file for found from getting handle handler have http https index"
    " input internal into invalid issue items lost message method missing module more none null object operation"
    " parse process processing query reached read reading received refused rejected request requests reset response"
    " result retry retrying returned runtime server service status such task that the this time timed timeout token"
    " trying type typeerror unable unavailable undefined unexpected unhandled unknown user value valueerror warning"
    " when while with within without worker write writing wrong zero"
    " keyerror attributeerror indexerror runtimeerror timeouterror connectionerror ioerror oserror assertionerror"
    " nullpointerexception illegalargumentexception illegalstateexception runtimeexception ioexception"
    " referenceerror rangeerror syntaxerror standarderror argumenterror nomethoderror"
)
COMMON_WORDS = frozenset(COMMON.split())


@dataclass(frozen=True, slots=True)
class Onset:
    """A pattern that began, came back or jumped, and when. `trace_ids`: of errors since then, as many as are known."""

    pattern: str
    title: str
    services: frozenset[str]
    started_at: datetime
    trace_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Incident:
    """Patterns by the time they began; `shared` says why they are together: words, and `trace` for trace ids."""

    patterns: tuple[str, ...]
    services: tuple[str, ...]
    started_at: datetime
    shared: tuple[str, ...]


def find_incidents(onsets: Iterable[Onset], titles: Iterable[str] = ()) -> list[Incident]:
    """Incidents of at least two services, the earliest first; the order of the onsets does not matter.

    `titles` are those of the project's other patterns: words that many of them have are no evidence.
    """
    known = sorted(onsets, key=lambda onset: (onset.started_at, onset.pattern))
    words = [find_words(onset.title) for onset in known]
    usual = Counter(word for title in titles for word in find_words(title))
    reasons = find_links(known, words, {word for word, count in usual.items() if count > MOST_SHARERS})
    return [describe(members, known, reasons) for members in join(len(known), reasons)]


def find_words(title: str) -> frozenset[str]:
    """Words that may tell what failed, those that look like names as they are and others in lower case."""
    words = (match.group().rstrip(".:/-") for match in WORD.finditer(title))
    telling = (word for word in words if len(word) >= LEAST_LETTERS and not word.startswith("<"))
    kept = (word for word in telling if word.lower() not in COMMON_WORDS and not word.isdigit())
    return frozenset(word if NAME.search(word) else word.lower() for word in kept)


def find_links(
    onsets: Sequence[Onset], words: Sequence[frozenset[str]], usual: set[str]
) -> dict[tuple[int, int], set[str]]:
    """The pairs of onsets (by index) that have one cause by evidence, each with the words that they share, and `trace`."""
    traces = (frozenset(trace for trace in onset.trace_ids if trace.strip("0-")) for onset in onsets)
    by_word = defaultdict(set)
    for pair, word in _pairs(onsets, [found - usual for found in words]):
        by_word[pair].add(word)
    reasons = {pair: shared for pair, shared in by_word.items() if len(shared) > 1 or any(map(NAME.search, shared))}
    for pair, _ in _pairs(onsets, list(traces)):
        reasons[pair] = reasons.get(pair, set()) | {"trace"}
    return reasons


def _pairs(onsets: Sequence[Onset], marks: Sequence[frozenset[str]]) -> Iterable[tuple[tuple[int, int], str]]:
    """Pairs of onsets, near in time and of different services, with each mark that both have."""
    sharers = defaultdict(list)
    for index, found in enumerate(marks):
        for mark in found:
            sharers[mark].append(index)
    for mark, indexes in sharers.items():
        if len(indexes) > MOST_SHARERS:
            continue
        for first, second in combinations(indexes, 2):
            one, other = onsets[first], onsets[second]
            is_near = other.started_at - one.started_at <= TOGETHER
            if is_near and len(one.services | other.services) > 1 and one.services != other.services:
                yield (first, second), mark


def join(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of at least two that links connect, each in order, the groups in the order of their first members."""
    leader = list(range(count))
    for first, second in sorted(links):
        low, high = sorted((_find(leader, first), _find(leader, second)))
        leader[high] = low
    groups = defaultdict(list)
    for index in range(count):
        groups[_find(leader, index)].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _find(leader: list[int], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = leader[index]
    return index


def describe(members: Sequence[int], onsets: Sequence[Onset], reasons: Mapping[tuple[int, int], set[str]]) -> Incident:
    inside = set(members)
    shared = set[str]().union(*(why for pair, why in reasons.items() if inside.issuperset(pair)))
    return Incident(
        tuple(onsets[index].pattern for index in members),
        tuple(sorted(frozenset[str]().union(*(onsets[index].services for index in members)))),
        onsets[members[0]].started_at,
        tuple(sorted(shared)),
    )
