"""Which statement raised an error: what tells one failure from another where there is a trace. Pure.

A program fails in its statements. One is known by the types of the errors of the chain, by the innermost frame of the
program's own of each, and by what it says: its line of source where the trace shows that and a sentence stands in it, else
the message. Where neither says anything, those who called it tell.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from common.fingerprint.masks import HOLE
from common.fingerprint.traces import Trace

SKELETONS: Final = 4_096
# Two words in a string after the keyword that raises; what stands in braces is a value.
_SENTENCE: Final = re.compile(r"""raise\b[^"'\n]{0,200}["'][^"'\n]{0,200}?[A-Za-z]{2,40}+[ ,.:;\-]{1,4}+[A-Za-z]{2}""")
_IN_BRACES: Final = re.compile(r"\{[^{}]{0,200}\}")
_WORD: Final = re.compile(r"[^\W\d_]{2,}+")
WORDS: Final = 2  # that a message has to say


class Raised(NamedTuple):
    """`origin`: the innermost frame, and a hash of all that tells where it was raised. `is_told`: whether its line of source
    says what is wrong, so that the message adds nothing. `is_raise`: whether that line is one that raises."""

    origin: str
    types: tuple[str, ...]
    is_told: bool
    is_raise: bool


def find_raised(trace: Trace, error_type: str | None) -> Raised:
    """`error_type`, where it is known, goes before the type that the trace tells."""
    types = (error_type, *trace.types[1:]) if error_type else trace.types
    source = trace.source
    is_raise = source.startswith("raise ")
    is_told = is_raise and _SENTENCE.match(_IN_BRACES.sub("{}", source)) is not None
    digest = digest_of("stacktrace", *types, "", trace.frames[0], source, "", *trace.causes)
    return Raised(f"{trace.frames[0]} {digest:016x}", types, is_told, is_raise)


def add_callers(raised: Raised, trace: Trace) -> Raised:
    """The same, told by its callers too."""
    frame, _, _ = raised.origin.rpartition(" ")
    return raised._replace(origin=f"{frame} {digest_of(raised.origin, *trace.frames[1:]):016x}")


@lru_cache(maxsize=SKELETONS)
def says_something(skeleton: str) -> bool:
    """Whether a masked message has words enough to tell one failure from another."""
    return len(_WORD.findall(skeleton.replace(HOLE, " "))) >= WORDS


def digest_of(*parts: str) -> int:
    """64 bits, not negative."""
    text = "\0".join(parts)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
