"""Puts the fingerprints of one project into patterns, and carries the patterns' ids from run to run. Pure.

What people decided comes first, then what was together before, then what the templates say.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from worker.grouping.templates import DISTINCT, DISTINCT_RAISED, find_templates, span_templates


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One fingerprint with its masked message and how many errors it has.

    `origin` as in `Fingerprint`: skeletons of different error type or origin never share a pattern.
    """

    fingerprint: int
    error_type: str | None
    text: str
    count: int
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Fingerprints that say the same thing, ascending; `template` has `<*>` at its variable places."""

    fingerprints: tuple[int, ...]
    error_type: str | None
    template: str
    count: int
    pattern_id: UUID | None = None


def cluster_skeletons(
    skeletons: Iterable[Skeleton],
    *,
    previous: Mapping[int, UUID] | None = None,
    pins: Mapping[int, str] | None = None,
) -> list[Cluster]:
    """The clusters of one project, the most frequent first; the same for every order of the input.

    `previous` (fingerprint to pattern) keeps together what was together, so that a pattern does not fall apart
    when its evidence leaves the window. `pins` (fingerprint to a group's name) is what people decided: one name is
    one cluster, across error types as well, and a new fingerprint follows when most of its like are in that group.
    """
    ordered = sorted(skeletons, key=lambda skeleton: skeleton.fingerprint)
    templates = _templates(ordered)
    groups = _apply_pins(_keep_together(_group_by(ordered, templates), previous or {}), _pin_alike(ordered, pins or {}))
    clusters = [_make_cluster(members, templates) for members in groups]
    return sorted(clusters, key=lambda cluster: (-cluster.count, cluster.fingerprints))


def carry_over(clusters: Sequence[Cluster], previous: Mapping[int, UUID], new_id: Callable[[], UUID]) -> list[Cluster]:
    """The clusters with their pattern ids: the previous id that shares most fingerprints, else a new one."""
    shared = Counter(
        (number, previous[fingerprint])
        for number, cluster in enumerate(clusters)
        for fingerprint in cluster.fingerprints
        if fingerprint in previous
    )
    taken: dict[int, UUID] = {}
    used: set[UUID] = set()
    for number, pattern in sorted(shared, key=lambda pair: (-shared[pair], clusters[pair[0]].fingerprints, pair[1])):
        if number not in taken and pattern not in used:
            taken[number] = pattern
            used.add(pattern)
    return [
        replace(cluster, pattern_id=taken[number] if number in taken else new_id())
        for number, cluster in enumerate(clusters)
    ]


_Groups = list[list[Skeleton]]
_Kind = tuple[str | None, str, str]


def _templates(skeletons: Sequence[Skeleton]) -> dict[_Kind, str]:
    texts: defaultdict[tuple[str | None, str], set[str]] = defaultdict(set)
    for skeleton in skeletons:
        texts[skeleton.error_type, skeleton.origin].add(skeleton.text)
    return {
        (*kind, text): template
        for kind, found in texts.items()
        for text, template in find_templates(found, DISTINCT_RAISED if kind[1] else DISTINCT).items()
    }


def _group_by(skeletons: Sequence[Skeleton], templates: Mapping[_Kind, str]) -> _Groups:
    groups: defaultdict[Hashable, list[Skeleton]] = defaultdict(list)
    for skeleton in skeletons:
        template = templates[skeleton.error_type, skeleton.origin, skeleton.text]
        groups[skeleton.error_type, skeleton.origin, template].append(skeleton)
    return list(groups.values())


def _keep_together(groups: _Groups, previous: Mapping[int, UUID]) -> _Groups:
    """Joins groups of one error type and origin that hold fingerprints of the same previous pattern."""
    home: dict[Hashable, list[Skeleton]] = {}
    for group in groups:
        keys = {(s.error_type, s.origin, previous[s.fingerprint]) for s in group if s.fingerprint in previous}
        joined = list(group)
        for other in {id(home[key]): home[key] for key in keys if key in home}.values():
            joined += other
        for member in joined:
            if member.fingerprint in previous:
                home[member.error_type, member.origin, previous[member.fingerprint]] = joined
    kept = {id(group): group for group in home.values()}
    return [*kept.values(), *(group for group in groups if not any(s.fingerprint in previous for s in group))]


def _pin_alike(skeletons: Sequence[Skeleton], pins: Mapping[int, str]) -> dict[int, str]:
    """The pins, and those of fingerprints that say word for word what a pinned one does, as after a new version of
    fingerprints: they go where most of these are."""
    if not pins:
        return {}
    names: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for one in skeletons:
        if one.fingerprint in pins:
            names[one.error_type, one.origin, one.text][pins[one.fingerprint]] += 1
    alike = {kind: min(found, key=lambda name: (-found[name], name)) for kind, found in names.items()}
    followers = {
        one.fingerprint: alike[one.error_type, one.origin, one.text]
        for one in skeletons
        if (one.error_type, one.origin, one.text) in alike
    }
    return {**followers, **pins}


def _apply_pins(groups: _Groups, pins: Mapping[int, str]) -> _Groups:
    """Moves pinned fingerprints to their group; the others of a group follow where most of it went."""
    pinned: defaultdict[str, list[Skeleton]] = defaultdict(list)
    free: _Groups = []
    for group in groups:
        names = Counter(pins[s.fingerprint] for s in group if s.fingerprint in pins)
        name, most = min(names.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
        rest = [s for s in group if s.fingerprint not in pins]
        for skeleton in group:
            if skeleton.fingerprint in pins:
                pinned[pins[skeleton.fingerprint]].append(skeleton)
        if rest and 2 * most > len(group):
            pinned[name] += rest
        elif rest:
            free.append(rest)
    return [*free, *pinned.values()]


def _make_cluster(members: Sequence[Skeleton], templates: Mapping[_Kind, str]) -> Cluster:
    types: Counter[str | None] = Counter()
    shown: Counter[str] = Counter()
    for skeleton in members:
        types[skeleton.error_type] += skeleton.count
        shown[templates[skeleton.error_type, skeleton.origin, skeleton.text]] += skeleton.count
    error_type = min(types, key=lambda name: (-types[name], name or ""))
    fingerprints = tuple(sorted(skeleton.fingerprint for skeleton in members))
    return Cluster(fingerprints, error_type, span_templates(shown), shown.total())
