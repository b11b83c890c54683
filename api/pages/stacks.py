"""Frames with their lines of source and their locals, where a sender told them: a view of an error's context for eyes. Pure.

Senders may put anything under the name `exception`: what has not the form that our receivers give it is no stack, and is shown
as the JSON that it is.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from common.fingerprint.libraries import is_library

SOURCE_LINES_MAX = 60


class SourceLine(NamedTuple):
    """A line of source, and whether it is the one that ran; its number where that is known."""

    number: int | None
    text: str
    is_current: bool


class ShownFrame(NamedTuple):
    """One frame: what it is called, where it is, whose it is, what stands around it, what it held."""

    name: str
    place: str
    is_own: bool
    source: Sequence[SourceLine]
    local: Mapping[str, Any]

    @property
    def has_more(self) -> bool:
        return bool(self.source or self.local)


class FrameBlock(NamedTuple):
    """Frames in a row that are all the program's own, or all of libraries."""

    frames: Sequence[ShownFrame]
    is_own: bool


class ShownStack(NamedTuple):
    """One error of a chain with its frames, where it was raised first."""

    type: str
    value: str
    blocks: Sequence[FrameBlock]
    left_out: int


def read_stacks(exception: Any) -> list[ShownStack]:
    """The errors of a chain, that which was raised first; nothing where no frame tells more than a trace does."""
    stacks = [stack for one in as_list(exception) if (stack := read_stack(one)) is not None]
    return stacks if any(frame.has_more for stack in stacks for block in stack.blocks for frame in block.frames) else []


def read_stack(raised: Any) -> ShownStack | None:
    """None for what is none."""
    if not isinstance(raised, Mapping):
        return None
    frames = [read_frame(one) for one in reversed(as_list(raised.get("frames"))) if isinstance(one, Mapping)]
    blocks = [FrameBlock(list(block), is_own) for is_own, block in groupby(frames, key=lambda frame: frame.is_own)]
    left_out = raised.get("frames_left_out")
    return ShownStack(
        as_text(raised.get("type")), as_text(raised.get("value")), blocks, left_out if isinstance(left_out, int) else 0
    )


def read_frame(frame: Mapping[str, Any]) -> ShownFrame:
    function, module, file = (as_text(frame.get(name)) for name in ("function", "module", "file"))
    line, column = as_number(frame.get("line")), as_number(frame.get("column"))
    place = ":".join([file or module, *(str(number) for number in (line, column) if number is not None)])
    own = frame.get("in_app")
    local = frame.get("locals")
    return ShownFrame(
        name=function or "?",
        place=place,
        is_own=own if isinstance(own, bool) else not is_library(file.replace("\\", "/")),
        source=read_source(frame.get("source"), as_number(frame.get("source_from")), line),
        local=local if isinstance(local, Mapping) else {},
    )


def read_source(source: Any, first: int | None, line: int | None) -> list[SourceLine]:
    """The lines; where the first has no number there is one alone, which is the one that ran."""
    texts = as_text(source).split("\n")[:SOURCE_LINES_MAX] if source else []
    start = first if first is not None else line
    numbers = [None if start is None else start + number for number in range(len(texts))]
    return [
        SourceLine(number, text, number == line if number is not None else len(texts) == 1)
        for number, text in zip(numbers, texts, strict=True)
    ]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
