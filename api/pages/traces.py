"""A stack trace for eyes: what the program's own frames say stays open, what libraries say is folded. Pure."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from common.fingerprint.traces import name_lines

FOLDED_FROM = 3  # lines; fewer take no more room than what says that they are folded


class Block(NamedTuple):
    """Lines of a trace that belong together."""

    lines: Sequence[str]
    is_own: bool
    is_folded: bool

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def fold_trace(trace: str) -> list[Block]:
    """The lines of the trace in their order, in blocks; those of libraries are folded where some frame is the program's own."""
    named = name_lines(trace)
    has_own = any(own for _, own in named)
    blocks = []
    for own, group in groupby(named, key=lambda one: one[1]):
        lines = [line for line, _ in group]
        blocks.append(Block(lines, bool(own), has_own and own is False and len(lines) >= FOLDED_FROM))
    return blocks
