"""Which release is newer than which, and whether one has the fix that a decision promised. Pure; docs/decisions/0028.

A release is `version` or `package@version`, and a name before a version is a package as well: `shop-1.2.3`, `api:v1.2`,
`release/1.2`. Versions are ordered as semantic versions or by the date that they are named
after; what is neither, and what is named in another way than the other, by when the project sent it first.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple

Scheme = Literal["semantic", "date"]
Order = Literal["semantic", "date", "first_seen"]
Part = tuple[int, int, str]  # a number before a word, as in semantic versions

MOST_DIGITS = 18
_N = rf"[0-9]{{1,{MOST_DIGITS}}}+"
_REST = r"(?P<rest>[A-Za-z.\-_ T][0-9A-Za-z.\-_:]*+)?+(?:\+(?P<build>[0-9A-Za-z.\-_+]++))?+"
# 2026.11.29, 2026-11-29.3, 2026.11.0 (the third release of a month), 20261129, 202611291530; zeros before or not
_DATE = re.compile(
    rf"v?(?P<year>(?:19[89]|20[0-9])[0-9])(?P<sign>[.\-_/])(?P<month>0?[1-9]|1[0-2])(?P=sign)(?P<day>{_N})(?P<time>){_REST}"
)
_DAY = re.compile(
    r"v?(?P<year>(?:19[89]|20[0-9])[0-9])(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12][0-9]|3[01])"
    rf"(?P<time>[0-9]{{4}}(?:[0-9]{{2}})?)?+{_REST}"
)
# 1.2.3, v1.2, 1.2.3.4, 1.2.3-rc.1+456, 1.2.0rc1, 1.2.post1; a number alone where it cannot be the hash of a commit
_SEMANTIC = re.compile(rf"[vV]?(?P<numbers>{_N}(?:\.{_N}){{1,3}}+|[0-9]{{1,6}}+){_REST}")
_PREFIXED = re.compile(
    r"(?P<package>[A-Za-z][A-Za-z0-9_./-]{0,100}?)[-_/: ](?P<version>[vV]?[0-9]+[.][0-9].*|(?:19|20)[0-9]{2}[-_/]?[0-9]{2}.*)"
)
# Seven digits or more of a commit's hash, which may begin as a number does
_HASH = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]{7,64}(?:[-+._ ].*)?")
_PART = re.compile(rf"{_N}|[A-Za-z]++")
_BEFORE = re.compile(
    r"[.\-_ ]?(?:a|b|c|rc|alpha|beta|pre|preview|dev|snapshot|nightly|canary|next)(?![A-Za-z])", re.IGNORECASE
)
# 1.2.post1, and what `git describe` says of commits after a tag: 1.2.3-14-g1a2b3c4
_AFTER = re.compile(r"[.\-_]?(?:post|rev|r)(?![A-Za-z])|-[0-9]++-g[0-9a-f]{4,40}+$", re.IGNORECASE)


class Version(NamedTuple):
    """A release that can be read. Keys of one package and scheme are totally ordered; `line` is where fixes of a release
    go that is out already: major and minor of a semantic version."""

    package: str
    scheme: Scheme
    key: tuple[tuple[Part, ...], int, tuple[Part, ...], tuple[Part, ...]]
    line: tuple[Part, ...]

    @property
    def is_final(self) -> bool:
        """Whether it is no pre-release."""
        return self.key[1] >= 0

    @property
    def kind(self) -> tuple[str, Scheme]:
        """Only versions of one kind are compared."""
        return self.package, self.scheme


@lru_cache(maxsize=1_024)
def read_release(release: str) -> Version | None:
    """The release as something that can be ordered; None where its name tells no order."""
    package, _, version = release.strip().rpartition("@")
    known = read_version(package, version)
    if known is None and (named := _PREFIXED.fullmatch(version)):
        name = f"{package}@{named['package']}" if package else named["package"]
        known = read_version(name, named["version"])
    return known


def read_version(package: str, version: str) -> Version | None:
    if match := _DATE.fullmatch(version) or _DAY.fullmatch(version):
        return make_version(package, "date", [*match.group("year", "month", "day"), match["time"] or "0"], match)
    match = _SEMANTIC.fullmatch(version)
    if match is None or may_be_hash(version, match):
        return None
    return make_version(package, "semantic", match["numbers"].split("."), match)


def may_be_hash(version: str, match: re.Match[str]) -> bool:
    """Whether what begins with a number and a letter may be a commit: 3f2a1c9, but 2rc1 and 2.0a1 are versions."""
    rest = match["rest"] or ""
    if "." in match["numbers"] or not rest[:1].isalpha():
        return False
    return _HASH.fullmatch(version) is not None or not (_BEFORE.match(rest) or _AFTER.match(rest))


def make_version(package: str, scheme: Scheme, numbers: list[str], match: re.Match[str]) -> Version:
    """Numbers that are left out are zeros: 1.2 is 1.2.0."""
    parts = tuple((0, int(number), "") for number in [*numbers, "0", "0", "0", "0"][:4])
    rest = match["rest"] or ""
    key = (parts, rank_rest(rest, scheme), split_parts(rest), split_parts(match["build"]))
    return Version(package, scheme, key, parts[:2])


def rank_rest(rest: str, scheme: Scheme) -> int:
    """-1 for a pre-release, which comes before its release, 1 for what comes after it, 0 for the release itself."""
    if not rest:
        return 0
    if _BEFORE.match(rest):
        return -1
    return 1 if scheme == "date" or _AFTER.match(rest) or not rest.startswith("-") else -1


def split_parts(text: str | None) -> tuple[Part, ...]:
    """Runs of digits and of letters; numbers are before words, and fewer parts before more (semver.org, 11.4)."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _PART.findall(text or ""))


def order_of(release: str) -> Order:
    version = read_release(release)
    return version.scheme if version else "first_seen"


def name_order(releases: Iterable[str]) -> Order:
    """What most of these releases are ordered by."""
    orders: Counter[Order] = Counter(map(order_of, releases))
    return min(orders, key=lambda order: (-orders[order], order), default="first_seen")


def is_next(release: str, known: Collection[str]) -> bool:
    """Whether a release comes after those that a project had sent when somebody said: fixed in the next one.

    It is newer than the newest of its package, and not of its line: a fix of 10.18.6 that is called 10.18.7 is made of
    10.18.6, and promises nothing of what is fixed in the main line. Where it cannot be compared, it was not known then.
    """
    version = read_release(release)
    siblings = [other for other in map(read_release, known) if version and other and other.kind == version.kind]
    if version is None or not siblings:
        return release not in known
    newest = max(siblings, key=lambda other: other.key)
    is_fix_of_newest = version.scheme == "semantic" and newest.is_final and version.line == newest.line
    return version.key > newest.key and not is_fix_of_newest


def has_fix(release: str, fixed_in: str, first_seen: Mapping[str, datetime]) -> bool:
    """Whether a release is the one that has the fix, or a later one; by when both were first seen where their names do
    not tell. A fix that names no package is that of every package."""
    one, other = read_release(release), read_release(fixed_in)
    if one and other and one.scheme == other.scheme and other.package in ("", one.package):
        return one.key >= other.key
    if release == fixed_in:
        return True
    return fixed_in in first_seen and release in first_seen and first_seen[release] > first_seen[fixed_in]
