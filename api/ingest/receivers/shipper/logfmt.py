"""Lines of `key=value` pairs (logfmt), as Go services, Heroku and many proxies write them. Pure."""

import re

PAIR = re.compile(
    r'([A-Za-z_@][\w.\-/@]{0,120})=(?:"((?:[^"\\]++|\\.)*+)"|\'((?:[^\'\\]++|\\.)*+)\'|([^\s"]*+))(?=\s|$)'
)
FIRST = re.compile(r"\s{0,8}[A-Za-z_@][\w.\-/@]{0,120}=")
WORD = re.compile(r"\S++")
BLANKS = re.compile(r"\s*+")
ESCAPES = re.compile(r'\\(["\'\\nrt])')
ESCAPED = {'"': '"', "'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
PAIRS_MAX = 500
# A line is one where a pair of these is in it: `x=1` in a sentence makes none.
TOLD_BY = frozenset(
    ("level", "lvl", "severity", "msg", "message", "ts", "time", "timestamp", "err", "error", "at", "logger")
)


def read_pairs(text: str) -> dict[str, str] | None:
    """The pairs of a line that has nothing else; None where it is another kind of line."""
    if FIRST.match(text) is None:
        return None
    pairs: dict[str, str] = {}
    place, end = 0, len(text)
    while place < end and len(pairs) < PAIRS_MAX:
        blanks = BLANKS.match(text, place)
        place = blanks.end() if blanks else place
        if found := PAIR.match(text, place):
            pairs.setdefault(found[1], value_of(found))
            place = found.end()
        elif word := WORD.match(text, place):
            pairs.setdefault(word[0][:120], "true")  # a flag
            place = word.end()
    is_told = len(pairs) > 1 and any(key.lower() in TOLD_BY for key in pairs)
    return pairs if is_told else None


def read_all_pairs(text: str) -> dict[str, str] | None:
    """The pairs of a text that is nothing else, whatever their names; None for any other text."""
    pairs: dict[str, str] = {}
    place = 0
    while (found := PAIR.match(text, place)) is not None and len(pairs) < PAIRS_MAX:
        pairs.setdefault(found[1], value_of(found))
        blanks = BLANKS.match(text, found.end())
        place = blanks.end() if blanks else found.end()
    return pairs if pairs and place == len(text) else None


def value_of(pair: re.Match[str]) -> str:
    _, double, single, bare = pair.groups()
    quoted = single if double is None else double
    return unescape(quoted) if quoted is not None else bare


def unescape(text: str) -> str:
    return ESCAPES.sub(lambda found: ESCAPED[found[1]], text) if "\\" in text else text
