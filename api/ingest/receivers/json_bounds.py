"""How much of a JSON text is read: what is going to be cut or refused is left out of the text before a parser sees it. Pure.

A parser keeps the interpreter until it is done: 6.6 million `[]` in 19 MB are 8 s, in which the event loop stands still. So
a text that may hold more values than are kept is looked at in blocks, each a fraction of a millisecond.
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

VALUES_READ = 1_000  # a text of fewer is read as it is: no limit but that of the settings is less
BLOCK_BYTES = 16 * 2**10
SMALLER_BYTES = (BLOCK_BYTES, 2**10, 2**6)  # a block in which an end is found is searched in smaller ones
RUNS = 200  # of brackets are looked at one by one, which is quicker where the end is near
PAIRINGS = 16  # passes in which brackets that enclose nothing are taken out of a block

STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+'  # without its closing quote
_WHOLE_STRING = rf'{STRING}"'.encode()
RAW_STRING = re.compile(_WHOLE_STRING, re.DOTALL)
# All up to a place that is not within a string; each match begins where the one before ended, so that no place is
# searched twice. Nothing follows a string that does not end.
SOLID = re.compile(rb'(?:[^"]++|%s)*+' % _WHOLE_STRING, re.DOTALL)
RAW_BRACKETS = re.compile(rb'(?:[^"\[\]{}]++|%s)*+([\[{]++|[\]}]++)?+' % _WHOLE_STRING, re.DOTALL)
# Up to the next separator there are a key, a colon and a value in JSON, and blanks; what is empty holds no value.
_BETWEEN = rb'[^"\[\]{},]++|%s' % _WHOLE_STRING
RAW_PIECE = re.compile(rb"(?:%s){0,16}+([\[\]{},])" % _BETWEEN, re.DOTALL)
SEPARATORS = re.compile(rb"(?:%s|\[\s*+\]|\{\s*+\}){0,16}+([\[\]{},])" % _BETWEEN, re.DOTALL)
RAW_END = re.compile(rb"(?:%s){0,16}+\Z" % _BETWEEN, re.DOTALL)
SQUARE = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS, NO_SEPARATORS = (bytes(set(range(256)) - set(kept)) for kept in (b"[]{}", b"[{,"))
CLOSING = {b"[": b"]", b"{": b"}"}


def is_vast(text: bytes, most: int = VALUES_READ) -> bool:
    """Whether a text may hold more than so many values, told by its commas and brackets."""
    return len(text) > most and text.count(b",") + text.count(b"[") + text.count(b"{") > most


def has_more_values(text: bytes, most: int) -> bool:
    """Whether a text has more commas and brackets than this outside of its strings, so many values at most."""
    if not is_vast(text, most):
        return False
    counts = accumulate(len(without_strings(block).translate(None, NO_SEPARATORS)) for block in walk_blocks(text, 0))
    return any(count > most for count in counts)


def is_within(value: Any, text: str, max_depth: int, most: int) -> bool:
    """Whether a value keeps these limits for certain: it nests no deeper, and by the commas and brackets of the JSON text that it
    is written as it has no more keys and items. A tenth of what the cleaning of it takes."""
    return not has_more_values_than(text, most) and is_shallow(value, max_depth)


def has_more_values_than(text: str, most: int) -> bool:
    """Whether a text of bounded length has more commas and opening brackets than this outside of its strings."""
    if text.count(",") + text.count("[") + text.count("{") <= most:
        return False
    return count_values(text.encode()) > most


def count_values(text: bytes) -> int:
    """The commas and opening brackets of a text of bounded length outside of its strings: so many keys and items at most."""
    return len(without_strings(text).translate(None, NO_SEPARATORS))


def is_shallow(value: Any, max_depth: int) -> bool:
    """Whether objects and lists of a value are nested no deeper than this."""
    level = [value]
    for _ in range(max_depth):
        level = [
            one
            for inner in level
            for one in (inner.values() if type(inner) is dict else inner)
            if type(one) is dict or type(one) is list
        ]
        if not level:
            return True
    return False


def walk_blocks(text: bytes, start: int, size_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The text from a place outside of its strings, in blocks that end outside of them; ends where a string does not."""
    place = start
    while place < len(text):
        block = SOLID.match(text, place, place + size_bytes)
        if block is None or block.end() == place:
            block = RAW_STRING.match(text, place)
        if block is None:
            return
        yield block[0]
        place = block.end()


