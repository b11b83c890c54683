"""At most how many tokens a language model reads in a text, without its vocabulary of 200,000. Pure, but for one file.

`api/reads/tokens.py` says how many it is about; an answer that must not be longer than it was asked to be needs a number on the
other side of the truth, whatever a stranger wrote. A tokenizer of byte pairs joins two neighbours into one, what has the lowest
number in its vocabulary first; what has a high number is made of what has lower ones. So one that knows but the beginning of the
vocabulary does the same and stops earlier: it never counts less. `merges.txt` is that beginning of o200k (of tiktoken, MIT), the
token of each number in a line as base64. The text is split at least where o200k splits it.
"""

import base64
import re
import unicodedata
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what Unicode calls white space
UNSURE = frozenset({"Cn", "Co", "Cs"})  # of no kind, or of another one in the next edition of Unicode
BASIC_PLANE = 0x1_0000


def compile_pieces() -> re.Pattern[str]:
    """How o200k splits a text before it looks anything up. A character that it may take for another kind than this Python does,
    as all beyond the basic plane, is a piece with what it may have drawn to itself."""
    kinds = [
        (kind, list(run)) for kind, run in groupby(range(BASIC_PLANE), lambda code: unicodedata.category(chr(code)))
    ]

    def span(*names: str) -> str:
        return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for kind, run in kinds if kind.startswith(names))

    unsure = rf"{span(*UNSURE)}\U00010000-\U0010ffff"
    letters, numbers = span("L"), span("N")
    prefix = rf"[^\r\n{letters}{numbers}{unsure}]?"
    upper, lower = span("Lu", "Lt", "Lm", "Lo", "M"), span("Ll", "Lm", "Lo", "M")
    shortened = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    return re.compile(
        rf"[{unsure}]+(?:[{numbers}]+|[^{SPACE}{letters}{numbers}]*[\r\n/]*)|"
        rf"{prefix}[{upper}]*[{lower}]+{shortened}|{prefix}[{upper}]+[{lower}]*{shortened}|"
        rf"[{numbers}]{{1,3}}|[ ]?[^{SPACE}{letters}{numbers}{unsure}]+[\r\n/]*|"
        rf"[{SPACE}]*[\r\n]+|[{SPACE}]+(?![^{SPACE}])|[{SPACE}]+"
    )


MERGES = Path(__file__).with_name("merges.txt")
USUAL_CHARS = 32  # of a piece: longer ones seldom come again
STRETCH_BYTES = 64  # a longer piece is counted by such stretches, so that the time stays linear


def ceiling_tokens(text: str) -> int:
    """At least as many tokens as o200k makes of it."""
    pieces: list[str] = PIECE.findall(text)
    return sum([recall_ceiling(one) if len(one) <= USUAL_CHARS else piece_ceiling(one) for one in pieces])


def piece_ceiling(piece: str) -> int:
    if is_unsure(piece[0]):
        return sum(count(character.encode("utf-8", "surrogatepass")) for character in piece)
    return count_stretches(piece.encode("utf-8", "surrogatepass"))


def is_unsure(character: str) -> bool:
    return ord(character) >= BASIC_PLANE or unicodedata.category(character) in UNSURE


def count_stretches(raw: bytes) -> int:
    return sum(count(raw[at : at + STRETCH_BYTES]) for at in range(0, len(raw), STRETCH_BYTES))


def count(raw: bytes) -> int:
    """How many are left when no two neighbours can be joined any more."""
    number_of = merges().get
    parts = [raw[at : at + 1] for at in range(len(raw))]
    while len(parts) > 1:
        found = [
            (number, at) for at in range(len(parts) - 1) if (number := number_of(parts[at] + parts[at + 1])) is not None
        ]
        if not found:
            break
        _, at = min(found)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return len(parts)


@cache
def merges() -> dict[bytes, int]:
    """The number of each token that is known here; 2 MiB."""
    lines = MERGES.read_bytes().split()
    return {base64.b64decode(line + b"=" * (-len(line) % 4)): number for number, line in enumerate(lines)}


PIECE = compile_pieces()
recall_ceiling = lru_cache(maxsize=20_000)(piece_ceiling)
