"""Releases are ordered as people mean them, in a total order, and a fix is in what comes after it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.snapshots.releases import has_fix, is_next, name_order, read_release

ASCENDING = [
    ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"],
    ["0.9", "v1.0rc1", "1.0.0", "1.0.post1", "1.0.1", "1.0.1-14-g1a2b3c4", "v1.2", "1.10.0", "2", "11"],
    ["10.17.0", "10.18.6", "10.18.7", "10.23.0", "10.24.0"],
    ["1.2.3", "1.2.3+9", "1.2.3+10", "1.2.3.4"],
    ["2026.11.28", "2026.11.29-rc1", "2026.11.29", "2026.11.29.2", "2026.11.29.10", "2026.12.1", "2027.1.1"],
    ["20261129", "2026-11-29.3", "202611291530", "20261130", "2026/12/01"],
    ["shop@1.9.0", "shop@1.10.0", "shop@1.10.0+2"],
    ["shop-1.9.0", "shop-v1.10.0-rc.1", "shop:1.10.0", "shop/1.10.1", "shop 1.10.2"],
    ["release-2026-11-28", "release-20261129", "release/2026.11.30"],
    ["2a1", "2rc1", "2", "2.post1"],
]
UNREADABLE = ["", "deadbeef", "1234567", "main", "release-7", "1.2.3 😀", "9" * 400, "\u0661.\u0662", "a" * 5_000]
# A commit's hash begins with a digit more often than not; it is no version for that.
UNREADABLE += ["3f2a1c9", "3b12345", "9e107d9d372bb6826bd81d3542a419d6d6f5d5e5", "3b2a1c9-dirty", "3f2a1", "abc-1234"]


@pytest.mark.parametrize("releases", ASCENDING)
def test_versions_are_ordered_as_people_mean_them(releases: list[str]) -> None:
    read = [read_release(release) for release in releases]
    keys = [version.key for version in read if version]
    assert len(keys) == len(releases)
    assert len({version.kind for version in read if version}) == 1
    assert all(before < after for before, after in pairwise(keys))


@pytest.mark.parametrize("release", UNREADABLE)
def test_what_tells_no_order_is_not_read(release: str) -> None:
    assert read_release(release) is None
    assert name_order([release]) == "first_seen"


names = st.one_of(
    st.text(max_size=30),
    st.sampled_from([release for releases in ASCENDING for release in releases] + UNREADABLE),
    st.from_regex(r"(?:v|a@)?[0-9]{1,4}(?:\.[0-9]{1,2}){0,4}(?:[-.]?[a-z0-9.]{0,6})(?:\+[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"20[0-9]{2}[-.]?[0-9]{2}[-.]?[0-9]{2}[-.a-z0-9]{0,5}", fullmatch=True),
)


@given(st.lists(names, max_size=8))
def test_the_order_is_total_and_transitive_among_versions_of_one_kind(releases: list[str]) -> None:
    read = [version for version in map(read_release, releases) if version]
    for kind in {version.kind for version in read}:
        same = [version for version in read if version.kind == kind]
        for one in same:
            for other in same:
                assert (one.key < other.key) + (one.key == other.key) + (one.key > other.key) == 1
                for third in same:
                    assert not one.key <= other.key <= third.key or one.key <= third.key


@given(st.lists(names, min_size=1, max_size=8), names)
def test_what_was_known_is_never_the_next_release_and_newer_ones_stay_so(known: list[str], release: str) -> None:
    assert not any(is_next(one, known) for one in known)
    assert is_next(release, known) == is_next(release, [*reversed(known), *known])
    assert not is_next(release, [*known, release])


@given(names, names, st.booleans())
def test_a_release_has_its_own_fix_and_one_of_two_has_the_others(one: str, other: str, is_first: bool) -> None:
    now = datetime(2026, 11, 29, tzinfo=UTC)
    seen = {other: now, one: now - timedelta(days=1) if is_first else now + timedelta(days=1)}
    assert has_fix(one, one, seen)
    if one != other:
        read = read_release(one), read_release(other)
        if not (read[0] and read[1]):
            assert has_fix(one, other, seen) is not has_fix(other, one, seen)


@pytest.mark.parametrize(
    ("known", "release", "expected"),
    [
        (["10.18.6"], "10.18.7", False),
        (["10.18.6"], "10.17.0", False),
        (["10.18.6"], "10.19.0", True),
        (["10.18.6"], "11.0.0-rc.1", True),
        (["10.18.6", "10.23.0"], "10.19.4", False),
        (["10.18.6", "10.23.0"], "10.24.0", True),
        (["10.24.0-rc.1"], "10.24.0", True),
        (["10.24.0-rc.2"], "10.24.0-rc.1", False),
        (["2026.11.29"], "2026.11.30", True),
        (["2026.11.29"], "2026.11.29.2", True),
        (["2026.11.29"], "2026.11.28", False),
        (["shop@1.2.0", "web@9.0.0"], "shop@1.3.0", True),
        (["shop@1.2.0", "web@9.0.0"], "web@9.0.1", False),
        (["cafe12"], "beef34", True),
        (["cafe12"], "cafe12", False),
        (["9f2a1c9"], "3f2a1c9", True),
        (["shop-10.18.6"], "shop-10.18.7", False),
        (["shop-10.18.6"], "shop-10.17.0", False),
        (["shop-10.18.6"], "shop-10.19.0", True),
        (["cafe12", "1.2.3"], "1.1.0", False),
        (["42"], "43", True),
        (["42"], "41", False),
    ],
)
def test_the_next_release(known: list[str], release: str, expected: bool) -> None:
    assert is_next(release, known) is expected


@pytest.mark.parametrize(
    ("fixed_in", "release", "expected"),
    [
        ("10.24.0", "10.24.0", True),
        ("10.24.0", "10.24.1", True),
        ("10.24.0", "v10.24", True),
        ("10.24.0", "10.24.0-rc.9", False),
        ("10.24.0", "10.23.99", False),
        ("10.24.0", "shop@10.24.0", True),
        ("shop@10.24.0", "web@10.24.0", False),
        ("10.24.0", "shop-10.23.9", False),
        ("10.24.0", "shop-10.24.1", True),
        ("2026.11.29", "20261130", True),
        ("10.24.0", "beef34", False),
    ],
)
def test_the_release_with_the_fix(fixed_in: str, release: str, expected: bool) -> None:
    assert has_fix(release, fixed_in, {}) is expected
