"""From fingerprints to the rows of their patterns: which id a cluster has, and what its pattern says."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tests.worker.stored import PROJECT
from worker.counting.fingerprints import first_pattern_id
from worker.grouping.clustering import Cluster
from worker.grouping.pattern_rows import cluster_rows, new_pattern_id, pattern_row

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = UUID(int=4711)


def row(fingerprint: int, skeleton: str = "disk full", pattern_id: UUID | None = None, errors: int = 1) -> Any:
    """A fingerprint as it is stored; placed where it has a pattern."""
    seen = NOW - timedelta(hours=fingerprint)
    return SimpleNamespace(
        fingerprint=fingerprint, error_type="OSError", origin="disk.py", skeleton=skeleton, errors=errors,
        title=f"title of {fingerprint}", grouped_by="message", pattern_id=pattern_id, is_placed=pattern_id is not None,
        first_seen=seen, last_seen=seen,
    )  # fmt: skip


def test_a_new_cluster_is_named_after_its_first_fingerprint() -> None:
    [(pattern_id, cluster)] = cluster_rows(PROJECT, [row(2), row(1)], {})
    assert cluster.fingerprints == (1, 2)
    assert pattern_id == first_pattern_id(PROJECT, 1)


def test_a_cluster_keeps_the_id_of_the_pattern_that_it_goes_on() -> None:
    [(pattern_id, cluster)] = cluster_rows(PROJECT, [row(1), row(2, pattern_id=OLD)], {})
    assert (pattern_id, cluster.fingerprints) == (OLD, (1, 2))


def test_what_people_pinned_has_the_id_that_they_pinned_it_to() -> None:
    found = dict(cluster_rows(PROJECT, [row(1), row(2, "no route")], {1: str(OLD), 2: str(OLD)}))
    assert found[OLD].fingerprints == (1, 2)


def test_an_id_that_is_used_is_never_given_again() -> None:
    cluster = Cluster((1, 2), None, "disk full", 2)
    first, second = (first_pattern_id(PROJECT, fingerprint) for fingerprint in (1, 2))
    assert new_pattern_id(PROJECT, cluster, set()) == first
    assert new_pattern_id(PROJECT, cluster, {first}) == second
    assert new_pattern_id(PROJECT, cluster, {first, second}) not in {first, second}


def test_a_pattern_of_one_fingerprint_has_its_title_and_of_several_that_of_the_template() -> None:
    members = [row(1, errors=2), row(2, errors=5)]
    alone = pattern_row(PROJECT, OLD, Cluster((1,), "OSError", "disk <*> full", 2), members[:1])
    together = pattern_row(PROJECT, OLD, Cluster((1, 2), "OSError", "disk <*> full", 7), members)
    assert (alone["title"], together["title"]) == ("title of 1", "OSError: disk <*> full")


def test_a_pattern_was_seen_from_its_first_to_its_last_error() -> None:
    told = pattern_row(PROJECT, OLD, Cluster((1, 5), "OSError", "disk full", 2), [row(1), row(5)])
    assert (told["first_seen"], told["last_seen"]) == (NOW - timedelta(hours=5), NOW - timedelta(hours=1))