def without_strings(block: bytes) -> bytes:
    """What stands between the strings of a block."""
    if b"\\" in block:
        block = block.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(block.split(b'"')[::2])


def find_end(text: bytes, start: int) -> int:
    """The place after the bracket that closes the one at `start`. Raises ValueError where there is none."""
    depth, place = 0, start
    for _ in range(RUNS):
        piece = RAW_BRACKETS.match(text, place, place + BLOCK_BYTES)
        if piece is None or piece[1] is None:
            break
        place = piece.end()
        depth += rise_of(piece[1])
        if depth <= 0:
            return place + depth
    for size_bytes in SMALLER_BYTES:
        place, depth = pass_blocks(text, place, depth, size_bytes)
    return pass_runs(text, place, depth)


def pass_blocks(text: bytes, place: int, depth: int, size_bytes: int) -> tuple[int, int]:
    """The place of the first block in which this depth is left, and the depth there. Raises ValueError."""
    for block in walk_blocks(text, place, size_bytes):
        brackets = pair_brackets(without_strings(block).translate(SQUARE, NO_BRACKETS))
        if lowest(brackets, depth) <= 0:
            return place, depth
        place += len(block)
        depth += 2 * brackets.count(b"[") - len(brackets)
    raise ValueError("a bracket is not closed")


def pass_runs(text: bytes, place: int, depth: int) -> int:
    """The place after the bracket at which this depth is left, which is near."""
    while depth > 0 and (piece := RAW_BRACKETS.match(text, place)) and piece[1]:
        place = piece.end()
        depth += rise_of(piece[1])
    return place + depth


def rise_of(run: bytes) -> int:
    """How much deeper the text is after a run of brackets of one direction."""
    return len(run) if run[:1] in b"[{" else -len(run)


def pair_brackets(brackets: bytes) -> bytes:
    """Brackets of one kind without most of the pairs that enclose nothing else."""
    for _ in range(PAIRINGS):
        brackets, before = brackets.replace(b"[]", b""), len(brackets)
        if len(brackets) == before:
            break
    return brackets


def lowest(brackets: bytes, depth: int) -> int:
    """The least depth that the brackets come to from this one."""
    if brackets.count(b"]") < depth:
        return depth - brackets.count(b"]")
    return min(accumulate((rise_of(run) for run in re.findall(rb"\[+|\]+", brackets)), initial=depth))


def cut_values(text: bytes, max_depth: int, most: int) -> bytes:
    """The text of an object or a list with its first `most` keys and items in the order in which they stand, at any depth;
    what is deeper than `max_depth` is empty. Raises ValueError where a string or a bracket is open at its end.

    Whoever cleans it with limits of one less and the same depth comes to what the whole would have been; what is left
    out is not read, so it need not be right. Of equal keys each counts.
    """
    kept: list[bytes] = []
    open_: list[bytes] = []
    start = place = values = 0
    while piece := SEPARATORS.match(text, place):
        mark, place = piece[1], piece.end()
        if mark in CLOSING:
            if len(open_) == max_depth:
                kept.append(text[start:place])
                start = (place := find_end(text, place - 1)) - 1
                continue
            open_.append(CLOSING[mark])
        elif mark != b",":
            open_.pop()
            if not open_:
                return b"".join(kept) + text[start:] if kept else text
            continue
        values += 1
        if values > most:
            end = place - (mark == b",")
            return b"".join([*kept, text[start:end], *reversed(open_)])
    if open_:
        raise ValueError("a bracket is not closed")
    return text  # there is nothing in it
