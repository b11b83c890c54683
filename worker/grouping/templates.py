"""Finds the templates behind the skeletons of one error type: which places hold a value, and not a word. Pure.

A place is a token's position among skeletons of the same length. It becomes variable only on evidence: enough
distinct values there while all the rest is the same. No step looks at the order of its input, so every shuffle
gives the same templates. docs/grouping.md says what merges and what does not.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

HOLE: Final = "<*>"
Evidence = tuple[int, ...]
# Values that open a place, by the number of constant words around it.
DISTINCT: Final[Evidence] = (1 << 30, 8, 5, 5, 5, 4, 3)
# The same among what one statement or function raised, as traces tell: there two sentences of the same words are rare.
DISTINCT_RAISED: Final[Evidence] = (1 << 30, 3, 3, 2, 2, 2, 2)
COLON: Final = (":",)
CAPITALS: Final = 0.5  # what a word in capitals says as a value, as states are written
VERB_SHARE: Final = 0.4  # what values say where a verb is to be expected
TAILS, TAIL_WORDS = 3, 4  # ends behind a colon that are one value, after so many constant words
LITERALS: Final = frozenset({"true", "false", "null", "none", "nil", "undefined", "nan"})
BEFORE_VERBS: Final = frozenset(
    {
        "failed",
        "unable",
        "trying",
        "tried",
        "attempt",
        "attempted",
        "attempting",
        "able",
        "refused",
        "could",
        "did",
        "does",
        "do",
        "can",
        "must",
        "error",
    }
)
FEWEST: Final = 1 + DISTINCT[-1]  # skeletons that open several places at once: one more than for a single place
LEVELS: Final = 6  # of frequency tried for each skeleton; more cost time on random text and find nothing
PLACES: Final = 120  # the rest of a longer skeleton is one token
# Tokens of one kind of error that are compared. Where all skeletons together have more, as 5,000 of a hundred words have,
# fewer places of each are told apart: what is new in a project is grouped in some seconds, however much it is.
TOKENS: Final = 500_000

_DELIMITERS: Final = frozenset(space + sign for sign in "=:,;()[]{}\"'|" for space in ("", " "))
_Tokens = tuple[str, ...]
_TOKEN = re.compile(r"\s?(?:[^\s=:,;()\[\]{}\"'|]++|[=:,;()\[\]{}\"'|])")
_HOLES = re.compile(r"<\*>(?:(?::|[ ,;/|.+\-]{0,3}+)<\*>)++")


def find_templates(texts: Iterable[str], evidence: Evidence = DISTINCT) -> dict[str, str]:
    """Each text with its template, for texts that may share one. At most a few passes over all places. `evidence`: how many
    values open a place, by the number of constant words around it."""
    templates = _shorten({text: _tokens(text) for text in texts})
    for step in (_merge_single_places, _merge_tails, _merge_by_frequency, _merge_single_places):
        moves = step(set(templates.values()), evidence)
        templates = {text: moves.get(tokens, tokens) for text, tokens in templates.items()}
    return {text: _close(tokens) for text, tokens in templates.items()}


def span_templates(templates: Mapping[str, int]) -> str:
    """One template for several (with counts) that belong together: open where they differ, if most is the same."""
    most = min(templates, key=lambda template: (-templates[template], template))
    split = [_tokens(template) for template in sorted(templates)]
    if len({len(tokens) for tokens in split}) > 1:
        return most
    differ = {place for place, values in enumerate(zip(*split, strict=True)) if len(set(values)) > 1}
    return _close(_open(split[0], differ)) if 2 * len(differ) < len(split[0]) else most


def _close(tokens: _Tokens) -> str:
    return _HOLES.sub(HOLE, "".join(tokens))


def _tokens(text: str) -> _Tokens:
    return _cut(tuple(_TOKEN.findall(text)), PLACES)


def _cut(tokens: _Tokens, places: int) -> _Tokens:
    return tokens if len(tokens) <= places else (*tokens[:places], "".join(tokens[places:]))


def _shorten(templates: dict[str, _Tokens]) -> dict[str, _Tokens]:
    """The same, with as many places of each as keeps all of them together within TOKENS."""
    lengths = sorted(map(len, templates.values()))
    if sum(lengths) <= TOKENS:
        return templates
    left, places = TOKENS, PLACES
    for shorter, length in enumerate(lengths):
        places = left // (len(lengths) - shorter)  # what each of those that are no shorter may have
        if length > places:
            break
        left -= length
    return {text: _cut(tokens, max(1, places)) for text, tokens in templates.items()}


def _merge_single_places(templates: set[_Tokens], evidence: Evidence) -> dict[_Tokens, _Tokens]:
    """Old template to new, until no two templates that differ in one place can be joined there."""
    final = {tokens: tokens for tokens in templates}
    while moves := _widen(set(final.values()), evidence):
        final = {old: moves.get(new, new) for old, new in final.items()}
    return final


def _widen(templates: set[_Tokens], evidence: Evidence) -> dict[_Tokens, _Tokens]:
    joined = _Joined()
    for place, group in _same_but_one(templates):
        rest = group[0][:place] + group[0][place + 1 :]
        before = group[0][max(0, place - 2) : place]
        if _is_variable({tokens[place] for tokens in group}, _constant_words(rest), before, evidence):
            joined.join(group, place)
    return joined.moves()


def _same_but_one(templates: set[_Tokens]) -> Iterator[tuple[int, list[_Tokens]]]:
    """Groups of at least two templates that differ in that place alone, and not in a space before it.

    The key is the sum of the hashes of all other tokens, which spares a tuple for each place; what has the same
    sum is compared.
    """
    groups: defaultdict[tuple[int, int, bool], list[_Tokens]] = defaultdict(list)
    for tokens in templates:
        hashes = [hash(pair) for pair in enumerate(tokens)]
        total = sum(hashes)
        for place, token in enumerate(tokens):
            if token not in _DELIMITERS:
                groups[place, total - hashes[place], token[0] == " "].append(tokens)
    for (place, _, _), group in groups.items():
        if len(group) > 1 and len({tokens[:place] + tokens[place + 1 :] for tokens in group}) == 1:
            yield place, group


class _Joined:
    """Sets of templates that became one, each with the places that became variable."""

    def __init__(self) -> None:
        self._parent: dict[_Tokens, _Tokens] = {}
        self._places: defaultdict[_Tokens, set[int]] = defaultdict(set)

    def join(self, group: Sequence[_Tokens], place: int) -> None:
        first, *others = {self._root(tokens) for tokens in group}
        self._places[first].add(place)
        for other in others:
            self._parent[other] = first
            self._places[first] |= self._places.pop(other, set())

    def moves(self) -> dict[_Tokens, _Tokens]:
        return {tokens: _open(tokens, self._places[self._root(tokens)]) for tokens in self._parent}

    def _root(self, tokens: _Tokens) -> _Tokens:
        while (parent := self._parent.setdefault(tokens, tokens)) != tokens:
            self._parent[tokens] = self._parent[parent]
            tokens = parent
        return tokens


def _merge_tails(templates: set[_Tokens], _evidence: Evidence) -> dict[_Tokens, _Tokens]:
    """Joins templates that are the same up to the last colon: what led to a failure stands there, in any number of words."""
    groups: defaultdict[_Tokens, list[_Tokens]] = defaultdict(list)
    for tokens in templates:
        colon = max((place for place, token in enumerate(tokens) if token in COLON), default=0)
        if 0 < colon < len(tokens) - 1 and tokens[colon + 1][0] == " ":
            groups[tokens[: colon + 1]].append(tokens)
    moves: dict[_Tokens, _Tokens] = {}
    for head, found in groups.items():
        is_open = any(_is_hole("".join(tokens[len(head) :])) for tokens in found)
        if len(found) >= (2 if is_open else TAILS) and _constant_words(head) >= TAIL_WORDS:
            moves |= dict.fromkeys(found, (*head, f" {HOLE}"))
    return moves


def _merge_by_frequency(templates: set[_Tokens], evidence: Evidence) -> dict[_Tokens, _Tokens]:
    """Joins templates that differ in several places at once: constants are seen often, values seldom.

    The idea of the longest common pattern in Brain (Yu et al., IEEE TSC 2023), over distinct skeletons.
    """
    by_length: defaultdict[int, list[_Tokens]] = defaultdict(list)
    for tokens in templates:
        by_length[len(tokens)].append(tokens)
    moves: dict[_Tokens, _Tokens] = {}
    for group in by_length.values():
        if len(group) >= FEWEST:
            moves |= _merge_rare(group, evidence)
    return moves


def _merge_rare(group: list[_Tokens], evidence: Evidence) -> dict[_Tokens, _Tokens]:
    candidates = _open_rare(group)
    moves: dict[_Tokens, _Tokens] = {}
    for pattern in sorted(candidates, key=lambda pattern: (-_constant_words(pattern), pattern)):
        free = [tokens for tokens in candidates[pattern] if tokens not in moves]
        if _is_pattern(pattern, free, evidence):
            moves |= dict.fromkeys(free, pattern)
    return moves


def _open_rare(group: list[_Tokens]) -> dict[_Tokens, list[_Tokens]]:
    """Patterns that keep what is seen at least so often, for each such number, with their members."""
    seen = Counter((place, token) for tokens in group for place, token in enumerate(tokens))
    members: defaultdict[_Tokens, list[_Tokens]] = defaultdict(list)
    for tokens in group:
        often = [len(group) if token in _DELIMITERS else seen[place, token] for place, token in enumerate(tokens)]
        for level in sorted({*often, len(group)})[-LEVELS:]:
            rare = {place for place, times in enumerate(often) if times < level}
            if level >= FEWEST and rare:
                members[_open(tokens, rare)].append(tokens)
    return {pattern: found for pattern, found in members.items() if len(found) >= FEWEST}


def _is_pattern(pattern: _Tokens, members: list[_Tokens], evidence: Evidence) -> bool:
    words = _constant_words(pattern)
    if len(members) <= _distinct(words, evidence):
        return False
    values = [{tokens[place] for tokens in members} for place in range(len(pattern))]
    opened = [
        (place, found) for place, (found, token) in enumerate(zip(values, pattern, strict=True)) if found != {token}
    ]
    return words >= max(2, len(opened)) and all(
        _is_variable(found, words, pattern[max(0, place - 2) : place], evidence) for place, found in opened
    )


def _is_variable(values: set[str], constant_words: int, before: _Tokens, evidence: Evidence) -> bool:
    """Whether a place with these values varies, given how many constant words hold its skeletons together, and the two tokens
    before it."""
    if any(_is_hole(value) for value in values):  # a value that the masks know sits there already
        return constant_words >= (1 if all(_is_hole(value) or _is_literal(value) for value in values) else 2)
    if all(HOLE in value for value in values):
        return constant_words >= 1
    share = VERB_SHARE if _is_verb_next(before) else 1.0
    return share * sum(_weigh(value) for value in values) >= _distinct(constant_words, evidence)


def _is_hole(value: str) -> bool:
    return HOLE in value and not any(map(str.isalpha, value))


def _is_literal(value: str) -> bool:
    return value.strip().lower() in LITERALS


def _is_verb_next(before: _Tokens) -> bool:
    """Whether what comes next is what was to be done, and not with what: `failed to ...`, `cannot ...`."""
    words = [token.strip().lower() for token in before]
    return words[-1:] in (["cannot"], ["can't"], ["could"], ["couldn't"], ["must"]) or (
        len(words) == 2 and words[1] in ("to", "not") and words[0] in BEFORE_VERBS
    )


def _weigh(value: str) -> float:
    """How much a value says that others may stand in its place: words in capitals, as states are written, less than others."""
    word = value.strip()
    return CAPITALS if len(word) > 1 and word.isalpha() and word.isupper() else 1.0


def _distinct(constant_words: int, evidence: Evidence) -> int:
    return evidence[min(constant_words, len(evidence) - 1)]


def _constant_words(tokens: _Tokens) -> int:
    return sum(HOLE not in token and any(map(str.isalpha, token)) for token in tokens)


def _open(tokens: _Tokens, places: set[int]) -> _Tokens:
    return tuple(
        (f" {HOLE}" if token[0] == " " else HOLE) if place in places else token for place, token in enumerate(tokens)
    )
