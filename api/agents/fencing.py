"""Text of others, so that it stays what it is: data. Pure.

What anyone may have written stands between two lines, `<<untrusted NAME` and `NAME>>`. The name follows from the text and is
not in it, so nothing in there can end it. Each value is in a line of its own or a cell of one: ends of lines, controls, zero
widths and what turns text round are shown as Python writes them, markup is escaped, links do not live.
"""

import hashlib
from collections.abc import Sequence

from api.reads.cells import escape_markup, show_unseen, write_out

OPEN, CLOSE = "<<untrusted ", ">>"
NAME_BYTES = 4
LINE_MAX_CHARACTERS = 400


def fence(lines: Sequence[str]) -> str:
    """The lines, which hold no end of a line, between the two that mark them."""
    inside = "\n".join(lines)
    name = name_boundary(inside)
    return f"{OPEN}{name}\n{inside}\n{name}{CLOSE}" if lines else f"{OPEN}{name}\n{name}{CLOSE}"


def name_boundary(inside: str) -> str:
    """Eight hexadecimal digits that the text does not hold; the same for the same text, as caches like it."""
    seed = hashlib.blake2b(inside.encode("utf-8", "surrogatepass"), digest_size=32).digest()
    while (name := seed[:NAME_BYTES].hex()) in inside:
        seed = hashlib.blake2b(seed, digest_size=32).digest()
    return name


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(1, most - 3)] + "..."


def show_value(text: str, most: int = LINE_MAX_CHARACTERS) -> str:
    """A text in one line or cell, cut."""
    return escape_markup(shorten(show_unseen(text[: most * 4]), most))


def show_line(text: str, most: int = LINE_MAX_CHARACTERS) -> str:
    """A line of something that has lines, such as a trace: blanks at its beginning stay."""
    rest = text.lstrip(" ")
    return " " * min(len(text) - len(rest), 12) + show_value(rest, most)


def plain_value(text: str, most: int = LINE_MAX_CHARACTERS) -> str:
    """A text as a value of JSON: what cannot be seen is written out, the rest stays."""
    return shorten(write_out(text[: most * 4]), most)
