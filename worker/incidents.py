"""Patterns of different services that began together and have something in common are one incident. Pure.

Together: within five minutes of each other. In common: a trace id, or a rare word of their titles. Two patterns of
one service are two failures of it, and join only through a pattern of another service.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from uuid import UUID, uuid5

TOGETHER = timedelta(minutes=5)
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,}")
RARE_SHARE = 0.02  # a word is rare when at most this part of all titles has it, or FEWEST of them
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Start:
    """A pattern that began or jumped lately."""

    pattern_id: UUID
    began_at: datetime
    title: str
    services: frozenset[str]
    trace_ids: frozenset[str] = frozenset()
    incident_id: UUID | None = None  # the incident that the last run saw it in


def find_incidents(starts: Iterable[Start], all_titles: Iterable[str], project_id: UUID) -> dict[UUID, UUID]:
    """The incident of each pattern that is in one; the same for every order of the input.

    An incident keeps its id while one of its patterns is in it.
    """
    ordered = sorted(starts, key=lambda start: (start.began_at, start.pattern_id))
    rare = rare_words(all_titles)
    words = {start.pattern_id: words_of(start.title) & rare for start in ordered}
    groups = {start.pattern_id: {start.pattern_id} for start in ordered}
    for one, other in combinations(ordered, 2):
        if belong_together(one, other, words):
            joined = groups[one.pattern_id] | groups[other.pattern_id]
            groups |= dict.fromkeys(joined, joined)
    by_id = {start.pattern_id: start for start in ordered}
    return {
        pattern: name_incident([by_id[member] for member in group], project_id)
        for pattern, group in groups.items()
        if len(group) > 1
    }


def belong_together(one: Start, other: Start, words: Mapping[UUID, frozenset[str]]) -> bool:
    """Whether two starts are of different services, at one time, and share a trace or a rare word."""
    if abs(one.began_at - other.began_at) > TOGETHER or one.services & other.services:
        return False
    return bool(one.trace_ids & other.trace_ids or words[one.pattern_id] & words[other.pattern_id])


def rare_words(titles: Iterable[str]) -> frozenset[str]:
    """The words that few titles have: those tell failures apart."""
    counts: Counter[str] = Counter()
    total = 0
    for title in titles:
        counts.update(words_of(title))
        total += 1
    most = max(FEWEST, int(total * RARE_SHARE))
    return frozenset(word for word, count in counts.items() if count <= most)


def words_of(title: str) -> frozenset[str]:
    return frozenset(word.lower() for word in WORD.findall(title))


def name_incident(members: Sequence[Start], project_id: UUID) -> UUID:
    """The id that most members had, else one made of the first member."""
    had = Counter(member.incident_id for member in members if member.incident_id is not None)
    if had:
        return min(had, key=lambda incident: (-had[incident], incident))
    first = min(members, key=lambda member: (member.began_at, member.pattern_id))
    return uuid5(project_id, f"incident {first.pattern_id} {first.began_at.isoformat()}")
