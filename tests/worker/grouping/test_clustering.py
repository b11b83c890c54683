"""Patterns hold what says the same thing, in whatever order it came, and keep their ids."""

import random
from itertools import count, pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dev.evaluation.grouping import group_messages, score
from tests.common.grouping_samples import SYSTEMS, labelled
from worker.grouping.clustering import Skeleton, carry_over, cluster_skeletons
from worker.grouping.templates import _shorten, _tokens, find_templates

NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"]


def skeletons(*texts: str, error_type: str | None = None, first: int = 1) -> list[Skeleton]:
    return [Skeleton(number, error_type, text, 1) for number, text in enumerate(texts, first)]


MERGES = [
    ([f"user {name} not found" for name in NAMES[:5]], "user <*> not found"),
    ([f"lost {name}" for name in NAMES[:8]], "lost <*>"),
    ([f"the quota of team {name} was used up" for name in NAMES[:3]], "the quota of team <*> was used up"),
    (["port <*> is taken", "port http is taken"], "port <*> is taken"),
    (["disk root<*>_tmp is full", "disk store<*> is full"], "disk <*> is full"),
    (
        [f"user {a} may not read table {b}" for a, b in pairwise(NAMES)][:6],
        "user <*> may not read table <*>",
    ),
]
STAYS = [
    [f"user {name} not found" for name in NAMES[:4]],
    [f"lost {name}" for name in NAMES[:7]],
    ["disk sda failed to start", "disk sda failed to stop"],
    [f"the worker of this very host was {state}" for state in ("started", "stopped")],
    ["worker started", "worker stopped", "worker paused", "worker died"],
    ["worker <*> died", "worker died"],
    ["cannot read file", "cannot write file"],
    ["a", "b", "c", "d", "e", "f", "g", "h", "i"],
]


@pytest.mark.parametrize(("texts", "template"), MERGES)
def test_merges(texts: list[str], template: str) -> None:
    clusters = cluster_skeletons(skeletons(*texts))
    assert [cluster.template for cluster in clusters] == [template]
    assert clusters[0].count == len(texts)


@pytest.mark.parametrize("texts", STAYS)
def test_does_not_merge(texts: list[str]) -> None:
    assert {cluster.template for cluster in cluster_skeletons(skeletons(*texts))} == set(texts)


def test_never_merges_across_error_types_or_origins() -> None:
    texts = [f"user {name} not found" for name in NAMES]
    mixed = skeletons(*texts, error_type="A") + skeletons(*texts, error_type="B", first=100)
    elsewhere = [Skeleton(200 + n, "A", text, 1, origin="shop/cart.py:load") for n, text in enumerate(texts)]
    clusters = cluster_skeletons(mixed + elsewhere)
    assert sorted((cluster.error_type, len(cluster.fingerprints)) for cluster in clusters) == [
        ("A", 9),
        ("A", 9),
        ("B", 9),
    ]


WORDS = st.sampled_from(["alice", "bob", "carol", "found", "not", "user", "<*>", "a=<*>", "x_<*>", "(", "disk,"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=40, unique=True)


@settings(deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(texts: list[str], dice: random.Random) -> None:
    ordered = skeletons(*texts)
    shuffled = dice.sample(ordered, len(ordered))
    assert cluster_skeletons(shuffled) == cluster_skeletons(ordered)


@settings(deadline=None)
@given(TEXTS)
def test_a_second_run_changes_nothing(texts: list[str]) -> None:
    ids = count(1)
    first = carry_over(cluster_skeletons(skeletons(*texts)), {}, lambda: UUID(int=next(ids)))
    previous = {value: cluster.pattern_id for cluster in first for value in cluster.fingerprints if cluster.pattern_id}
    again = carry_over(cluster_skeletons(skeletons(*texts), previous=previous), previous, lambda: UUID(int=999))
    assert again == first


@settings(deadline=None)
@given(TEXTS, st.dictionaries(st.integers(1, 40), st.sampled_from("abc")))
def test_every_fingerprint_is_in_one_cluster_and_no_count_is_lost(texts: list[str], pins: dict[int, str]) -> None:
    previous = {number: UUID(int=number % 3) for number in range(1, 20)}
    clusters = cluster_skeletons(skeletons(*texts), previous=previous, pins=pins)
    assert sorted(value for cluster in clusters for value in cluster.fingerprints) == list(range(1, len(texts) + 1))
    assert sum(cluster.count for cluster in clusters) == len(texts)


def test_a_wider_template_keeps_its_pattern_id() -> None:
    old = UUID(int=7)
    clusters = cluster_skeletons(skeletons(*(f"user {name} not found" for name in NAMES)))
    carried = carry_over(clusters, {1: old, 2: old, 3: UUID(int=8)}, lambda: UUID(int=99))
    assert [cluster.pattern_id for cluster in carried] == [old]


def test_of_two_parts_the_larger_keeps_the_pattern_id() -> None:
    clusters = cluster_skeletons(skeletons("one two", "three four five"), pins={1: "x", 2: "x"})
    clusters += cluster_skeletons([Skeleton(3, None, "six", 1)])
    carried = carry_over(clusters, dict.fromkeys((1, 2, 3), UUID(int=7)), lambda: UUID(int=99))
    assert [cluster.pattern_id for cluster in carried] == [UUID(int=7), UUID(int=99)]


def test_what_was_together_stays_when_the_evidence_leaves() -> None:
    left = skeletons("user alice not found", "user bob not found")
    clusters = cluster_skeletons(left, previous={1: UUID(int=7), 2: UUID(int=7)})
    assert [(cluster.fingerprints, cluster.template) for cluster in clusters] == [((1, 2), "user <*> not found")]


def test_people_merge_what_differs_and_new_ones_follow() -> None:
    texts = [*(f"user {name} not found" for name in NAMES), "no such account"]
    pins = dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 10), "login")
    clusters = cluster_skeletons(skeletons(*texts), pins=pins)
    assert [cluster.fingerprints for cluster in clusters] == [tuple(range(1, 11))]


def test_people_split_one_off_and_the_rest_stays() -> None:
    clusters = cluster_skeletons(skeletons(*(f"user {name} not found" for name in NAMES)), pins={4: "dave"})
    assert [cluster.fingerprints for cluster in clusters] == [(1, 2, 3, 5, 6, 7, 8, 9), (4,)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_finds_the_templates_of_many_systems(system: str) -> None:
    """All templates but one of each system, of which several have a value that no rule knows."""
    labels, messages = zip(*labelled(system), strict=True)
    accuracy, f1 = score(labels, group_messages(messages))
    assert accuracy >= 0.85
    assert f1 >= 0.75


def test_finds_nearly_all_templates_over_all_systems() -> None:
    pairs = [labelled(system) for system in SYSTEMS]
    scores = [score([a for a, _ in found], group_messages([b for _, b in found])) for found in pairs]
    assert sum(accuracy for accuracy, _ in scores) / len(scores) >= 0.97
    assert sum(f1 for _, f1 in scores) / len(scores) >= 0.95


def test_of_very_many_long_messages_fewer_places_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.grouping.templates.TOKENS", 400)
    words = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"]
    short = [f"user {word} not found" for word in words]
    long = [f"{word} failed " + " ".join(f"w{n}x{word}" for n in range(100)) for word in words]
    found = find_templates([*short, *long])
    assert {found[text] for text in short} == {"user <*> not found"}
    assert sum(len(tokens) for tokens in _shorten({text: _tokens(text) for text in [*short, *long]}).values()) <= 416
    assert {text: found[text] for text in reversed(found)} == find_templates([*reversed(long), *reversed(short)])
